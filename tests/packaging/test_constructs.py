"""The constructs as a distribution of their own: what is in it, and that the oldest CDK it allows is enough."""

import email
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, build_wheel, environment, run
from tests.shared import MAY_INSTALL

pytestmark = pytest.mark.process
PROJECT = ROOT / "packaging" / "constructs"
SOURCES = ROOT / "src" / "expressway_constructs"
TESTS = Path("tests") / "expressway_constructs"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(PROJECT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {str(path.relative_to(SOURCES.parent)) for path in SOURCES.rglob("*.py")}
    assert names == sources | {"expressway_constructs/py.typed"}


def test_the_wheel_needs_only_the_cdk_and_carries_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
        assert "Apache License" in archive.read(f"{folder}/licenses/LICENSE").decode()
    needed = metadata.get_all("Requires-Dist") or []
    assert {re.split(r"[<>=]", each)[0] for each in needed} == {"aws-cdk-lib", "constructs"}
    assert (metadata["Name"], metadata["License-Expression"]) == ("expressway-constructs", "Apache-2.0")


def test_the_readmes_sample_synthesizes(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    run([sys.executable, "-c", sample], folder=tmp_path, CDK_OUTDIR=str(tmp_path / "out"), CDK_VALIDATION="false")
    assert "AWS::ECS::ExpressGatewayService" in (tmp_path / "out" / "Shop.template.json").read_text(encoding="utf-8")


@pytest.mark.skipif(not MAY_INSTALL, reason="needs a package index; EXPRESSWAY_INSTALL=1 says that there is one")
@pytest.mark.timeout(600)
def test_the_oldest_cdk_that_is_allowed_is_enough(wheel: Path) -> None:
    """Their own tests of services and repositories, and the README's app, without Expressway."""
    python = environment("constructs-lowest.txt", wheel)
    chosen = [TESTS / name for name in ("service/test_gateway_service.py", "test_image_repository.py", _SYNTHESIS)]
    options = ["-q", "-p", "no:cacheprovider", "--confcutdir", TESTS]
    told = run([python, "-m", "pytest", *options, *chosen], PYTHONPATH=str(ROOT))
    passed = re.search(r"(\d+) passed", told)
    assert passed, told
    assert int(passed[1]) >= 75


_SYNTHESIS = "test_typed_apps.py::test_the_apps_synthesize[readme_sample]"
