"""Measure everything, or the groups that are named: ``python -m benchmarks [synth] [unchanged] [first] …``."""

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import deploy, images, report, server, synth, troubleshooting
from benchmarks.commands import MeasurementFailed
from benchmarks.measure import Comparison, Row
from benchmarks.workbench import Workbench, workbench
from expressway.cli.signals import end_on_signals
from expressway.errors import ExpresswayError

Group = Callable[[Workbench], Iterable[Row | Comparison]]
GROUPS: Mapping[str, Group] = {
    "synth": synth.measure,
    "unchanged": deploy.measure_unchanged,
    "first": deploy.measure_first,
    "folder": deploy.measure_from_folder,
    "images": images.measure,
    "server": server.measure,
    "troubleshooting": troubleshooting.measure,
}
PARTS: Mapping[str, Group] = {
    "guidance": troubleshooting.measure_guidance,
    "situations": troubleshooting.measure_situations,
}
"""Parts of groups, for a quick look: measured only where they are named."""


class _Measuring:
    """One group, or the set-up of all: what it measured is printed and written at its end, however it ends.

    A failure is told and recorded, and the next group is measured.
    """

    def __init__(self, name: str, run: report.Run, results: Path) -> None:
        self._name = name
        self._run = run
        self._results = results
        self.measured: list[Row | Comparison] = []

    def __enter__(self) -> Self:
        print(f"measuring {self._name} …", file=sys.stderr, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        report.show(self._name, self.measured)
        failure = None
        if error is not None and error is not self._run.ended_by:
            self._run.ended_by = error
            failure = f"{self._name}: {error if isinstance(error, _EXPECTED) else repr(error)}"
            print(f"not measured: {failure}", file=sys.stderr, flush=True)
            if not isinstance(error, _EXPECTED):
                traceback.print_exception(kind, error, trace)
        self._run.add(self.measured, failure)
        report.write(self._run, self._results)
        return isinstance(error, Exception)


_EXPECTED = (MeasurementFailed, ExpresswayError)


def main(
    names: list[str],
    *,
    groups: Mapping[str, Group] = GROUPS,
    bench: Callable[[], AbstractContextManager[Workbench]] = workbench,
    results: Path = report.RESULTS,
) -> int:
    """Exit status: 0 when everything was measured, whatever was reached; 1 when a measurement failed; 2 for usage."""
    known = {**groups, **PARTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"expected groups of {', '.join(known)}; got {', '.join(unknown)}", file=sys.stderr)
        return 2
    run = report.Run()
    with _Measuring("set-up and cleaning up", run, results), bench() as ready:
        for name in names or groups:
            with _Measuring(name, run, results) as group:
                for part in known[name](ready):
                    group.measured.append(part)
    report.show_end(run)
    print(f"written to {results}", file=sys.stderr)
    return 1 if run.failures else 0


if __name__ == "__main__":
    end_on_signals()
    raise SystemExit(main(sys.argv[1:]))
