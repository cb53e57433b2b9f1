"""A service that always names a next page, or the same one again, is left in bounded time, and a caller can stop it."""

import ast
import itertools
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from expressway.aws.ec2 import Network
from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.iam import Iam
from expressway.aws.logs import Logs
from expressway.aws.scaling import Alarms, Scaling
from expressway.aws.secrets import Secrets
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import SecretReference
from expressway.cloudformation.client import CloudFormation
from expressway.cloudformation.history_reader import StackHistories
from expressway.core.pages import MOST_PAGES, pages
from expressway.core.progress import ReadPool, cancelled_by
from expressway.errors import ExpresswayError

SOURCE = Path(__file__).parents[2] / "src" / "expressway"
TOKENS = {"NextToken", "nextToken", "Marker", "NextMarker"}
LONG = 60.0
"""Seconds after which a test fails that waits for threads."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class EndlessSession:
    """An AwsSession whose service gives empty pages, each with one of `tokens`."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.target = Target("123456789012", "us-east-1")
        self.asked = 0
        self._tokens = iter(tokens)
        self._lock = threading.Lock()  # a role's lists are read at the same time

    def client(self, service: str, *, region: str | None = None) -> Any:
        client: Any = boto3.client(service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.meta.events.register("before-call", self._answer)
        return client

    def _answer(self, model: Any, **_: Any) -> tuple[AWSResponse, Mapping[str, Any]]:
        with self._lock:
            self.asked += 1
            token = next(self._tokens)
        shape = model.output_shape
        page = {name: token if name in TOKENS else _EMPTY.get(one.type_name) for name, one in shape.members.items()}
        return AWSResponse("", 200, {}, None), {**page, "IsTruncated": True}


_EMPTY: Mapping[str, Any] = {"list": [], "string": "", "structure": {"Arn": "arn:aws:iam::123456789012:role/a"}}

Read = Callable[[Any], Any]
READS: dict[str, Read] = {
    "aws/scaling alarms": lambda session: Alarms(session).alarms(["a"]),
    "cloudformation/client names": lambda session: CloudFormation(session).names(),
    "cloudformation/client events": lambda session: CloudFormation(session).events("a"),
    "cloudformation/client change set": lambda session: CloudFormation(session).describe_change_set("a", "b"),
    "cloudformation/client change sets": lambda session: CloudFormation(session).change_set_names("a"),
    "aws/ecs/client clusters": lambda session: Ecs(session).cluster_names(),
    "aws/ecs/client services": lambda session: Ecs(session).service_names("a"),
    "aws/ecs/client tasks": lambda session: Ecs(session).task_arns("a", "STOPPED"),
    "aws/iam role": lambda session: Iam(session).role("a"),
    "aws/elbv2": lambda session: LoadBalancers(session).load_balancers_of(["vpc-1"]),
    "aws/logs group": lambda session: Logs(session).group("a"),
    "aws/ec2 subnets": lambda session: Network(session).subnets_of(["vpc-1"]),
    "aws/ec2 groups": lambda session: Network(session).default_groups(["vpc-1"]),
    "aws/secrets": lambda session: Secrets(session).fact(
        SecretReference("c", "A", "arn:aws:ssm:us-east-1:1:parameter/a")
    ),
    "aws/scaling targets": lambda session: Scaling(session).of_service("a", "b"),
    "cloudformation/history_reader names": lambda session: StackHistories(session).names(),
    "cloudformation/history_reader deleted": lambda session: StackHistories(session).deleted_id("a"),
}
BOUNDED: dict[str, Read] = {
    "cloudformation/client validation": lambda session: CloudFormation(session).validation_errors("a", "b"),
    "aws/logs search": lambda session: Logs(session).search("a", start=NOW, end=NOW.replace(hour=1), limit=5),
}


def _endless() -> Iterator[str]:
    return (f"token-{number}" for number in itertools.count())


@pytest.mark.parametrize("name", READS)
def test_a_list_without_end_is_an_error_that_says_so(name: str) -> None:
    session = EndlessSession(_endless())
    with pytest.raises(ExpresswayError) as error:
        READS[name](session)
    assert error.value.code == "endless_answer"
    assert "not read to its end" in error.value.message
    assert session.asked <= 4 * MOST_PAGES  # a few lists may be read at once


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("cycle", [1, 3])
def test_pages_that_come_again_are_noticed_at_once(name: str, cycle: int) -> None:
    session = EndlessSession(f"token-{number % cycle}" for number in itertools.count())
    with pytest.raises(ExpresswayError) as error:
        READS[name](session)
    assert error.value.code == "endless_answer"
    assert session.asked <= 20


@pytest.mark.parametrize("name", BOUNDED)
def test_what_is_read_as_far_as_it_goes_is_left_too(name: str) -> None:
    session = EndlessSession(_endless())
    BOUNDED[name](session)
    assert 1 < session.asked <= MOST_PAGES


class AfterSome:
    """A caller who no longer wants it once so many pages were asked for."""

    def __init__(self, session: EndlessSession, most: int) -> None:
        self._session, self._most = session, most

    def raise_if_cancelled(self) -> None:
        if self._session.asked >= self._most:
            raise ExpresswayError("cancelled", "The client cancelled the request.")


@pytest.mark.parametrize("name", READS)
def test_whoever_no_longer_wants_a_list_stops_it_between_pages(name: str) -> None:
    session = EndlessSession(_endless())
    with cancelled_by(AfterSome(session, 5)), pytest.raises(ExpresswayError) as error:
        READS[name](session)
    assert error.value.code == "cancelled"
    assert session.asked <= 5 + 4  # threads that had just asked


class Pages:
    """A service that gives these tokens, one a page, and then no more."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.asked: list[Mapping[str, str]] = []
        self._tokens = iter(tokens)

    def __call__(self, **token: str) -> Mapping[str, Any]:
        self.asked.append(token)
        return {"n": len(self.asked), "Next": next(self._tokens, "")}


def test_any_pages_are_all_there_or_an_error_is() -> None:
    chance = random.Random(7)
    for _ in range(300):
        tokens = [str(chance.randrange(1, 60)) for _ in range(chance.randrange(1, 40))]
        most = chance.randrange(1, 50)
        service = Pages(tokens)
        read: list[Any] = []
        code = ""
        try:
            read.extend(page["n"] for page in pages(service, doing="list", by="Marker", given="Next", most=most))
        except ExpresswayError as error:
            code = error.code
        asked = len(service.asked)
        given = tokens[:asked]
        ends = len(set(tokens)) == len(tokens) and len(tokens) < most
        assert code == ("" if ends else "endless_answer")
        assert asked <= most
        assert ends or len(set(given)) < len(given) or asked == most
        assert service.asked == [{}, *({"Marker": token} for token in tokens[: asked - 1])]
        assert read == list(range(1, asked + 1))


def test_a_list_that_is_not_there_has_no_pages() -> None:
    def ask(**_: str) -> None:
        return None

    assert list(pages(ask, doing="list", by="Next")) == []


def test_a_list_that_is_gone_between_two_pages_is_not_taken_for_whole() -> None:
    def ask(**token: str) -> Mapping[str, Any] | None:
        return None if token else {"Next": "more"}

    with pytest.raises(ExpresswayError) as error:
        list(pages(ask, doing="list the tasks", by="Next"))
    assert error.value.code == "aws_error"
    assert "did not list the tasks" in error.value.message
    assert "not read to its end" in error.value.message


def test_threads_that_read_stop_with_the_block_that_started_them() -> None:
    reading: list[Future[None]] = []
    begun = threading.Barrier(3)

    def read() -> None:
        service = Pages(_endless())
        for page in pages(service, doing="list", by="Next", most=10**9):
            if page["n"] == 2:
                begun.wait(LONG)

    def interrupted() -> None:
        with ReadPool(2, thread_name_prefix="test") as pool:
            reading.extend(pool.submit(read) for _ in range(2))
            begun.wait(LONG)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [getattr(one.exception(), "code", "") for one in reading] == ["cancelled"] * 2


_READERS = {"pages", "ask_items"}
_FOLLOWING = {"get_paginator", "paginate", "build_full_result"}


def test_every_list_of_aws_s_is_read_by_the_one_helper() -> None:
    using: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        if "sandbox" in path.parts or path.name in {"pages.py", "errors.py"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            called = isinstance(node, ast.Attribute) and node.attr in _FOLLOWING
            assert not called, f"{path} follows pages without a bound"
            if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
                inside = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
                assert not inside & TOKENS, f"{path}:{node.lineno} follows tokens without a bound"
            if isinstance(node, ast.ImportFrom) and any(name.name in _READERS for name in node.names):
                using.add(path.relative_to(SOURCE).with_suffix("").as_posix())
    tested = {name.partition(" ")[0] for name in READS}
    assert using == tested  # ecs_api/pages: tests/ecs_api/test_pages.py
