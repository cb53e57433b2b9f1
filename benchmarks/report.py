"""The table, on the screen and as files in the git-ignored ``benchmarks/results``."""

import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import TIMES, Comparison, Goal, Row, Series

RESULTS = Path(__file__).with_name("results")
_FILE_WIDTH = 150
_NOTHING = "\N{EN DASH}"
_HEADINGS = ("work", "expressway", "peer", "ratio", "goal", "reached")
_PACKAGES = ("expressway", "aws-cdk-lib", "boto3", "cfn-lint", "mcp", "ministack")


@dataclass(slots=True)
class Run:
    """What one run has measured so far, and what it could not measure."""

    rows: list[Row] = field(default_factory=list[Row])
    comparisons: list[Comparison] = field(default_factory=list[Comparison])
    failures: list[str] = field(default_factory=list[str])
    ended_by: BaseException | None = None
    started: float = field(default_factory=time.monotonic)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, measured: Iterable[Row | Comparison], failure: str | None) -> None:
        for part in measured:
            if isinstance(part, Row):
                self.rows.append(part)
            else:
                self.comparisons.append(part)
        if failure is not None:
            self.failures.append(failure)

    @property
    def conditions(self) -> str:
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
        return (
            f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, "
            f"Python {platform.python_version()}, {versions}; "
            f"load {self.load_before:.1f} before, {os.getloadavg()[0]:.1f} after; "
            f"{time.monotonic() - self.started:.0f} s in all. Medians; the contenders of a row ran in turn."
        )


def show(title: str, measured: Sequence[Row | Comparison]) -> None:
    """Print what one group measured to standard output."""
    rows = [part for part in measured if isinstance(part, Row)]
    if rows:
        table = Table(*_HEADINGS, title=title, title_justify="left")
        for row in rows:
            table.add_row(*_cells(row))
        _console().print(table)
    for part in measured:
        if isinstance(part, Comparison):
            _show_comparison(_console(), part)


def show_end(run: Run) -> None:
    """Print under which conditions was measured, and what could not be."""
    console = _console()
    console.print(run.conditions, style="dim")
    for failure in run.failures:
        console.print(f"not measured: {failure}", style="red", markup=False)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _FILE_WIDTH)


def _show_comparison(console: Console, comparison: Comparison) -> None:
    table = Table(*comparison.headings, title=comparison.title)
    for line in comparison.lines:
        table.add_row(*line)
    console.print(table)
    for goal in comparison.goals:
        console.print(_goal_line(goal), markup=False)


def write(run: Run, folder: Path) -> None:
    """Write ``latest.json`` and ``latest.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(_document(run), indent=2) + "\n", encoding="utf-8")
    (folder / "latest.md").write_text(_markdown(run), encoding="utf-8")


def _document(run: Run) -> dict[str, object]:
    rows = [
        asdict(row)
        | {
            "times_faster": row.times_faster,
            "medians": {"ours": row.ours.median, "peer": row.peer.median if row.peer else None},
            "reached": [goal.reached for goal in row.goals],
        }
        for row in run.rows
    ]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    comparisons = [asdict(one) | {"reached": [goal.reached for goal in one.goals]} for one in run.comparisons]
    return {
        "at": at,
        "conditions": run.conditions,
        "rows": rows,
        "comparisons": comparisons,
        "failures": run.failures,
    }


def _markdown(run: Run) -> str:
    lines = [_line(_HEADINGS), _line(["---"] * len(_HEADINGS)), *(_line(_cells(row)) for row in run.rows)]
    failures = [f"\nNot measured: {failure}" for failure in run.failures]
    comparisons = [line for one in run.comparisons for line in _markdown_comparison(one)]
    return "\n".join([*lines, "", run.conditions, *comparisons, *failures]) + "\n"


def _markdown_comparison(comparison: Comparison) -> list[str]:
    table = [_line(comparison.headings), _line(["---"] * len(comparison.headings)), *map(_line, comparison.lines)]
    return ["", f"**{comparison.title}**", "", *table, "", *map(_goal_line, comparison.goals)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    peer = f"{_value(row.peer)} {row.peer.name}" if row.peer else _NOTHING
    ratio = f"{row.times_faster:.3g}{TIMES}" if row.times_faster is not None else _NOTHING
    goals = "; ".join(_goal(goal) for goal in row.goals) or _NOTHING
    reached = "; ".join(_reached(goal) for goal in row.goals) or _NOTHING
    return [row.work, f"{_value(row.ours)} {row.ours.name}", peer, ratio, goals, reached]


def _value(series: Series) -> str:
    if series.unit != "s":
        return f"{series.median:.0f} {series.unit}"
    return f"{series.median * 1000:.0f} ms" if series.median < 1 else f"{series.median:.2f} s"


def _goal(goal: Goal) -> str:
    return f"{'≤' if goal.at_most else '≥'} {_number(goal.bound, goal.unit)}"


def _reached(goal: Goal) -> str:
    return f"{'yes' if goal.reached else 'NO'} ({_number(goal.measured, goal.unit)})"


def _goal_line(goal: Goal) -> str:
    return f"goal {_goal(goal)}: {_reached(goal)}"


def _number(value: float, unit: str) -> str:
    if unit == " s" and value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.3g}{unit}"
