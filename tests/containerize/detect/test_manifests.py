"""Dependencies as each language's manifest names them."""

import tracemalloc

import pytest

from expressway.containerize.detect.manifests import dependencies_of, toml_table, unparsable
from expressway.containerize.files import AppFiles


@pytest.mark.parametrize(
    ("language", "path", "text", "expected"),
    [
        ("python", "requirements.txt", "Flask[async]>=3 # web\n-r more.txt\n", {"flask", "flask[async]"}),
        ("python", "pyproject.toml", '[project]\ndependencies = ["Flask_Login==1"]\n', {"flask-login"}),
        (
            "python",
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = {version = "*", extras = ["standard"]}\n',
            {"python", "fastapi", "fastapi[standard]"},
        ),
        ("node", "package.json", '{"dependencies": {"next": "1"}, "devDependencies": {"vite": "1"}}', {"next", "vite"}),
        ("ruby", "Gemfile", "gem 'rails', '~> 8'\n# gem 'no'\n", {"rails"}),
        ("php", "composer.json", '{"require": {"laravel/framework": "^12"}}', {"laravel/framework"}),
        ("go", "go.mod", "module x\n\nrequire (\n\tgithub.com/a/b v1.2.3\n)\n", {"github.com/a/b"}),
        ("rust", "Cargo.toml", '[dependencies]\naxum = "0.8"\n', {"axum"}),
        ("java", "build.gradle", "plugins { id 'org.springframework.boot' version '3' }", {"org.springframework.boot"}),
        ("node", "package.json", "{ broken", set[str]()),
        ("node", "package.json", '{"dependencies": ["no", "mapping"]}', set[str]()),
        ("python", "pyproject.toml", "= broken", set[str]()),
    ],
)
def test_the_names_are_read_without_running_anything(language: str, path: str, text: str, expected: set[str]) -> None:
    assert dependencies_of(AppFiles("app", (path,), {path: text}), language) == expected


def test_a_manifest_that_cannot_be_parsed_is_named() -> None:
    assert unparsable(AppFiles("app", ("package.json",), {"package.json": "{"}))[0].startswith("package.json: ")
    assert unparsable(AppFiles("app", ("package.json",), {"package.json": "{}"})) == ()


MIXED = ".".join(["a", "'b'", '"c\\"d"', " e "] * 12)
"""A key of bare, literal and basic parts, the quoted ones with what could be taken for their end."""


@pytest.mark.parametrize(
    "text",
    [
        f"{'a.' * 40}b = 1",
        f"{MIXED} = 1",
        f"[{'a.' * 40}b]",
        f"[[{'a . ' * 40}b]]",
        f"x = {{y = '\"', {'a.' * 40}b = 1, z = '\"'}}",
        f'x = {{y = """\n\' """, {"a." * 40}b = 1, z = "\'"}}',
    ],
)
def test_a_dotted_key_that_takes_gigabytes_when_it_is_long_is_not_parsed(text: str) -> None:
    files = AppFiles("app", ("pyproject.toml",), {"pyproject.toml": text})
    assert unparsable(files) == ("pyproject.toml: ⟪a dotted key has more than 32 parts⟫",)
    assert dependencies_of(files, "python") == frozenset()


def test_other_texts_with_many_dots_are_parsed() -> None:
    versions = ", ".join(f'"a{number}==1.{number}.0.post1"' for number in range(60))
    table = toml_table(f"# {'.' * 80}\n[project]\nname = '{'One word. ' * 40}'\ndependencies = [{versions}]\n")
    assert len(table["project"]["dependencies"]) == 60


def test_the_longest_keys_that_are_parsed_cost_little() -> None:
    lines = (f"{'a.' * 30}k{number} = 1" for number in range(1_500))
    tracemalloc.start()
    try:
        assert toml_table("\n".join(lines))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
