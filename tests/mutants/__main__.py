"""Run mutants: ``python -m tests.mutants [--sample N] [--seed N] [module …]``; see ``make mutants``.

A sample takes so many of each module's mutants, the same ones for the same seed and text; 0 takes all. Nothing of the
work tree is touched: mutants live in copies.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.modules import ROOT, importing, listed_modules, module_path
from tests.mutants.mutations import Mutation, mutations

_COPIED = ("src", "tests", "stacks", "examples", "benchmarks", "docs", "requirements", "pyproject.toml", "cdk.json")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", "results")
_MARKS = "not engine and not sandbox and not cdk_cli"
_SURVIVED, _FAILED = 0, {1, 2, 3, 4}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant and whether a test noticed it."""

    module: str
    mutation: Mutation
    noticed: bool
    change: str


def main(arguments: Sequence[str]) -> int:
    """Exit status: 1 where the score is below what is wanted, or a module's own tests fail without a mutant."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", help="such as image/values.py; all of modules.txt by default")
    parser.add_argument("--sample", type=int, default=6, help="mutants of each module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-least", type=float, default=0.93, help="the share that has to be noticed")
    options = parser.parse_args(arguments)
    known = listed_modules()
    chosen = {name: known.get(name) or tuple(importing(name)) for name in options.modules or known}
    outcomes: list[Outcome] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="expressway-mutants-") as scratch:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            copies.put(_copy(Path(scratch) / str(number)))
        # Read at once: somebody may go on working in the tree.
        sources = {module: (ROOT / module_path(module)).read_text(encoding="utf-8") for module in chosen}
        for module, tests in chosen.items():
            seconds = _seconds_without_mutant(copies, tests)
            if seconds is None:
                broken.append(module)
                print(f"{module}: its tests fail as they are: {' '.join(tests) or 'there are none'}", flush=True)
                continue
            outcomes += _of_module(module, sources[module], tests, options, copies, limit=5 * seconds + 20)
    return _report(outcomes, broken, options.at_least)


def _of_module(
    module: str,
    source: str,
    tests: Sequence[str],
    options: argparse.Namespace,
    copies: "SimpleQueue[Path]",
    *,
    limit: float,
) -> list[Outcome]:
    every = sorted(mutations(source))
    count = min(options.sample or len(every), len(every))
    sampled = sorted(random.Random(f"{options.seed} {module}").sample(every, count))

    def tried(mutation: Mutation) -> Outcome | None:
        changed = mutation.applied(source)
        if changed is None or changed == source:
            return None
        copy = copies.get()
        file = copy / module_path(module)
        try:
            file.write_text(changed, encoding="utf-8")
            noticed = _tests_fail(copy, tests, limit)
        finally:
            file.write_text(source, encoding="utf-8")
            copies.put(copy)
        return Outcome(module, mutation, noticed, _change(source, changed))

    with ThreadPoolExecutor(options.jobs) as pool:
        done = [outcome for outcome in pool.map(tried, sampled) if outcome is not None]
    noticed = sum(outcome.noticed for outcome in done)
    print(f"{module}: {noticed} of {len(done)} noticed ({len(every)} mutants in all)", flush=True)
    for outcome in done:
        if not outcome.noticed:
            print(f"  {module}:{outcome.mutation.line} {outcome.mutation.operator}\n{outcome.change}", flush=True)
    return done


def _report(outcomes: Sequence[Outcome], broken: Sequence[str], at_least: float) -> int:
    noticed = sum(outcome.noticed for outcome in outcomes)
    score = noticed / len(outcomes) if outcomes else 0.0
    print(f"{noticed} of {len(outcomes)} mutants noticed: {score:.1%} (wanted {at_least:.0%})")
    return 1 if broken or score < at_least else 0


def _copy(folder: Path) -> Path:
    folder.mkdir()
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def _seconds_without_mutant(copies: "SimpleQueue[Path]", tests: Sequence[str]) -> float | None:
    copy, started = copies.get(), time.monotonic()
    fails = not tests or _tests_fail(copy, tests, 600)
    copies.put(copy)
    return None if fails else time.monotonic() - started


def _tests_fail(copy: Path, tests: Sequence[str], limit: float) -> bool:
    """Whether the tests notice what is in the copy; that they find no end counts as noticing.

    Raises:
        RuntimeError: no test was run.
    """
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", _MARKS, *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            pytest, cwd=copy, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in {_SURVIVED, *_FAILED}:
        raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode in _FAILED


def _change(before: str, after: str) -> str:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    old, new = next(((old, new) for old, new in pairs if old != new), ("", ""))
    return f"    - {old.strip()}\n    + {new.strip()}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
