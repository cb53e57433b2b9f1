"""The mutations of one module: what could be changed, where, and the text after it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

_COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt"),
    *("Is_IsNot", "IsNot_Is"),
)
_ARITHMETIC = ("Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "BitOr_BitAnd", "BitAnd_BitOr")
OPERATORS = (
    *(f"core/ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
    *(f"core/ReplaceBinaryOperator_{name}" for name in _ARITHMETIC),
    *("core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue", "core/ReplaceAndWithOr", "core/ReplaceOrWithAnd"),
    *("core/ReplaceBreakWithContinue", "core/ReplaceContinueWithBreak", "core/AddNot", "core/NumberReplacer"),
    *("core/ZeroIterationForLoop", "core/ExceptionReplacer", "core/ReplaceUnaryOperator_Delete_Not"),
)
"""Those of cosmic-ray that change what a program does, most times. Left out: decorators, and `==` beside `is`."""


_NUMBERS = "core/NumberReplacer"


@dataclass(frozen=True, slots=True, order=True)
class Mutation:
    """One change: the occurrence of an operator in a module's text, and its line (from 1)."""

    line: int
    operator: str
    occurrence: int

    def applied(self, source: str) -> str | None:
        """The module's text after it; None where the operator has nothing to change there."""
        return mutate_code(source, get_operator(self.operator)(), self.occurrence)


def mutations(source: str) -> Iterator[Mutation]:
    """Every mutation of a module, but of annotations, decorators and what only type checkers run.

    Numbers that are settings (of the module, or a parameter's default) stay too: a test could only repeat them.
    """
    tree = get_ast(source)
    skipped, computed = frozenset(_places_without_effect(source)), frozenset(_places_in_functions(source))
    for name in OPERATORS:
        operator = get_operator(name)()
        places = [place for node in ast_nodes(tree) for place in operator.mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            if start not in skipped and (name != _NUMBERS or start in computed):
                yield Mutation(start[0], name, occurrence)


def _places_without_effect(source: str) -> Iterator[tuple[int, int]]:
    """Every position (line, column) inside an annotation or a decorator, or below ``if TYPE_CHECKING``."""
    for node in ast.walk(ast.parse(source)):
        hidden: list[ast.AST | None] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        hidden += getattr(node, "decorator_list", [])
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            hidden.append(node)
        for part in hidden:
            if isinstance(part, ast.expr | ast.stmt):
                yield from _places(part, source)


def _places_in_functions(source: str) -> Iterator[tuple[int, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:
                yield from _places(statement, source)


def _places(part: ast.expr | ast.stmt, source: str) -> Iterator[tuple[int, int]]:
    lines = source.splitlines()
    end = part.end_lineno or part.lineno
    for line in range(part.lineno, end + 1):
        first = part.col_offset if line == part.lineno else 0
        last = (part.end_col_offset or 0) if line == end else len(lines[line - 1])
        yield from ((line, column) for column in range(first, last + 1))
