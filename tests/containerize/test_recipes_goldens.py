"""Each framework with each package manager gives exactly the files that are kept: clean by hadolint, and valid."""

from pathlib import Path

import pytest

from expressway.app.parse import parse_definition_text
from expressway.containerize.review.hadolint import Hadolint
from expressway.image.context.dockerignore import IgnoreRules
from expressway.image.dockerfile.parser import parse_dockerfile
from tests.containerize.golden import APPS, GOLDEN, make, variants

VARIANTS = dict(variants())


@pytest.mark.parametrize("name", VARIANTS)
def test_the_files_are_the_kept_ones(name: str, tmp_path: Path) -> None:
    made = make(tmp_path, name, VARIANTS[name])
    kept = {
        str(path.relative_to(GOLDEN / name)): path.read_text() for path in (GOLDEN / name).rglob("*") if path.is_file()
    }
    assert dict(made.files) == kept
    assert made.findings == ()
    assert made.gaps == ()


@pytest.mark.parametrize("name", VARIANTS)
def test_hadolint_finds_nothing_and_no_buildkit_is_needed(name: str) -> None:
    text = (GOLDEN / name / "Dockerfile").read_text()
    assert Hadolint()(text) == ()
    parsed = parse_dockerfile(text)
    assert parsed.problems == ()
    assert not parsed.buildkit_reasons


@pytest.mark.parametrize("name", VARIANTS)
def test_it_runs_as_an_ordinary_user_in_exec_form_on_pinned_bases_and_the_port_of_its_definition(name: str) -> None:
    parsed = parse_dockerfile((GOLDEN / name / "Dockerfile").read_text())
    definition = parse_definition_text((GOLDEN / name / "expressway.yaml").read_text())
    assert parsed.exposed_ports() == (definition.container_port,)
    user = parsed.user()
    assert user is not None
    assert user.split(":")[0].isdigit()
    assert user.split(":")[0] != "0"
    stage = parsed.stage()
    assert stage is not None
    command = stage.last("CMD")
    assert command is not None
    assert command.arguments.startswith("[")
    health = stage.last("HEALTHCHECK")
    assert health is not None
    assert f":{definition.container_port}" in health.arguments or f"/{definition.container_port}" in health.arguments
    for base in parsed.base_images():
        assert any(character.isdigit() for character in base.rpartition(":")[2]) or base.endswith(":bookworm-slim")


@pytest.mark.parametrize("name", [name for name in VARIANTS if not name.startswith(("static", "php"))])
def test_what_is_installed_is_cached_before_the_source_is_copied(name: str) -> None:
    parsed = parse_dockerfile((GOLDEN / name / "Dockerfile").read_text())
    first = parsed.stages[0]
    copies = [instruction for instruction in first.instructions if instruction.keyword == "COPY"]
    assert copies[0].arguments.split()[0] != "."


@pytest.mark.parametrize("name", VARIANTS)
def test_secrets_and_version_control_stay_out_of_the_context(name: str) -> None:
    rules = IgnoreRules((GOLDEN / name / ".dockerignore").read_text().splitlines())
    assert all(rules.excludes(path) for path in (".git/config", ".env", ".env.local", "server.pem"))
    copied = [path for path in ("package.json", "requirements.txt", "pyproject.toml", "go.mod") if rules.excludes(path)]
    assert copied == []


def test_every_framework_that_is_known_has_a_sample_app() -> None:
    from expressway.containerize.recipes import load_recipes

    samples = {path.name for path in APPS.iterdir()}
    assert set(load_recipes().frameworks) <= samples
