"""Measure everything, or the groups that are named: ``python -m benchmarks [synth] [unchanged] [first] …``."""

import os
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import deploy, images, report, server, synth, troubleshooting
from benchmarks.commands import MeasurementFailed
from benchmarks.measure import Comparison, Row
from benchmarks.workbench import Workbench, workbench
from expressway.errors import ExpresswayError

GROUPS: dict[str, Callable[[Workbench], Sequence[Row | Comparison]]] = {
    "synth": synth.measure,
    "unchanged": deploy.measure_unchanged,
    "first": deploy.measure_first,
    "folder": deploy.measure_from_folder,
    "images": images.measure,
    "server": server.measure,
    "troubleshooting": troubleshooting.measure,
}
PARTS: dict[str, Callable[[Workbench], Sequence[Row | Comparison]]] = {
    "guidance": troubleshooting.measure_guidance,
    "situations": troubleshooting.measure_situations,
}
"""Parts of groups, for a quick look: measured only where they are named."""


def main(names: list[str]) -> int:
    """Exit status: 0 when everything was measured, whatever was reached; 1 when a measurement failed; 2 for usage."""
    groups = {**GROUPS, **PARTS}
    unknown = [name for name in names if name not in groups]
    if unknown:
        print(f"expected groups of {', '.join(groups)}; got {', '.join(unknown)}", file=sys.stderr)
        return 2
    started, load = time.monotonic(), os.getloadavg()[0]
    measured: list[Row | Comparison] = []
    failures: list[str] = []
    with workbench() as bench:
        for name in names or GROUPS:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            try:
                measured += groups[name](bench)
            except (MeasurementFailed, ExpresswayError) as exc:
                failures.append(f"{name}: {exc}")
    rows = [one for one in measured if isinstance(one, Row)]
    comparisons = [one for one in measured if isinstance(one, Comparison)]
    run = report.Run(rows, failures, time.monotonic() - started, load, comparisons)
    report.show(run)
    print(f"written to {report.write(run)}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
