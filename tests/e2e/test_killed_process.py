"""A real process, really killed, on the embedded AWS: the same command finishes what it began."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expressway.aws.session import AwsSession, open_session
from expressway.cloudformation.client import CloudFormation
from expressway.cloudformation.template import Template
from expressway.core.progress import NeverCancelled
from expressway.core.system_clock import SystemClock
from expressway.deploy.stack.apply import apply_stack
from expressway.deploy.stack.delete import StackRemover
from expressway.deploy.stack.request import StackOutcome, StackRequest
from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = pytest.mark.sandbox

NAME = "killed-ecr-infrastructure"
CHILD = """
import sys
from tests.e2e.test_killed_process import apply, open_session
apply(open_session(sandbox_url=sys.argv[1]), sys.argv[2], tell=lambda line: print(line, flush=True))
"""


def template(days: str) -> Template:
    policy = {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": int(days),
                },
                "action": {"type": "expire"},
            }
        ]
    }
    body = {
        "Metadata": {"Expressway": {"App": "killed", "Schema": 1}},
        "Parameters": {"PusherArn": {"Type": "String", "Default": ""}},
        "Resources": {
            "Repository": {
                "Type": "AWS::ECR::Repository",
                "Properties": {
                    "RepositoryName": "killed-repo",
                    "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(policy)},
                },
            },
            "LogGroup": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": "/expressway/killed", "RetentionInDays": int(days)},
            },
        },
        "Outputs": {"RepositoryUri": {"Value": {"Fn::GetAtt": ["Repository", "RepositoryUri"]}}},
    }
    return Template(NAME, json.dumps(body, indent=1))


def apply(session: AwsSession, days: str, tell: object = None) -> StackOutcome:
    return apply_stack(
        StackRequest("killed", template(days), "repository", {"PusherArn": ""}),
        stacks=CloudFormation(session),
        clock=SystemClock(),
        progress=lambda progress: tell(progress.message) if callable(tell) else None,
        cancellation=NeverCancelled(),
    )


@pytest.fixture
def session(embedded_aws: SandboxInfo) -> Iterator[AwsSession]:
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    remover = StackRemover(CloudFormation(session), SystemClock())
    yield session
    left = remover.describe(NAME)
    if left is not None:
        remover.delete(left, progress=lambda _: None, cancellation=NeverCancelled())


def run_and_kill(session: AwsSession, days: str, lines: int) -> None:
    """Run the command in a process of its own and kill it after it has told so many lines of progress."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(session.target.sandbox_url), days],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for _ in range(lines):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()


def assert_converged(session: AwsSession, days: str) -> None:
    stacks = CloudFormation(session)
    stack = stacks.describe(NAME)
    assert stack is not None
    assert stack.healthy
    assert stack.owner_app == "killed"
    assert json.loads(stack.template) == template(days).document
    listed = session.client("cloudformation").list_change_sets(StackName=NAME)["Summaries"]
    assert [one for one in listed if one["ExecutionStatus"] == "AVAILABLE"] == []
    groups = session.client("logs").describe_log_groups(logGroupNamePrefix="/expressway/killed")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [int(days)]
    made = session.client("cloudformation").list_stacks()["StackSummaries"]
    assert len([one for one in made if one["StackName"] == NAME and one["StackStatus"] != "DELETE_COMPLETE"]) == 1


@pytest.mark.parametrize("lines", [1, 2, 4])
def test_a_killed_process_is_continued_by_the_same_command(lines: int, session: AwsSession) -> None:
    run_and_kill(session, "7", lines)
    assert apply(session, "7").result in {"created", "unchanged"}
    assert_converged(session, "7")
    run_and_kill(session, "14", lines)
    assert apply(session, "14").result in {"updated", "unchanged"}
    assert_converged(session, "14")


def test_what_stands_already_is_recognised_without_a_change_set(session: AwsSession) -> None:
    assert apply(session, "7").result == "created"
    told: list[str] = []
    assert apply(session, "7", told.append).result == "unchanged"
    assert told == []
    change_sets = session.client("cloudformation").list_change_sets(StackName=NAME)["Summaries"]
    assert [one["ExecutionStatus"] for one in change_sets] == ["EXECUTE_COMPLETE"]
