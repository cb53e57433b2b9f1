"""Situations on the embedded AWS: real containers that crash, listen elsewhere, answer wrongly; and one that serves.

All of them are brought about at the same time, each in a cluster of its own, so that a set of them takes as long as
the slowest.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from tests.e2e.scenarios.scenario import Scenario, codes, pattern
from tests.e2e.scenarios.stage import REGISTRY, SERVICE, Stage

_FAILING = "deployment_failed circuit_breaker_rollback tasks_missing crash_loop deployment_in_progress deployment_stuck"
_UNHEALTHY = f"{_FAILING} health_check_failed killed_at_stop"

SetUp = Callable[[Stage, str], None]


@dataclass(frozen=True, slots=True)
class EmbeddedScenario:
    """A scenario, and what brings it about in the cluster of that name; some need an engine that limits memory."""

    scenario: Scenario
    set_up: SetUp
    needs_memory_limits: bool = False


_COLLECTION: list[EmbeddedScenario] = []


def embedded(
    title: str,
    *,
    finds: str,
    words: str,
    also: str = "",
    service: str = SERVICE,
    symptoms: str = "",
    needs_memory_limits: bool = False,
) -> Callable[[SetUp], SetUp]:
    """File the function below as a scenario, in a cluster whose name tells nothing. Codes are parted by blanks."""

    def file(set_up: SetUp) -> SetUp:
        cluster = f"stage-{len(_COLLECTION) + 1:02}"
        scenario = Scenario(
            set_up.__name__, title, cluster, service, codes(finds), codes(also), pattern(words), symptoms
        )
        _COLLECTION.append(EmbeddedScenario(scenario, set_up, needs_memory_limits))
        return set_up

    return file


def embedded_scenarios() -> list[EmbeddedScenario]:
    return _COLLECTION


def shell(line: str) -> list[str]:
    return ["sh", "-c", line]


def http_answers(answer: str) -> list[str]:
    """A server that gives every request one and the same answer."""
    respond = f"printf '{answer}\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'"
    return shell(f'echo "listening on 0.0.0.0:8080"; while true; do {respond} | nc -l -p 8080 >/dev/null; done')


SERVES = shell("mkdir -p /www; echo ok > /www/index.html; exec httpd -f -p 8080 -h /www")

EATS_768_MIB = "echo loading the model; exec dd if=/dev/zero of=/dev/null bs=768M count=1"


def _crashing(line: str) -> SetUp:
    def set_up(stage: Stage, cluster: str) -> None:
        stage.wait(stage.create(cluster, command=shell(line)))

    return set_up


@embedded("nothing is wrong", finds="", words=r"no issues|nothing (?:is )?wrong|healthy|steady")
def all_is_well(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, command=SERVES))


@embedded("a public image: nothing is wrong", finds="", words=r"no issues|nothing (?:is )?wrong|healthy|steady")
def public_image(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, BUSYBOX_IMAGE, command=SERVES))


@embedded(
    "the image's repository does not exist",
    finds="repository_not_found",
    also=f"image_not_found {_FAILING}",
    words=r"repository [\w'/ -]*(?:not found|does not exist)",
)
def repository_missing(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, f"{REGISTRY}/nowhere:v1"))


@embedded(
    "the image's tag does not exist",
    finds="image_tag_not_found",
    also=f"image_not_found {_FAILING}",
    words=r"v9[^.]{0,60}(?:not found|does not exist)|tag v9 not found",
)
def tag_missing(stage: Stage, cluster: str) -> None:
    stage.clients["ecr"].create_repository(repositoryName="known")
    stage.wait(stage.create(cluster, f"{REGISTRY}/known:v9"))


@embedded(
    "built for ARM, run on x86",
    finds="wrong_architecture",
    also=f"container_exited {_FAILING}",
    words=r"architecture|exec format error",
)
def wrong_architecture(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, stage.foreign_image))


@embedded("exit code 1", finds="container_exited", also=_FAILING, words=r"exit(?:ed|_code)\W{0,30}1\b")
def exit_code_1(stage: Stage, cluster: str) -> None:
    _crashing("echo the licence has run out >&2; exit 1")(stage, cluster)


@embedded(
    "the command cannot be executed (126)",
    finds="command_not_executable",
    also=_FAILING,
    words=r"permission denied|not executable",
)
def exit_code_126(stage: Stage, cluster: str) -> None:
    _crashing("echo run > /tmp/run; /tmp/run; exit $?")(stage, cluster)


@embedded(
    "the command is not there (127)",
    finds="command_not_found",
    also=_FAILING,
    words=r"gunicorn: not found|command not found",
)
def exit_code_127(stage: Stage, cluster: str) -> None:
    _crashing("gunicorn app:app; exit $?")(stage, cluster)


@embedded(
    "killed by SIGKILL (137)",
    finds="container_killed",
    also=_FAILING,
    words=r"sigkill|killed|out_of_memory",
)
def exit_code_137(stage: Stage, cluster: str) -> None:
    _crashing("echo working; sh -c 'kill -9 $PPID'; sleep 1; exit 137")(stage, cluster)


@embedded(
    "more memory than the task has (137)",
    finds="out_of_memory",
    also=_FAILING,
    words=r"out_?of_?memory|memory usage|used up the task's memory",
    needs_memory_limits=True,
)
def task_memory_exceeded(stage: Stage, cluster: str) -> None:
    _crashing(EATS_768_MIB)(stage, cluster)


@embedded(
    "more memory than its container may have (137)",
    finds="container_memory_limit",
    also=_FAILING,
    words=r"out_?of_?memory|memory usage|own memory limit",
    needs_memory_limits=True,
)
def container_memory_exceeded(stage: Stage, cluster: str) -> None:
    definition = stage.define(cluster, shell(EATS_768_MIB), memory=32)
    stage.wait(stage.create(cluster, taskDefinitionArn=definition))


@embedded(
    "killed because it did not end on SIGTERM (137)",
    finds="killed_at_stop",
    words=r"sigterm|did not (?:stop|end|exit) (?:in|within) time|stop ?timeout",
)
def ignores_sigterm(stage: Stage, cluster: str) -> None:
    deaf = shell("trap '' TERM; mkdir -p /www; echo ok > /www/index.html; httpd -f -p 8080 -h /www & wait; wait")
    service_arn = stage.create(cluster, taskDefinitionArn=stage.define(cluster, deaf, stopTimeout=2))
    stage.wait(service_arn)
    stage.switch(service_arn, stage.define(cluster, deaf, stopTimeout=2))
    stage.wait(service_arn)


@embedded("a segmentation fault (139)", finds="container_crashed", also=_FAILING, words=r"segmentation|sigsegv")
def exit_code_139(stage: Stage, cluster: str) -> None:
    _crashing("echo working; exit 139")(stage, cluster)


@embedded("ended by SIGTERM (143)", finds="container_terminated", also=_FAILING, words=r"sigterm|told it to stop")
def exit_code_143(stage: Stage, cluster: str) -> None:
    _crashing("echo the watchdog ends the process; exit 143")(stage, cluster)


@embedded(
    "a crash loop with an exception",
    finds="crash_loop",
    also=f"container_exited {_FAILING}",
    words=r"keyerror.{0,40}database_url",
    symptoms="it keeps restarting",
)
def crash_loop(stage: Stage, cluster: str) -> None:
    lines = (
        "Traceback (most recent call last):",
        '  File \\"/app/main.py\\", line 7, in <module>',
        "    url = os.environ['DATABASE_URL']",
        "KeyError: 'DATABASE_URL'",
    )
    _crashing("; ".join(f'echo "{line}" >&2' for line in lines) + "; exit 1")(stage, cluster)


_KEY_ERROR = "echo \"KeyError: 'DATABASE_URL'\" >&2; exit 1"
_PROXY = shell("trap '' TERM; echo 'could not connect to metadata endpoint' >&2; while true; do sleep 1; done")


@embedded(
    "the application crashes, and ECS stops the proxy beside it",
    finds="container_exited",
    also=_FAILING,
    words=r"main[^.]{0,60}exit|exit(?:ed|_code)\W{0,30}1\b",
)
def crash_beside_a_proxy(stage: Stage, cluster: str) -> None:
    definition = stage.define(cluster, shell(_KEY_ERROR), beside={"proxy": {"command": _PROXY, "stopTimeout": 2}})
    stage.wait(stage.create(cluster, taskDefinitionArn=definition))


@embedded(
    "a side container crashes and takes the application with it",
    finds="container_exited",
    also=_FAILING,
    words=r"proxy[^.]{0,60}exit|exit(?:ed|_code)\W{0,30}3\b",
)
def proxy_crashes(stage: Stage, cluster: str) -> None:
    proxy = shell("sleep 2; echo 'FATAL: no certificate' >&2; exit 3")
    definition = stage.define(cluster, SERVES, beside={"proxy": {"command": proxy}}, stopTimeout=2)
    stage.wait(stage.create(cluster, taskDefinitionArn=definition, healthCheckPath="/not-before-it-ends"))


@embedded(
    "containers that are not essential ended beside one that serves: nothing is wrong",
    finds="",
    words=r"no issues|nothing (?:is )?wrong|healthy|steady",
)
def side_containers_ended(stage: Stage, cluster: str) -> None:
    ended = {
        "migrate": {"command": shell("echo migrated; exit 0"), "essential": False},
        "router": {"command": shell("echo 'FATAL: no output' >&2; exit 1"), "essential": False},
    }
    stage.wait(stage.create(cluster, taskDefinitionArn=stage.define(cluster, SERVES, beside=ended)))


@embedded(
    "listens on another port",
    finds="port_mismatch",
    also=_UNHEALTHY,
    words=r"listens on (?:port )?3000|3000[^.]{0,40}instead",
)
def port_elsewhere(stage: Stage, cluster: str) -> None:
    line = (
        'echo "Server listening on port 3000"; mkdir -p /www; echo ok > /www/index.html; exec httpd -f -p 3000 -h /www'
    )
    stage.wait(stage.create(cluster, command=shell(line)))


@embedded(
    "listens on 127.0.0.1 only",
    finds="listens_on_loopback",
    also=_UNHEALTHY,
    words=r"127\.0\.0\.1[^\"]{0,60}(?:only|unreach|not reach)",
)
def loopback_only(stage: Stage, cluster: str) -> None:
    line = 'echo "Listening at: http://127.0.0.1:8080 (7)"; mkdir -p /www; exec httpd -f -p 127.0.0.1:8080 -h /www'
    stage.wait(stage.create(cluster, command=shell(line)))


@embedded(
    "the health check's path answers 404",
    finds="health_check_path_not_found",
    also=_UNHEALTHY,
    words=r"codes: \[404\]|answers 404",
    symptoms="health checks fail",
)
def health_path_404(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, command=SERVES, healthCheckPath="/ping"))


@embedded(
    "updated to a health check path that answers 404, rolled back",
    finds="health_check_path_not_found",
    also=_UNHEALTHY,
    words=r"/healthz[^.]{0,60}404|codes: \[404\]|answers 404",
)
def health_path_updated(stage: Stage, cluster: str) -> None:
    service_arn = stage.create(cluster, command=SERVES)
    stage.wait(service_arn)
    stage.update(service_arn, SERVES, healthCheckPath="/healthz")
    stage.wait(service_arn)


@embedded(
    "updated to a port on which nothing listens, rolled back",
    finds="port_mismatch",
    also=_UNHEALTHY,
    words=r"listens on (?:port )?8080|8080[^.]{0,40}instead",
)
def port_updated(stage: Stage, cluster: str) -> None:
    command = shell(f"echo 'Listening on http://0.0.0.0:8080'; {SERVES[-1]}")
    service_arn = stage.create(cluster, command=command)
    stage.wait(service_arn)
    stage.update(service_arn, command, port=9090)
    stage.wait(service_arn)


@embedded(
    "the health check's path redirects",
    finds="health_check_redirected",
    also=_UNHEALTHY,
    words=r"codes: \[301\]|redirect",
)
def health_path_301(stage: Stage, cluster: str) -> None:
    command = http_answers("HTTP/1.1 301 Moved Permanently\\r\\nLocation: https://example.com/")
    stage.wait(stage.create(cluster, command=command))


@embedded(
    "the health check's path wants credentials",
    finds="health_check_unauthorized",
    also=_UNHEALTHY,
    words=r"codes: \[401\]|unauthorized",
)
def health_path_401(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, command=http_answers("HTTP/1.1 401 Unauthorized")))


@embedded(
    "starts slower than the checks allow",
    finds="slow_start",
    also=_UNHEALTHY,
    words=r"grace period|slow(?:er)? (?:to )?start|starts? (?:too )?slow",
)
def slow_start(stage: Stage, cluster: str) -> None:
    line = "echo Starting WebApplication; sleep 5; echo migrating the database, step 1 of 40; sleep 300"
    stage.wait(stage.create(cluster, command=shell(line)))


@embedded(
    "rolled back by the circuit breaker",
    finds="circuit_breaker_rollback",
    also=f"container_exited {_FAILING}",
    words=r"circuit breaker",
)
def circuit_breaker(stage: Stage, cluster: str) -> None:
    service_arn = stage.create(cluster, command=SERVES)
    stage.wait(service_arn)
    stage.update(service_arn, shell("echo 'ValueError: LOG_LEVEL must be one of debug, info' >&2; exit 1"))
    stage.wait(service_arn)


def _serves_and_ends(text: str) -> list[str]:
    """Serves a text, and ends on SIGTERM."""
    serve = "httpd -f -p 8080 -h /www & wait"
    return shell(f"trap 'exit 0' TERM; mkdir -p /www; echo {text} > /www/index.html; {serve}")


_CRASHES = shell("echo 'ValueError: LOG_LEVEL must be one of debug, info' >&2; exit 1")


def _crash_after_a_good_start(stage: Stage, cluster: str, *, then: list[str]) -> None:
    """A version that serves, one that crashes and is rolled back, and the one that follows."""
    service_arn = stage.create(cluster, command=_serves_and_ends("first"))
    stage.wait(service_arn)
    for command in (_CRASHES, then):
        stage.update(service_arn, command)
        stage.wait(service_arn)


@embedded(
    "repaired by its command alone after a rollback: nothing is wrong",
    finds="",
    words=r"no issues|nothing (?:is )?wrong|healthy|steady",
)
def repaired(stage: Stage, cluster: str) -> None:
    _crash_after_a_good_start(stage, cluster, then=_serves_and_ends("corrected"))


@embedded(
    "put back to its earlier version after a rollback",
    finds="circuit_breaker_rollback",
    also=f"container_exited {_FAILING}",
    words=r"circuit breaker",
)
def put_back(stage: Stage, cluster: str) -> None:
    _crash_after_a_good_start(stage, cluster, then=_serves_and_ends("first"))


@embedded(
    "the service was deleted", finds="service_inactive", also="service_deleted", words=r"inactive|was deleted|not found"
)
def service_inactive(stage: Stage, cluster: str) -> None:
    service_arn = stage.create(cluster, command=SERVES)
    stage.wait(service_arn)
    stage.delete(cluster, service_arn)


@embedded(
    "no service of that name",
    finds="service_not_found",
    service="wbe",
    words=r"service [\w'\"]+ (?:was )?not found|no service",
)
def service_misspelt(stage: Stage, cluster: str) -> None:
    stage.wait(stage.create(cluster, command=SERVES))


@embedded(
    "a cluster in which one of three services crashes",
    finds="crash_loop",
    also=f"container_exited {_FAILING}",
    service="",
    words=r"(?:second|web)[^.]{0,80}(?:crash|exit)|service 'second'",
)
def one_of_a_cluster(stage: Stage, cluster: str) -> None:
    commands = {"first": SERVES, "second": shell("echo the disk is full >&2; exit 1"), "third": SERVES}
    for service_arn in [stage.create(cluster, command=one, serviceName=name) for name, one in commands.items()]:
        stage.wait(service_arn)


def play(stage: Stage, scenarios: list[EmbeddedScenario], *, at_once: int = 8) -> None:
    """Bring the situations about, several at the same time."""
    for one in scenarios:
        stage.clients["ecs"].create_cluster(clusterName=one.scenario.cluster)
    with ThreadPoolExecutor(at_once, thread_name_prefix="stage") as pool:
        list(pool.map(lambda one: one.set_up(stage, one.scenario.cluster), scenarios))
