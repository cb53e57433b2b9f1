"""How right both servers are: every situation, asked about by the same calls, judged by rules that are written down."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.e2e.scenarios.embedded import embedded_scenarios
from tests.e2e.scenarios.recorded.collection import recorded_scenarios
from tests.e2e.scenarios.recorded.server import serve
from tests.e2e.scenarios.recorded.world import World
from tests.e2e.scenarios.scenario import Question, Scenario, Verdict, judge_findings

from benchmarks.commands import MeasurementFailed
from benchmarks.measure import Comparison, Goal
from benchmarks.peer_judgement import judge_replies
from benchmarks.peer_server import peer_versions
from benchmarks.troubleshooters import Pair, Reply, Troubleshooter, both
from benchmarks.workbench import Workbench


@dataclass(frozen=True, slots=True)
class _Judged:
    """One scenario's verdicts: by the first call alone (guidance), and over every call that fits.

    `errors` are the answers that were errors: right where there is nothing to answer from, and shown for that.
    """

    scenario: Scenario
    real: bool
    ours_first: Verdict
    ours_all: Verdict
    peer_first: Verdict
    peer_all: Verdict
    errors: tuple[str, ...]


def compare(bench: Workbench) -> Comparison:
    """Ask about every situation; those of the local AWS sandbox have been brought about on the bench's sandbox."""
    print("  asking about the situations …", file=sys.stderr, flush=True)
    judged: list[_Judged] = []
    with both(bench, bench.sandbox.endpoint_url) as two:
        judged += [_judged(two, one.scenario, real=True) for one in embedded_scenarios()]
    with serve(World()) as aws, both(bench, aws.endpoint_url) as two:
        for one in recorded_scenarios():
            aws.world = one.world(datetime.now(UTC))
            judged.append(_judged(two, one.scenario, real=False))
        if aws.complaints:
            raise MeasurementFailed(f"the records are no answers of AWS's: {aws.complaints[0]}")
    return _comparison(judged)


def _judged(two: Pair, scenario: Scenario, *, real: bool) -> _Judged:
    first = scenario.more[:1] or (scenario.guidance,)
    replies = {server: [server.ask(one) for one in scenario.every_question] for server in (two.ours, two.peer)}
    asked = scenario.every_question

    def of(server: Troubleshooter, questions: Sequence[Question]) -> list[Reply]:
        return [reply for question, reply in zip(asked, replies[server], strict=True) if question in questions]

    return _Judged(
        scenario,
        real,
        _judge_ours(scenario, of(two.ours, first)),
        _judge_ours(scenario, replies[two.ours]),
        judge_replies(scenario, of(two.peer, first)),
        judge_replies(scenario, replies[two.peer]),
        tuple(f"{server.name}: {reply.text}" for server in replies for reply in replies[server] if reply.is_error),
    )


def _judge_ours(scenario: Scenario, replies: Sequence[Reply]) -> Verdict:
    """Each answer's findings by themselves: found where one of them tells it, false where any claims untruth."""
    verdicts = [judge_findings(scenario, reply.shape.get("findings", [])) for reply in replies]
    false = tuple(dict.fromkeys(claim for verdict in verdicts for claim in verdict.false))
    if scenario.is_healthy:
        return Verdict(not false and not any(reply.is_error for reply in replies[:1]), false)
    return Verdict(any(verdict.found for verdict in verdicts), false)


_VERDICTS = ("ours_first", "ours_all", "peer_first", "peer_all")
_HEADINGS = ("situation", "", "expressway: first call", "every call", "ecs-mcp-server: first call", "every call")


def _comparison(judged: Sequence[_Judged]) -> Comparison:
    lines = [(one.scenario.title, "real" if one.real else "recorded", *map(_cell, _verdicts(one))) for one in judged]
    columns = list(zip(*map(_verdicts, judged), strict=True))
    totals = tuple(f"{_found(column)} of {len(judged)}, {_false(column)} false" for column in columns)
    mine_first, mine_all, _, theirs_all = columns
    goals = (
        Goal(float(_found(theirs_all)), float(_found(mine_first)), " told by our first call, of the peer's in all"),
        Goal(0.0, float(_false(mine_first) + _false(mine_all)), " false findings of ours", at_most=True),
    )
    title = f"Situations told, side by side ({peer_versions()})"
    details = [
        {
            "scenario": one.scenario.name,
            "verdicts": dict(zip(_VERDICTS, _verdicts(one), strict=True)),
            "errors": one.errors,
        }
        for one in judged
    ]
    return Comparison(title, _HEADINGS, [*lines, ("in all", "", *totals)], goals, details)


def _verdicts(one: _Judged) -> tuple[Verdict, ...]:
    return one.ours_first, one.ours_all, one.peer_first, one.peer_all


def _found(verdicts: Sequence[Verdict]) -> int:
    return sum(verdict.found for verdict in verdicts)


def _false(verdicts: Sequence[Verdict]) -> int:
    return sum(len(verdict.false) for verdict in verdicts)


def _cell(verdict: Verdict) -> str:
    told = "yes" if verdict.found else "\N{EN DASH}"
    return f"{told}, {len(verdict.false)} false" if verdict.false else told
