"""Every name of ministack that the sandbox touches is checked at launch."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import expressway_sandbox
from expressway.errors import SandboxError
from expressway_sandbox import composition

SOURCES = sorted(Path(expressway_sandbox.__file__).parent.rglob("*.py"))


def referenced(tree: ast.AST) -> Iterator[str]:
    """Dotted names reached through ``emulator.module("…")``, directly or by a local name, and wrapped ones."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module):
            yield from _referenced_in(function)


def _referenced_in(scope: ast.AST) -> Iterator[str]:
    names = {
        target.id: module
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target, module in _assigned_modules(node)
    }
    for node in ast.walk(scope):
        if isinstance(node, ast.Attribute):
            module = _module_of(node.value) or (names.get(node.value.id) if isinstance(node.value, ast.Name) else None)
            if module:
                yield f"ministack.{module}.{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wrap":
            module = str(getattr(node.args[0], "value", ""))
            yield from (f"ministack.{module}.{wrapped.arg}" for wrapped in node.keywords if wrapped.arg)


def _assigned_modules(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[ast.Name, str]]:
    targets, values = [node.target] if isinstance(node, ast.AnnAssign) else node.targets, [node.value]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
        targets, values = node.targets[0].elts, node.value.elts
    for target, value in zip(targets, values, strict=False):
        module = _module_of(value)
        if isinstance(target, ast.Name) and module:
            yield target, module


def _module_of(node: ast.AST) -> str | None:
    called = isinstance(node, ast.Call) and bool(node.args) and isinstance(node.args[0], ast.Constant)
    if not called:
        return None
    function = node.func
    is_border = isinstance(function, ast.Attribute) and function.attr == "module"
    is_inside = isinstance(function, ast.Name) and function.id == "module"
    return str(node.args[0].value) if is_border or is_inside else None


def test_every_symbol_that_is_referenced_is_checked() -> None:
    used = {name for path in SOURCES for name in referenced(ast.parse(path.read_text()))}
    checked = {f"{module}.{name}" for module, names in composition.HOOKED.items() for name in names}
    assert len(used) > 40
    assert used - checked == set()


def test_a_missing_symbol_stops_the_launch_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    composition.check_ministack()
    monkeypatch.setitem(composition.HOOKED, "ministack.app", ("no_such_function",))
    with pytest.raises(SandboxError) as caught:
        composition.check_ministack()
    assert caught.value.code == "ministack_symbol_missing"
    assert "ministack.app.no_such_function" in caught.value.message
    assert composition.EXPECTED_VERSION in caught.value.message


def test_another_version_stops_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "EXPECTED_VERSION", "0.0.1")
    with pytest.raises(SandboxError) as caught:
        composition.check_ministack()
    assert caught.value.code == "ministack_version"
    assert caught.value.details["expected"] == "0.0.1"
