"""Troubleshooting side by side with the server whose calls we accept: how soon, and how right.

Both servers run over stdio and get the same calls on the same state: a sandbox with real containers, and records of
situations that no sandbox brings about (`tests.e2e.scenarios`). For the times, a proxy makes each AWS call 50 ms
longer, for both.
"""

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tests.e2e.scenarios.embedded import SERVES, embedded_scenarios, play, shell
from tests.e2e.scenarios.scenario import GUIDANCE, Question
from tests.e2e.scenarios.stage import SERVICE, Stage, on_stage

from benchmarks.commands import MeasurementFailed
from benchmarks.latency import SlowAws, slow_aws
from benchmarks.measure import Comparison, Contender, Row, Series, interleaved, times_faster
from benchmarks.situations import compare
from benchmarks.troubleshooters import Pair, Reply, Troubleshooter, both, ours, peer
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


def measure(bench: Workbench) -> Iterator[Row | Comparison]:
    """Times first, those of one service before a whole fleet keeps the sandbox busy; then the scenarios."""
    with on_stage(bench.sandbox) as stage:
        yield from _starts(bench)
        yield from _guidance_on(bench, stage)
        _launch_fleet(stage)
        yield from _times(bench)
        _say("bringing the situations about …")
        play(stage, embedded_scenarios())
        yield compare(bench)


def measure_guidance(bench: Workbench) -> list[Row]:
    """Only the times for one service."""
    with on_stage(bench.sandbox) as stage:
        return _guidance_on(bench, stage)


def measure_situations(bench: Workbench) -> list[Comparison]:
    """Only how right both are."""
    with on_stage(bench.sandbox) as stage:
        _say("bringing the situations about …")
        play(stage, embedded_scenarios())
        return [compare(bench)]


def _guidance_on(bench: Workbench, stage: Stage) -> list[Row]:
    _launch_single(stage)
    with _on_slow_aws(bench) as (aws, two):
        return _guidance_times(aws, two)


def _launch_fleet(stage: Stage) -> None:
    """A cluster in which one of 25 crashes."""
    _say(f"starting {FLEET_SIZE} services …")
    stage.clients["ecs"].create_cluster(clusterName=FLEET)
    made: list[str] = []
    for number in range(FLEET_SIZE):
        command = _CRASH if number == _FAILING_SERVICE else SERVES
        made.append(stage.create(FLEET, command=command, serviceName=f"{SERVICE}-{number:02}"))
    for service_arn in made:
        stage.wait(service_arn)


def _launch_single(stage: Stage) -> None:
    """A service that serves, one that crashes, and others of either kind that nobody has asked about yet."""
    commands = {_SERVING: SERVES, _CRASHING: _CRASH}
    commands |= {_unseen(cluster, number): commands[cluster] for cluster in commands for number in range(ROUNDS)}
    _say(f"starting {len(commands)} services …")
    made: list[str] = []
    for cluster, command in commands.items():
        stage.clients["ecs"].create_cluster(clusterName=cluster)
        made.append(stage.create(cluster, command=command))
    for service_arn in made:
        stage.wait(service_arn)


def _unseen(cluster: str, number: int) -> str:
    return f"{cluster}-{number}"


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


@contextmanager
def _on_slow_aws(bench: Workbench) -> Generator[tuple[SlowAws, Pair]]:
    with (
        slow_aws(bench.sandbox.endpoint_url, delay_seconds=DELAY_SECONDS) as aws,
        both(bench, aws.endpoint_url) as two,
    ):
        yield aws, two


def _guidance_of(cluster: str) -> Question:
    return Question(GUIDANCE, {"ecs_cluster_name": cluster, "ecs_service_name": SERVICE})


def _guidance_times(aws: SlowAws, two: Pair) -> list[Row]:
    """Guidance for one service: the first of all, of services that nobody has asked about, and asked again."""
    one = _guidance_of(_CRASHING)
    first = _first(two, one)
    new_serving, new_crashing = (_compared_unseen(two, cluster) for cluster in (_SERVING, _CRASHING))
    healthy, single = (_compared_again(two, _guidance_of(cluster)) for cluster in (_SERVING, _CRASHING))
    calls = _calls(aws, two, one)
    return [
        Row("guidance for a service that serves, asked again, 50 ms a call", *healthy, (times_faster(*healthy, 4),)),
        Row("… of which nobody has asked before", *new_serving),
        Row("guidance for one that crashes, asked again", *single, (times_faster(*single, 4),)),
        Row("… of which nobody has asked before", *new_crashing),
        Row("… the first after the start", *first),
        Row("AWS calls for the guidance of one service, asked again", *calls),
    ]


def _compared_again(two: Pair, question: Question) -> tuple[Series, Series]:
    """The same question again and again; the first answer is not measured."""
    for server in (two.ours, two.peer):
        _asked(server, [question])
    return _compared(two, lambda server: _asked(server, [question]), lambda server: _asked(server, [question]))


def _compared_unseen(two: Pair, cluster: str) -> tuple[Series, Series]:
    """In each round a service that this server has not been asked about."""

    def ask(server: Troubleshooter, number: int) -> None:
        _asked(server, [_guidance_of(_unseen(cluster, number))])

    contenders = [
        Contender("expressway", lambda number: ask(two.ours, number)),
        Contender("ecs-mcp-server", lambda number: ask(two.peer, number)),
    ]
    mine, theirs = interleaved(contenders, rounds=ROUNDS).values()
    return mine, theirs


def _times(bench: Workbench) -> list[Row]:
    with _on_slow_aws(bench) as (_, two):
        one = _guidance_of(_CRASHING)
        fleet = Question(GUIDANCE, {"ecs_cluster_name": FLEET})
        followed = [
            Question("fetch_service_events", one.parameters),
            Question("detect_image_pull_failures", one.parameters),
            *(Question(name, {"ecs_cluster_name": _CRASHING}) for name in _OF_A_CLUSTER),
        ]
        whole = _compared(two, lambda server: _asked(server, [one]), lambda server: _asked(server, [one, *followed]))
        many = _compared(two, lambda server: _asked(server, [fleet]), _every_service)
    return [
        Row("guidance for one that crashes, until every action that fits has answered (peer: 6 calls)", *whole),
        Row(f"guidance for each of {FLEET_SIZE} services (peer: a call a service)", *many, (times_faster(*many, 10),)),
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
    two: Pair, mine: Callable[[Troubleshooter], object], theirs: Callable[[Troubleshooter], object]
) -> tuple[Series, Series]:
    contenders = [
        Contender("expressway", lambda _: mine(two.ours)),
        Contender("ecs-mcp-server", lambda _: theirs(two.peer)),
    ]
    ours_taken, peer_taken = interleaved(contenders, rounds=ROUNDS).values()
    return ours_taken, peer_taken


def _first(two: Pair, question: Question) -> tuple[Series, Series]:
    """One sample of each: there is only one first time."""
    taken: list[Series] = []
    for server in (two.ours, two.peer):
        started = time.perf_counter()
        _asked(server, [question])
        taken.append(Series(server.name, (time.perf_counter() - started,)))
    return taken[0], taken[1]


def _calls(aws: SlowAws, two: Pair, question: Question) -> tuple[Series, Series]:
    counts: list[Series] = []
    for server in (two.ours, two.peer):
        before = aws.calls
        _asked(server, [question])
        counts.append(Series(server.name, (float(aws.calls - before),), "calls"))
    return counts[0], counts[1]


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
