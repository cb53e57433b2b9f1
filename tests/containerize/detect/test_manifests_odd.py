"""Manifests whose keys hold something else than their tools take: no fault of ours, whatever stands there."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from expressway.errors import ImageError
from expressway.toolkit import Toolkit

pytestmark = pytest.mark.process  # hadolint, for every Dockerfile that is made
APP = "from flask import Flask\napp = Flask(__name__)\n"
LONG = f"0x{'f' * 5_000}"
TOML = ("5", '"x"', "[1]", "[[1]]", "{a=[1]}", "true", "nan", "1979-05-27", '[""]', "[{}]", LONG, f"[{LONG}]")
JSON: tuple[Any, ...] = (5, "x", [1], [[1]], {"a": [1]}, True, None, "", [""], "\ud800", "../../x")
PYTHON = (
    *("project", "project.dependencies", "project.requires-python", "tool.poetry", "tool.poetry.dependencies"),
    *("tool.poetry.dependencies.python", "tool.poetry.dependencies.flask.extras"),
)
CARGO = ("package", "package.name", "package.default-run", "package.rust-version", "dependencies", "bin", "test", "lib")
NODE = (
    *("main", "scripts", "scripts.start", "scripts.build", "scripts.prepare", "engines", "engines.node"),
    *("packageManager", "workspaces", "dependencies", "dependencies.next", "devDependencies.vite"),
)
PHP = ("require", "require.php", "config.platform.php")


def containerized(root: Path, files: dict[str, str]) -> None:
    root.mkdir()
    for path, content in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)
    # Nothing may show a framework any more.
    with Toolkit(environ={"EXPRESSWAY_HOME": "/nonexistent"}) as toolkit, suppress(ImageError):
        json.dumps(toolkit.containerize(root).to_dict())


def nested(key: str, value: Any) -> dict[str, Any]:
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize("key", PYTHON)
def test_any_value_of_a_key_of_python_ends_in_an_answer(tmp_path: Path, key: str) -> None:
    for number, value in enumerate(TOML):
        containerized(tmp_path / str(number), {"pyproject.toml": f"{key} = {value}\n", "app.py": APP})


@pytest.mark.parametrize("key", CARGO)
def test_any_value_of_a_key_of_rust_ends_in_an_answer(tmp_path: Path, key: str) -> None:
    for number, value in enumerate(TOML):
        files = {"Cargo.toml": f"{key} = {value}\n", "src/main.rs": "use axum; fn main() {}\n"}
        containerized(tmp_path / str(number), files)


@pytest.mark.parametrize("key", NODE)
def test_any_value_of_a_key_of_node_ends_in_an_answer(tmp_path: Path, key: str) -> None:
    ordinary = {"dependencies": {"express": "5"}, "scripts": {"start": "node server.js"}}
    for number, value in enumerate(JSON):
        files = {"package.json": json.dumps(ordinary | nested(key, value)), "server.js": ""}
        containerized(tmp_path / str(number), files)


@pytest.mark.parametrize("key", PHP)
def test_any_value_of_a_key_of_php_ends_in_an_answer(tmp_path: Path, key: str) -> None:
    for number, value in enumerate(JSON):
        containerized(tmp_path / str(number), {"composer.json": json.dumps(nested(key, value)), "index.php": ""})
