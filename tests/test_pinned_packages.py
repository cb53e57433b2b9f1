"""What tests, examples, scripts and benchmarks install is pinned: what was published today changes nothing."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import locks
from tests.containerize.test_containerize_builds import APPS, CASES, Case, case_name

ROOT = Path(__file__).parents[1]
SCANNED = (".ci", "Makefile", "benchmarks", "examples", "scripts", "src", "stacks", "tests")
RESOLVES = ROOT / "tests" / "locks"
"""Writes the lock files: the one place that asks for what is newest."""
EXACT = re.compile(r"\d+(\.\d+)+([.+-][\w.+-]+)?")
PINNED = re.compile(rf"(.+==|@?[^@]+@){EXACT.pattern}|.*\$.*|\.|\S*/bin/python|-.*|\S+\.(txt|toml)")
INSTALLS = re.compile(
    r"\b(?:(?:pip3?|npm|pnpm|gem|cargo|go) (?:install|i|add|exec|dlx)|yarn (?:global )?add|npx|uvx|uv tool run)"
    r" ([^|&;#\n\"'`)\]]*)"
)


def files(suffix: str = "") -> Iterator[Path]:
    for root in (ROOT / name for name in SCANNED):
        for path in [root] if root.is_file() else root.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix == suffix:
                yield path


def loose_packages(text: str) -> list[str]:
    """Names of packages without a version, in commands that install."""
    words = [word for command in INSTALLS.findall(text) for word in command.split()]
    return [word for word in words if not PINNED.fullmatch(word)]


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("RUN pip install --no-cache-dir flask", ["flask"]),
        ("RUN pip install uv==0.13.9 && npm install --global yarn@1.22.22 @yarnpkg/cli-dist@4.18.1", []),
        ("npx cdk@latest --version", ["cdk@latest"]),
        ("uvx expressway", ["expressway"]),
        ("pip install --require-hashes -r requirements.txt && pip install -e .", []),
        ("pip install x>=1", ["x>=1"]),
        ("npm i @scope/thing@^2.1.0", ["@scope/thing@^2.1.0"]),
    ],
)
def test_a_package_without_a_version_is_noticed(text: str, loose: list[str]) -> None:
    assert loose_packages(text) == loose


def test_no_script_installs_the_newest_of_a_package() -> None:
    scripts = [*files(), *files(".sh"), *files(".Dockerfile")]
    recipes = [line for path in files(".yaml") for line in path.read_text().splitlines() if "RUN " in line]
    assert len(scripts) > 100
    assert len(recipes) > 20
    assert {str(path): loose for path in scripts if (loose := loose_packages(path.read_text(errors="replace")))} == {}
    assert [line for line in recipes if loose_packages(line)] == []


def test_no_program_installs_the_newest_of_a_package() -> None:
    """Commands made of words in Python: pip checks hashes, npm takes its lock (``npm ci``), apt a frozen release."""
    found: dict[str, bool] = {}
    for path in files(".py"):
        text = path.read_text(encoding="utf-8")
        if RESOLVES not in path.parents and re.search('"(install|download)"', text):
            for node in ast.walk(ast.parse(text)):
                words = {part.value for part in ast.iter_child_nodes(node) if isinstance(part, ast.Constant)}
                if words & {"install", "download"} and not isinstance(node, ast.Compare | ast.Set | ast.Dict):
                    called = getattr(getattr(node, "func", None), "id", "")
                    if called == "_apt_get" or "-qq" in words:
                        continue
                    found[f"{path.relative_to(ROOT)}:{node.lineno}"] = "--require-hashes" in words
    assert len(found) >= 2
    assert [place for place, pinned in found.items() if not pinned] == []


def test_the_projects_own_packages_are_pinned_with_hashes() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = re.sub(r"(?m)^#.*\n", "", path.read_text())
        entries = re.split(r"\n(?=\S)", text.strip())
        assert entries[0]
        assert [entry for entry in entries if not re.match(r"[\w.\[\],-]+==\S+.*\\\n\s+--hash=sha256:", entry)] == []
        assert "://" not in text


def _ids(folder: Path) -> str:
    return str(folder.relative_to(ROOT / "tests"))


MANIFESTS = [*APPS.glob("*/package.json"), *locks.APPS.glob("*/package.json"), *locks.NODE.glob("*/package.json")]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_ids)
def test_a_sample_apps_own_packages_are_exact_versions(manifest: Path) -> None:
    package = json.loads(manifest.read_text())
    wanted = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert wanted
    assert {name: version for name, version in wanted.items() if not EXACT.fullmatch(version)} == {}


def test_every_sample_app_with_packages_of_npm_has_a_lock_file() -> None:
    wanted = {case_name(case) for case in CASES if (APPS / case.app / "package.json").is_file()}
    assert wanted == {folder.name for folder in locks.APPS.iterdir()}
    for name in wanted:
        assert [*locks.APPS.glob(f"{name}/*lock*")]


LOCK_FILES = [*locks.APPS.glob("*/*lock*"), *locks.NODE.glob("*/package-lock.json")]


@pytest.mark.parametrize("path", LOCK_FILES, ids=_ids)
def test_a_lock_file_tells_every_package_by_its_checksum_and_none_by_an_address(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\bresolved\b|tarball:|registry", text)
    packages = list(_locked(path.name, text))
    assert packages
    assert [name for name, described in packages if not re.search(r"sha512-|checksum: 10c0/", described)] == []


def _locked(file: str, text: str) -> Iterator[tuple[str, str]]:
    if file == "package-lock.json":
        for name, described in json.loads(text)["packages"].items():
            if name:
                yield name, described.get("integrity", "")
        return
    start = {"pnpm-lock.yaml": r"\n  (?=\S+@[\d.]+'?:\n    resolution)", "yarn.lock": r"\n(?=\S+:\n)"}[file]
    for entry in re.split(start, text)[1:]:
        if "@workspace:" not in entry and "__metadata" not in entry:
            yield entry.partition("\n")[0], entry


def _is_python(case: Case) -> bool:
    return any((APPS / case.app).glob("**/*.py"))


@pytest.mark.parametrize("case", [case for case in CASES if _is_python(case)], ids=case_name)
def test_what_a_sample_app_of_python_installs_is_exact_and_known(case: Case) -> None:
    assert case.pins
    assert [pin for pin in case.pins if not re.fullmatch(rf"[a-z0-9-]+=={EXACT.pattern}", pin)] == []
    assert set(case.pins) <= set(locks.python_pins("images"))


def test_no_sample_app_of_another_language_asks_a_registry() -> None:
    """Ruby's gems and Laravel are made of Debian's packages; these have no packages but their own."""
    built = {case.app for case in CASES}
    assert "require" not in (APPS / "go" / "go.mod").read_text()
    assert [package["name"] for package in tomllib.loads((APPS / "rust" / "Cargo.lock").read_text())["package"]] == [
        "hello"
    ]
    assert built.isdisjoint({"spring-boot", "spring-boot-gradle", "dotnet"})
