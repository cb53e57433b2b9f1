"""A prebuilt image and a task definition are looked at before CloudFormation is asked for anything."""

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from expressway.app.parse import parse_definition
from expressway.aws.values.image import RegistryImage
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from expressway.core.progress import Progress
from expressway.errors import ExpresswayError, ImageError, ServiceError, TargetError
from expressway.image.app_image import AppImages
from expressway.image.values import PlannedImage
from expressway.plan.plan import Plan
from tests.image.fakes import FastClock, MemoryRegistry

DIGEST = "sha256:" + "a" * 64
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
TASK_DEFINITION = "arn:aws:ecs:us-east-1:111122223333:task-definition/web:7"
SUITABLE = TaskDefinition(
    TASK_DEFINITION,
    "ACTIVE",
    frozenset({"FARGATE", "EC2"}),
    (ContainerDefinition("log-router"), ContainerDefinition("Main", (PortMapping("http", 8080),))),
)


@dataclass
class Account(MemoryRegistry):
    """Images of any registry, by place, and one task definition."""

    images: dict[str, str] = field(default_factory=dict)
    definition: TaskDefinition | None = None
    fault: ExpresswayError | None = None
    told: list[Progress] = field(default_factory=list)
    built_for: tuple[str, ...] | TargetError = ("linux/amd64",)

    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]:
        assert f"{registry_id}/{region}" == "123456789012/eu-west-1"
        assert digest == DIGEST
        if isinstance(self.built_for, TargetError):
            raise self.built_for
        return self.built_for

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        if self.fault is not None:
            raise self.fault
        found = self.images.get(f"{registry_id}/{region}/{repository_name}:{tag or digest}")
        return RegistryImage(repository_name, found, ("v1",), 1) if found else None

    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None:
        if self.policy == "denied":
            raise TargetError("access_denied", "not authorized: ecr:GetLifecyclePolicy", "Ask.")
        return self.policy

    def task_definition(self, task_definition_arn: str) -> TaskDefinition | None:
        assert task_definition_arn == TASK_DEFINITION
        if self.fault is not None:
            raise self.fault
        return self.definition

    def images_of_apps(self) -> AppImages:
        return AppImages(
            engine=lambda: pytest.fail("no engine is needed"),
            registry=self,
            repositories=lambda: self,
            read_task_definition=self.task_definition,
            clock=FastClock(),
        )

    def plan(self, **definition: object) -> PlannedImage | None:
        images = self.images_of_apps()
        parsed = parse_definition({"name": "hello", **definition})
        checked = images.check(parsed, Path(), progress=self.told.append)
        assert images.check(parsed, Path(), progress=lambda _: None, with_engine=False).planned == checked.planned
        return checked.planned


def test_a_tag_becomes_the_digest_that_it_names_in_its_own_account_and_region() -> None:
    account = Account(images={"123456789012/eu-west-1/team/web:v1": DIGEST})
    assert account.plan(image=f"{HOST}/team/web:v1") == PlannedImage("given", f"{HOST}/team/web@{DIGEST}")


@pytest.mark.parametrize("built_for", [("linux/arm64",), ("linux/arm64", "windows/amd64")])
def test_an_image_for_another_architecture_is_refused_before_anything_changes(built_for: tuple[str, ...]) -> None:
    account = Account(images={"123456789012/eu-west-1/team/web:v1": DIGEST}, built_for=built_for)
    with pytest.raises(ImageError) as caught:
        account.plan(image=f"{HOST}/team/web:v1")
    assert caught.value.code == "wrong_architecture"
    assert f"built for {', '.join(built_for)}; tasks run on linux/amd64" in caught.value.message
    assert "--platform linux/amd64" in caught.value.hint


@pytest.mark.parametrize(
    ("built_for", "told"),
    [
        (("linux/arm64", "linux/amd64"), None),
        ((), "nothing states what the image"),
        (TargetError("access_denied", "not authorized: ecr:BatchGetImage", "Ask."), "is not known: not authorized"),
        (TargetError("region_not_allowed", "eu-west-1 is not allowed", "Ask."), "is not known: eu-west-1"),
    ],
)
def test_what_cannot_be_told_of_the_architecture_is_a_warning(
    built_for: tuple[str, ...] | TargetError, told: str | None
) -> None:
    account = Account(images={"123456789012/eu-west-1/team/web:v1": DIGEST}, built_for=built_for)
    assert account.plan(image=f"{HOST}/team/web:v1") == PlannedImage("given", f"{HOST}/team/web@{DIGEST}")
    warnings = [one.message for one in account.told if one.level == "warning"]
    assert [told in one for one in warnings if told] == ([True] if told else [])
    assert bool(warnings) is bool(told)


def rule(priority: int, count: int = 1, **selection: object) -> dict[str, object]:
    counted = {"countType": "imageCountMoreThan", "countNumber": count}
    return {"rulePriority": priority, "selection": counted | selection, "action": {"type": "expire"}}


@pytest.mark.parametrize(
    ("rules", "warning"),
    [
        ([rule(1, tagStatus="any")], "rule 1 of the lifecycle policy of the repository team/web"),
        ([rule(1, tagStatus="tagged", tagPrefixList=["v"])], "once 1 newer image has been pushed"),
        (
            [rule(3, 30, tagStatus="any", countType="sinceImagePushed"), rule(2, tagStatus="untagged")],
            "rule 3 .* 30 days after it was pushed",
        ),
        ([rule(1, tagStatus="tagged", tagPatternList=["x*"])], None),
        ([rule(1, tagStatus="untagged")], None),
        ([], None),
    ],
)
def test_a_plan_warns_where_a_lifecycle_policy_takes_away_the_image_that_is_named(
    rules: list[dict[str, object]], warning: str | None
) -> None:
    account = Account(images={"123456789012/eu-west-1/team/web:v1": DIGEST}, policy=json.dumps({"rules": rules}))
    planned = account.plan(image=f"{HOST}/team/web:v1")
    assert planned is not None
    assert len(planned.warnings) == (warning is not None)
    assert warning is None or re.search(warning, planned.warnings[0])
    whole = Plan("hello", "somewhere", (), planned, {})
    assert (len(whole.warnings), whole.digest) == (
        len(planned.warnings),
        Plan("hello", "somewhere", (), replace(planned, warnings=()), {}).digest,
    )


def test_a_lifecycle_policy_that_may_not_be_read_is_named() -> None:
    account = Account(images={"123456789012/eu-west-1/team/web:v1": DIGEST}, policy="denied")
    planned = account.plan(image=f"{HOST}/team/web:v1")
    assert planned == PlannedImage("given", f"{HOST}/team/web@{DIGEST}")
    assert "ecr:GetLifecyclePolicy" in account.told[0].message


def test_an_image_that_the_definition_names_is_looked_for_again_and_refused_when_it_is_gone() -> None:
    account = Account(images={f"123456789012/eu-west-1/team/web:{name}": DIGEST for name in ("v1", DIGEST)})
    images = account.images_of_apps()
    checked = images.check(
        parse_definition({"name": "hello", "image": f"{HOST}/team/web:v1"}), Path(), progress=account.told.append
    )
    assert checked.is_there()
    account.images.clear()
    with pytest.raises(ImageError) as caught:
        checked.is_there()
    assert caught.value.code == "image_not_found"


def test_an_image_named_by_its_digest_is_looked_for_by_it() -> None:
    account = Account(images={f"123456789012/eu-west-1/web:{DIGEST}": DIGEST})
    assert account.plan(image=f"{HOST}/web:v1@{DIGEST}") == PlannedImage("given", f"{HOST}/web@{DIGEST}")


@pytest.mark.parametrize("fault", [None, ImageError("repository_missing", "There is no repository web.", "")])
def test_an_image_that_does_not_exist_is_refused(fault: ExpresswayError | None) -> None:
    with pytest.raises(ImageError) as error:
        Account(fault=fault).plan(image=f"{HOST}/web:v2")
    assert error.value.code == "image_not_found"
    assert f"{HOST}/web:v2" in error.value.message
    assert "account 123456789012 in eu-west-1" in error.value.message


@pytest.mark.parametrize("code", ["access_denied", "region_not_allowed"])
def test_an_image_that_may_not_be_looked_at_is_a_warning(code: str) -> None:
    account = Account(fault=TargetError(code, "not authorized to perform: ecr:DescribeImages", ""))
    assert account.plan(image=f"{HOST}/web:v1") == PlannedImage("given", f"{HOST}/web:v1")
    assert [(one.level, "ecr:DescribeImages" in one.message) for one in account.told] == [("warning", True)]


def test_a_session_that_has_ended_is_no_warning() -> None:
    with pytest.raises(TargetError) as error:
        Account(fault=TargetError("credentials_expired", "The token has expired.", "")).plan(image=f"{HOST}/web:v1")
    assert error.value.code == "credentials_expired"


def test_a_public_image_is_left_as_it_is_named() -> None:
    account = Account(fault=TargetError("access_denied", "asked although it is public", ""))
    uri = "public.ecr.aws/docker/library/httpd:2.4"
    assert account.plan(image=uri) == PlannedImage("given", uri)
    assert account.told == []


def test_a_suitable_task_definition_names_the_image_itself() -> None:
    assert Account(definition=SUITABLE).plan(task_definition_arn=TASK_DEFINITION) is None


def main(*ports: PortMapping) -> tuple[ContainerDefinition, ...]:
    return (ContainerDefinition("Main", ports),)


@pytest.mark.parametrize(
    ("definition", "problems"),
    [
        (None, ["does not exist"]),
        (replace(SUITABLE, status="INACTIVE"), ["INACTIVE"]),
        (replace(SUITABLE, launch_types=frozenset({"EC2"})), ["FARGATE (its compatibilities: EC2)"]),
        (replace(SUITABLE, containers=(ContainerDefinition("web"),)), ["no container named Main", "web"]),
        (replace(SUITABLE, containers=main()), ["one named TCP port (it maps: none)"]),
        (replace(SUITABLE, containers=main(PortMapping("", 80))), ["unnamed 80/tcp"]),
        (replace(SUITABLE, containers=main(PortMapping("a", 80), PortMapping("b", 81))), ["a 80/tcp, b 81/tcp"]),
        (replace(SUITABLE, containers=main(PortMapping("dns", 53, "udp"))), ["dns 53/udp"]),
        (
            replace(SUITABLE, status="INACTIVE", launch_types=frozenset(), containers=()),
            ["INACTIVE", "FARGATE (its compatibilities: none)", "no container named Main"],
        ),
    ],
)
def test_an_unsuitable_task_definition_is_refused_with_all_its_problems(
    definition: TaskDefinition | None, problems: list[str]
) -> None:
    with pytest.raises(ServiceError) as error:
        Account(definition=definition).plan(task_definition_arn=TASK_DEFINITION)
    assert error.value.code == "task_definition_unsuitable"
    assert all(problem in error.value.message for problem in problems)
    assert error.value.details["problems"]


def test_a_named_udp_port_beside_the_tcp_port_does_no_harm() -> None:
    ports = main(PortMapping("http", 8080), PortMapping("stats", 8125, "udp"), PortMapping("", 9000))
    assert Account(definition=replace(SUITABLE, containers=ports)).plan(task_definition_arn=TASK_DEFINITION) is None


def test_a_task_definition_that_may_not_be_looked_at_is_a_warning() -> None:
    account = Account(fault=TargetError("access_denied", "not authorized to perform: ecs:DescribeTaskDefinition", ""))
    assert account.plan(task_definition_arn=TASK_DEFINITION) is None
    assert [one.level for one in account.told] == ["warning"]
