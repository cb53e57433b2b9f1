"""Hostile texts for regular expressions, made from the expressions themselves; and every expression of the source.

An expression that backtracks takes time that grows with the square of a text (or faster) where a repetition can begin
at any place of a long run, or where two repetitions can share one. The texts here are such runs.
"""

import ast
import re
import re._constants as sre
import re._parser as sre_parser  # what `re` itself parses with
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src"
_USES = frozenset({"compile", "search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn"})
_FLAGS = {
    name: getattr(re, name)
    for name in ("I", "M", "S", "X", "A", "IGNORECASE", "MULTILINE", "DOTALL", "VERBOSE", "ASCII")
}
_METHODS = {"match": "match", "fullmatch": "fullmatch"}
_USE = re.compile(r"\b(_?[A-Z][A-Z0-9_]+)(?:\.(\w+)\(|[)\]]|, )")
"""A constant that is called, or handed on to code that may do anything with it."""
_END = ("\0", "\n")
_MOST_RUNS = 10
_MOST_MEMBERS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One expression, where it is, and how it is used (a method of `re`)."""

    place: str
    text: str
    flags: int
    use: str


def expressions() -> Iterator[Found]:
    """Every constant expression in the source."""
    texts = {path: path.read_text() for path in sorted(SOURCE.rglob("*.py"))}
    uses = _uses("\n".join(texts.values()))
    for path, text in texts.items():
        tree = ast.parse(text)
        constants = {
            node.targets[0].id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        }
        names = {node.value: node.targets[0] for node in ast.walk(tree) if isinstance(node, ast.Assign)}
        for node in ast.walk(tree):
            found = _of_call(node, constants)
            if found is not None:
                name = names.get(node)  # type: ignore[call-overload]
                use = uses.get(name.id, "findall") if isinstance(name, ast.Name) else "findall"
                place = f"{path.relative_to(SOURCE).as_posix().removeprefix('expressway/')}:{node.lineno}"  # type: ignore[attr-defined]
                yield Found(
                    place, found[0], found[1], use if found[2] == "compile" else _METHODS.get(found[2], "findall")
                )


def _uses(source: str) -> Mapping[str, str]:
    """How the expressions are used, by their names: anchored only where every use is."""
    uses: dict[str, set[str]] = {}
    for found in _USE.finditer(source):
        uses.setdefault(found[1], set()).add(_METHODS.get(found[2] or "", "findall"))
    anchored = (each for each in uses.items() if "findall" not in each[1])
    return {name: min(methods, key="match fullmatch".index) for name, methods in anchored}


def _of_call(node: ast.AST, constants: Mapping[str, str]) -> tuple[str, int, str] | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _USES):
        return None
    if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.args):
        return None
    text = _constant(node.args[0], constants)
    if text is None:
        return None
    flags = 0
    for other in ast.walk(
        ast.Module([ast.Expr(arg) for arg in (*node.args[1:], *(k.value for k in node.keywords))], [])
    ):
        if isinstance(other, ast.Attribute) and isinstance(other.value, ast.Name) and other.value.id == "re":
            flags |= _FLAGS.get(other.attr, 0)
    return text, flags, node.func.attr


def _constant(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        value = node.value
        return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else None
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):  # what is put in and is not known here is a name or a number: a stand-in
        return "".join(_constant(part, constants) or "x" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _constant(node.value, constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _constant(node.left, constants), _constant(node.right, constants)
        return None if left is None or right is None else left + right
    return None


def attacks(pattern: str, flags: int, length: int) -> Iterator[str]:
    """Texts of about `length` characters on which the expression does the most it can."""
    tree = sre_parser.parse(pattern, flags)
    seen: set[str] = set()
    for before, run in list(_runs(list(tree), ""))[:_MOST_RUNS]:
        for unit in filter(None, dict.fromkeys((run, before + run))):
            pumped = unit * (length // len(unit))
            for text in dict.fromkeys((before + pumped, pumped)):
                for end in _END:
                    if text + end not in seen:
                        seen.add(text + end)
                        yield text + end


def _runs(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """(a text that leads to it, one round of it) for each repetition, the outer ones first."""
    for place, (op, argument) in enumerate(items):
        lead = before + "".join(_sample([item]) for item in items[:place])
        if op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            _, most, inside = argument
            if most > 20:
                for one in _samples(list(inside)):
                    yield lead, one
            yield from _runs(list(inside), lead)
        else:
            for inside in _inside(op, argument):
                yield from _runs(list(inside), lead)


def _inside(op: Any, argument: Any) -> Iterable[Any]:
    if op is sre.SUBPATTERN:
        return [argument[3]]
    if op is sre.BRANCH:
        return argument[1]
    if op in {sre.ASSERT, sre.ASSERT_NOT}:
        return [argument[1]]
    return [argument] if op is sre.ATOMIC_GROUP else []


def _samples(items: list[Any]) -> Iterator[str]:
    """Several texts that the items match: for a class of one character each of some of its members."""
    if len(items) == 1 and items[0][0] is sre.IN:
        yield from islice(dict.fromkeys(one for member in items[0][1] for one in _members(member)), _MOST_MEMBERS)
        negated = items[0][1][0][0] is sre.NEGATE
        if negated:
            refused = {one for member in items[0][1][1:] for one in _members(member)}
            yield from islice((one for one in 'a /.="{' if one not in refused), _MOST_MEMBERS)
        return
    if len(items) == 1 and items[0][0] is sre.ANY:
        yield from 'a /-."{='
        return
    if len(items) == 1 and items[0][0] is sre.BRANCH:
        for branch in items[0][1][1]:
            yield from _samples(list(branch))
        return
    if len(items) == 1 and items[0][0] is sre.SUBPATTERN:
        yield from _samples(list(items[0][1][3]))
        return
    yield _sample(items)


_CATEGORIES = {
    sre.CATEGORY_SPACE: " \n",
    sre.CATEGORY_NOT_SPACE: "a-",
    sre.CATEGORY_WORD: "a1",
    sre.CATEGORY_NOT_WORD: " -",
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_NOT_DIGIT: "a ",
}


def _members(member: tuple[Any, Any]) -> str:
    op, argument = member
    if op is sre.LITERAL:
        return chr(argument)
    if op is sre.RANGE:
        return chr(argument[0])
    return _CATEGORIES.get(argument, "") if op is sre.CATEGORY else ""


def _sample(items: list[Any]) -> str:
    """One short text that the items match."""
    return "".join(_sample_one(op, argument) for op, argument in items)


def _sample_one(op: Any, argument: Any) -> str:
    if op is sre.LITERAL:
        return chr(argument)
    if op is sre.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if op is sre.ANY:
        return "a"
    if op is sre.IN:
        return next(iter(_samples([(op, argument)])), "a")
    if op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        return _sample(list(argument[2])) * max(argument[0], 1 if argument[1] > 20 else argument[0])
    if op is sre.BRANCH:
        return _sample(list(argument[1][0]))
    if op is sre.SUBPATTERN:
        return _sample(list(argument[3]))
    return _sample(list(argument)) if op is sre.ATOMIC_GROUP else ""


def tables(modules: Iterable[Any]) -> Iterator[Found]:
    """Expressions that tables in modules hold: those that are put together when the module is loaded."""
    seen: set[int] = set()
    for module in modules:
        for value in vars(module).values():
            for pattern in _compiled_in(value, seen, depth=4):
                if isinstance(pattern.pattern, str):
                    yield Found(module.__name__, pattern.pattern, pattern.flags & ~re.UNICODE, "findall")


def _compiled_in(value: Any, seen: set[int], *, depth: int) -> Iterator[re.Pattern[Any]]:
    if depth == 0 or id(value) in seen or isinstance(value, str | bytes | int | type):
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
        return
    inside: Iterable[Any] = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, tuple | list | set | frozenset):
        inside = value
    elif is_dataclass(value):
        inside = [getattr(value, one.name) for one in fields(value)]
    for each in inside:
        yield from _compiled_in(each, seen, depth=depth - 1)
