"""Every command block of the documents runs as it is written, in a clone, with the sandbox in the place of AWS.

Above a block that cannot run here, a comment says why, ``<!-- Not run by the tests: … -->``; its commands must still
exist. Each document is run from its first block to its last in one folder.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expressway_sandbox.lifecycle import environment, start, stop
from tests.documents.pages import DOCS, ROOT

COMMANDS = re.compile(
    r"^(?:<!-- Not run by the tests: (?P<reason>[^\n]*) -->\n\n?)?```sh\n(?P<text>.*?)^```",
    flags=re.MULTILINE | re.DOTALL,
)
SCRIPTS = Path(sys.executable).parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
CLONED = ("Makefile", "pyproject.toml", "README.md", "LICENSE", "requirements", "scripts", "examples", "src")
pytestmark = [pytest.mark.sandbox, pytest.mark.engine, pytest.mark.timeout(600)]


def blocks(document: Path, language: str) -> list[str]:
    """The blocks of a language."""
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(document: Path, *, run: bool) -> list[re.Match[str]]:
    """The command blocks that are run, or those that are not, with the reason."""
    found = COMMANDS.finditer(document.read_text(encoding="utf-8"))
    return [block for block in found if (block["reason"] is None) is run]


WITH_COMMANDS = [path for path in DOCUMENTS if commands(path, run=True)]


class Reader:
    """Somebody who follows a document: a clone, a shell and a sandbox of their own."""

    def __init__(self, clone: Path, home: Path, engine: str) -> None:
        self._clone = clone
        self._engine = engine
        self._sandbox = home / "sandbox"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "EXPRESSWAY_HOME": str(home),
            "DOCKER_HOST": engine,
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        }

    def run(self, block: str) -> None:
        """Run a block as a script that ends at the first command that fails.

        The sandbox is the account of every command; it is started if a block before has stopped it.
        """
        sandbox = start(state_dir=self._sandbox, docker_host=self._engine)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self._clone,
            env={**self._environment, **environment(sandbox)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"

    def stop(self) -> None:
        stop(self._sandbox)


@pytest.fixture
def reader(base_images: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A reader in a clone, whose folder is also that of the app of the document."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in CLONED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(SCRIPTS.parent, target_is_directory=True)
    for name in ("Dockerfile", "app.py"):
        shutil.copy(ROOT / "examples" / "hello" / name, clone / name)
    (clone / ".dockerignore").write_text("*\n!app.py\n")
    for text in blocks(request.param, "yaml")[:1]:
        (clone / "expressway.yaml").write_text(text)
    reader = Reader(clone, tmp_path / "home", base_images)
    yield reader
    reader.stop()


@pytest.mark.parametrize(
    ("reader", "document"),
    [(path, path) for path in WITH_COMMANDS],
    indirect=["reader"],
    ids=[path.stem for path in WITH_COMMANDS],
)
def test_the_commands_of_a_document_run_one_after_the_other(reader: Reader, document: Path) -> None:
    for block in commands(document, run=True):
        reader.run(block["text"])


NOT_RUN = [block for path in DOCUMENTS for block in commands(path, run=False)]


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    assert len(NOT_RUN) <= 3
    assert all(re.fullmatch(r"\w.*\.", block["reason"]) for block in NOT_RUN)


def test_every_reason_belongs_to_a_block() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    assert sum(text.count("<!-- Not run") for text in texts) == len(NOT_RUN) > 0
    assert sum(len(re.findall(r"^```sh$", text, flags=re.MULTILINE)) for text in texts) == sum(
        len(commands(path, run=run)) for path in DOCUMENTS for run in (True, False)
    )


def test_what_is_not_run_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for block in NOT_RUN:
        lines = [line for line in block["text"].splitlines() if line and not line.startswith("#")]
        for line in lines:
            program, argument, *_ = line.split()
            assert (program, argument.partition("@")[0]) in {("npx", "aws-cdk")} | {("make", name) for name in targets}


def test_every_example_is_a_command_block_or_a_definition() -> None:
    """Nothing that looks like a command hides in a block that is not run."""
    for path in DOCUMENTS:
        for language in re.findall(r"^```(\S*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            assert language in {"", "sh", "yaml", "json", "python", "mermaid"}, path
