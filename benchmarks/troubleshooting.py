"""Troubleshooting side by side with the server whose calls we accept: how soon, and how right.

Both servers run over stdio and get the same calls on the same state: a sandbox with real containers, and records of
situations that no sandbox brings about (`tests.e2e.scenarios`). For the times, a proxy makes each AWS call 50 ms
longer, for both.
"""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.e2e.scenarios.embedded import SERVES, embedded_scenarios, play, shell
from tests.e2e.scenarios.recorded.collection import recorded_scenarios
from tests.e2e.scenarios.recorded.server import serve
from tests.e2e.scenarios.recorded.world import World
from tests.e2e.scenarios.scenario import GUIDANCE, Question, Scenario, Verdict, judge_findings
from tests.e2e.scenarios.stage import SERVICE, Stage, on_stage

from benchmarks.commands import MeasurementFailed
from benchmarks.latency import SlowAws, slow_aws
from benchmarks.measure import Comparison, Contender, Goal, Row, Series, interleaved, times_faster
from benchmarks.peer_judgement import judge_replies
from benchmarks.peer_server import peer_versions
from benchmarks.troubleshooters import Reply, Troubleshooter, ours, peer
from benchmarks.workbench import Workbench

ROUNDS = 5
DELAY_SECONDS = 0.05
FLEET = "fleet"
FLEET_SIZE = 25
_SERVING, _CRASHING = "serving", "crashing"
_FAILING_SERVICE = 7
_CRASH = shell("echo 'KeyError: DATABASE_URL' >&2; exit 1")
_OF_A_CLUSTER = ("fetch_task_failures", "fetch_task_logs", "fetch_network_configuration")
_KIB = 1024


def measure(bench: Workbench) -> list[Row | Comparison]:
    """Times first, on an idle sandbox; then the scenarios."""
    with on_stage(bench.sandbox) as stage:
        _launch(stage)
        rows = [*_starts(bench), *_times(bench)]
        _say("bringing the situations about …")
        play(stage, embedded_scenarios())
        return [*rows, _scenarios(bench)]


def _launch(stage: Stage) -> None:
    """A service that serves, one that crashes, and a cluster in which one of 25 does."""
    _say(f"starting {FLEET_SIZE + 2} services …")
    for cluster in (_SERVING, _CRASHING, FLEET):
        stage.clients["ecs"].create_cluster(clusterName=cluster)
    made = [stage.create(_SERVING, command=SERVES), stage.create(_CRASHING, command=_CRASH)]
    for number in range(FLEET_SIZE):
        command = _CRASH if number == _FAILING_SERVICE else SERVES
        made.append(stage.create(FLEET, command=command, serviceName=f"{SERVICE}-{number:02}"))
    for service_arn in made:
        stage.wait(service_arn)


@dataclass(frozen=True, slots=True)
class _Pair:
    ours: Troubleshooter
    peer: Troubleshooter


@contextmanager
def _pair(bench: Workbench, endpoint_url: str) -> Generator[_Pair]:
    with ExitStack() as stack:
        yield _Pair(
            stack.enter_context(ours(endpoint_url, bench.fresh_folder("home"))),
            stack.enter_context(peer(endpoint_url)),
        )


# -- how soon -----------------------------------------------------------------------------------------------
def _starts(bench: Workbench) -> list[Row]:
    """Starting a server until it has listed its tools, and how long that list is."""
    url, home = bench.sandbox.endpoint_url, bench.fresh_folder("home")
    sizes: dict[str, float] = {}

    def start(server: AbstractContextManager[Troubleshooter]) -> None:
        with server as running:
            sizes[running.name] = running.tool_list_bytes() / _KIB

    contenders = [
        Contender("expressway mcp", lambda _: start(ours(url, home))),
        Contender("ecs-mcp-server", lambda _: start(peer(url))),
    ]
    for contender in contenders:
        contender.run(0)
    mine, theirs = interleaved(contenders, rounds=ROUNDS).values()
    my_length, its_length = (Series(name, (size,), "KiB") for name, size in sizes.items())
    return [Row("start → tools/list → end", mine, theirs), Row("length of the tool list", my_length, its_length)]


def _times(bench: Workbench) -> list[Row]:
    with (
        slow_aws(bench.sandbox.endpoint_url, delay_seconds=DELAY_SECONDS) as aws,
        _pair(bench, aws.endpoint_url) as two,
    ):
        serving = Question(GUIDANCE, {"ecs_cluster_name": _SERVING, "ecs_service_name": SERVICE})
        one = Question(GUIDANCE, {"ecs_cluster_name": _CRASHING, "ecs_service_name": SERVICE})
        fleet = Question(GUIDANCE, {"ecs_cluster_name": FLEET})
        followed = [
            Question("fetch_service_events", one.parameters),
            Question("detect_image_pull_failures", one.parameters),
            *(Question(name, {"ecs_cluster_name": _CRASHING}) for name in _OF_A_CLUSTER),
        ]
        first = _first(two, one)
        healthy = _compared(two, lambda server: _asked(server, [serving]), lambda server: _asked(server, [serving]))
        single = _compared(two, lambda server: _asked(server, [one]), lambda server: _asked(server, [one]))
        whole = _compared(two, lambda server: _asked(server, [one]), lambda server: _asked(server, [one, *followed]))
        many = _compared(two, lambda server: _asked(server, [fleet]), _every_service)
        calls = _calls(aws, two, one)
    return [
        Row("guidance for a service that serves, 50 ms a call", *healthy, (times_faster(*healthy, 4),)),
        Row("guidance for one that crashes", *single, (times_faster(*single, 4),)),
        Row("… the first after the start", *first),
        Row("… until every action that fits has answered (peer: 6 calls)", *whole),
        Row(f"guidance for each of {FLEET_SIZE} services (peer: a call a service)", *many, (times_faster(*many, 10),)),
        Row("AWS calls for the guidance of one service", *calls),
    ]


def _asked(server: Troubleshooter, questions: Sequence[Question]) -> list[Reply]:
    replies = [server.ask(one) for one in questions]
    failed = [reply.text[:300] for reply in replies if reply.is_error]
    if failed:
        raise MeasurementFailed(f"{server.name}: {failed[0]}")
    return replies


def _every_service(server: Troubleshooter) -> None:
    """What the peer needs for a cluster: its guidance names no service, so they are listed, and asked about singly."""
    _asked(server, [Question(GUIDANCE, {"ecs_cluster_name": FLEET})])
    listing = {"api_operation": "ListServices", "api_params": {"cluster": FLEET, "maxResults": 100}}
    arns = server.call("ecs_resource_management", listing).shape.get("serviceArns", [])
    if len(arns) != FLEET_SIZE:
        raise MeasurementFailed(f"{server.name} lists {len(arns)} of {FLEET_SIZE} services")
    for arn in arns:
        _asked(server, [Question(GUIDANCE, {"ecs_cluster_name": FLEET, "ecs_service_name": arn.rpartition("/")[2]})])


def _compared(
    two: _Pair, mine: Callable[[Troubleshooter], object], theirs: Callable[[Troubleshooter], object]
) -> tuple[Series, Series]:
    contenders = [
        Contender("expressway", lambda _: mine(two.ours)),
        Contender("ecs-mcp-server", lambda _: theirs(two.peer)),
    ]
    ours_taken, peer_taken = interleaved(contenders, rounds=ROUNDS).values()
    return ours_taken, peer_taken


def _first(two: _Pair, question: Question) -> tuple[Series, Series]:
    """One sample of each: there is only one first time."""
    taken: list[Series] = []
    for server in (two.ours, two.peer):
        started = time.perf_counter()
        _asked(server, [question])
        taken.append(Series(server.name, (time.perf_counter() - started,)))
    return taken[0], taken[1]


def _calls(aws: SlowAws, two: _Pair, question: Question) -> tuple[Series, Series]:
    counts: list[Series] = []
    for server in (two.ours, two.peer):
        before = aws.calls
        _asked(server, [question])
        counts.append(Series(server.name, (float(aws.calls - before),), "calls"))
    return counts[0], counts[1]


# -- how right ----------------------------------------------------------------------------------------------
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


def _scenarios(bench: Workbench) -> Comparison:
    _say("asking about the situations …")
    judged: list[_Judged] = []
    with _pair(bench, bench.sandbox.endpoint_url) as two:
        judged += [_judged(two, one.scenario, real=True) for one in embedded_scenarios()]
    with serve(World()) as aws, _pair(bench, aws.endpoint_url) as two:
        for one in recorded_scenarios():
            aws.world = one.world(datetime.now(UTC))
            judged.append(_judged(two, one.scenario, real=False))
        if aws.complaints:
            raise MeasurementFailed(f"the records are no answers of AWS's: {aws.complaints[0]}")
    return _comparison(judged)


def _judged(two: _Pair, scenario: Scenario, *, real: bool) -> _Judged:
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


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
