"""Troubleshooting over the server and the command line, on the embedded AWS with real containers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.logs import Logs
from expressway.aws.session import open_session
from expressway.deploy.status.endpoint import HttpProbe
from expressway.deploy.status.wait import ServicePorts
from expressway.errors import ExpresswayError
from expressway.privacy.gates import Gates
from expressway.toolkit import Toolkit
from tests.e2e.partial_aws import without
from tests.e2e.test_service_side import CRASH, SERVE, Cloud
from tests.mcp.connections import connected, good_shape

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]
TOOL = "ecs_troubleshooting_tool"
AROUND = (
    *("logs", "elasticloadbalancing", "ec2", "application-autoscaling", "servicequotas", "monitoring"),
    *("ecr", "iam", "secretsmanager", "ssm", "kms"),
)
"""Signing names of the services that troubleshooting reads besides ECS."""
LISTENS_INSIDE = "echo 'Listening at: http://127.0.0.1:8080 (7)'; while :; do sleep 1; done"


@pytest.fixture(scope="module")
def services(embedded_aws: "SandboxInfo", base_images: str) -> Iterator[None]:
    """One that serves, one that crashes with very long lines, one that nobody can reach."""
    from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE

    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    targets = LoadBalancers(session)
    made = Cloud(session, BUSYBOX_IMAGE, ServicePorts(Ecs(session), Logs(session), HttpProbe(session.target), targets))
    scripts = {
        "ts-good": SERVE,
        "ts-crash": f"for n in $(seq 300); do echo line $n {'x' * 200}; done; sleep 1; {CRASH}",
        "ts-inside": LISTENS_INSIDE,
    }
    arns = [made.express(name, script) for name, script in scripts.items()]
    for name in scripts:
        made.wait(name)
    yield
    for arn in arns:
        session.client("ecs").delete_express_gateway_service(serviceArn=arn)


@pytest.fixture
def toolkit(embedded_aws: "SandboxInfo") -> Iterator[Toolkit]:
    with Toolkit(sandbox_url=embedded_aws.endpoint_url) as toolkit:
        yield toolkit


def ask(toolkit: Toolkit, service: str) -> dict[str, Any]:
    return dict(toolkit.troubleshoot(parameters={"ecs_cluster_name": "default", "ecs_service_name": service}).whole)


@pytest.mark.usefixtures("services")
def test_one_that_serves_has_nothing_wrong(toolkit: Toolkit) -> None:
    answer = ask(toolkit, "ts-good")
    assert [one["code"] for one in answer["findings"]] == ["nothing_wrong"]


@pytest.mark.usefixtures("services")
def test_a_service_is_waited_for_and_looked_into_by_its_arn_as_by_its_name(toolkit: Toolkit) -> None:
    place = "arn:aws:ecs:us-east-1:000000000000"
    arn = f"{place}:service/default/ts-good"
    for cluster, service in (
        ("default", arn),
        (f"{place}:cluster/default", arn),
        (f"{place}:cluster/default", "ts-good"),
    ):
        assert toolkit.wait(cluster, service, 60).status == "success"
        given = {"ecs_cluster_name": cluster, "ecs_service_name": service}
        answer = toolkit.troubleshoot(parameters=given).whole
        assert [one["code"] for one in answer["findings"]] == ["nothing_wrong"]


@pytest.mark.parametrize("lost", ["logs", "elasticloadbalancing", "ec2", " ".join(AROUND)])
@pytest.mark.usefixtures("services")
def test_whatever_is_out_of_reach_but_ecs_is_a_gap(embedded_aws: "SandboxInfo", lost: str) -> None:
    given = {"ecs_cluster_name": "default", "ecs_service_name": "ts-crash", "detail": "full"}
    with without(frozenset(lost.split()), behind=embedded_aws.endpoint_url) as url, Toolkit(sandbox_url=url) as toolkit:
        answer = toolkit.troubleshoot(parameters=given).whole
    assert "crash_loop" in [one["code"] for one in answer["findings"]]
    assert all("Connection was closed" in gap for gap in answer["gaps"])


@pytest.mark.usefixtures("services")
def test_where_ecs_itself_is_out_of_reach_that_is_told(embedded_aws: "SandboxInfo") -> None:
    with without(frozenset({"ecs"}), behind=embedded_aws.endpoint_url) as url, Toolkit(sandbox_url=url) as toolkit:
        for named in ({"ecs_service_name": "ts-crash"}, {}):
            with pytest.raises(ExpresswayError) as caught:
                toolkit.troubleshoot(parameters={"ecs_cluster_name": "default", **named})
            assert caught.value.code == "connection_failed"


@pytest.mark.usefixtures("services")
def test_an_application_on_127_0_0_1_is_told_from_its_log(toolkit: Toolkit) -> None:
    assert ask(toolkit, "ts-inside")["findings"][0]["code"] == "listens_on_loopback"


@pytest.mark.usefixtures("services")
async def test_huge_logs_fit_4_kb_over_the_server_and_the_rest_is_a_resource(toolkit: Toolkit) -> None:
    gates = Gates(allow_write=False, allow_sensitive_data=True)
    async with connected(toolkit, "auto", gates) as client:
        for action, named in (
            ("get_ecs_troubleshooting_guidance", {"ecs_service_name": "ts-crash"}),
            ("get_ecs_troubleshooting_guidance", {}),
            ("fetch_service_events", {"ecs_service_name": "ts-crash"}),
            ("fetch_task_failures", {}),
            ("fetch_task_logs", {}),
        ):
            given = {"action": action, "parameters": {"ecs_cluster_name": "default", **named}}
            result = await client.call_tool(TOOL, given)
            good_shape(result)
            size = sum(len(block.model_dump_json(by_alias=True, exclude_none=True)) for block in result.content[1:])
            text: Any = result.content[0]
            assert len(text.text.encode()) + size <= 4096, action
            assert len(result.model_dump_json(by_alias=True, exclude_none=True).encode()) <= 8192, action
            if action == "fetch_task_logs":
                assert "omitted" in good_shape(result)


@pytest.mark.usefixtures("services")
def test_the_command_line_finds_the_exception(embedded_aws: "SandboxInfo") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expressway", "troubleshoot", "default", "ts-crash", "--json"],
        capture_output=True,
        text=True,
        env={"EXPRESSWAY_SANDBOX": embedded_aws.endpoint_url, "PATH": "/usr/bin:/bin"},
    )
    found = json.loads(done.stdout)["findings"][0]
    assert found["code"] == "container_exited"
    assert "DATABASE_URL" in found["evidence"][0]


@pytest.mark.parametrize(
    ("service", "more", "code"),
    [
        ("nosuch", ("--exit-code",), 10),
        ("nosuch", (), 0),
        ("ts-good", ("--exit-code", "--detail", "summary"), 0),
        ("ts-good", ("--detail", "everything"), 2),
    ],
)
@pytest.mark.usefixtures("services")
def test_scripts_learn_of_a_critical_finding_when_they_ask(
    embedded_aws: "SandboxInfo", service: str, more: tuple[str, ...], code: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expressway", "troubleshoot", "default", service, "--json", *more],
        capture_output=True,
        text=True,
        env={"EXPRESSWAY_SANDBOX": embedded_aws.endpoint_url, "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == code, done.stdout
