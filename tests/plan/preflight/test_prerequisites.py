"""Roles by name or ARN with any path, images by tag or digest in nested repositories; doubt is a warning."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from expressway.aws.values.dependencies import RolePolicy, RoleState
from expressway.aws.values.image import RegistryImage
from expressway.aws.values.target import Target
from expressway.errors import ExpresswayError, ImageError, TargetError
from expressway.iam.required import INFRASTRUCTURE_ACTIONS, LOG_ACTIONS, OFTEN_MISSING_ACTIONS, PULL_ACTIONS
from expressway.plan.preflight.prerequisites import PrerequisitePorts, Prerequisites, validate_prerequisites

ACCOUNT = "111122223333"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/apps/web:v1"
DIGEST = "sha256:" + "a" * 64
ROLE = f"arn:aws:iam::{ACCOUNT}:role"


def trust(principal: str, **more: object) -> Mapping[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(*actions: str, **more: object) -> Mapping[str, Any]:
    return {"Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}}


def managed(name: str) -> RolePolicy:
    return RolePolicy(name, f"arn:aws:iam::aws:policy/service-role/{name}", None)


EXECUTION = RoleState(
    "ecsTaskExecutionRole",
    f"{ROLE}/ecsTaskExecutionRole",
    trust("ecs-tasks.amazonaws.com"),
    (managed("AmazonECSTaskExecutionRolePolicy"),),
)
INFRASTRUCTURE = RoleState(
    "ecsInfrastructureRoleForExpressServices",
    f"{ROLE}/ecsInfrastructureRoleForExpressServices",
    trust("ecs.amazonaws.com"),
    (
        managed("AmazonECSInfrastructureRoleforExpressGatewayServices"),
        RolePolicy("reads", "", allow(*OFTEN_MISSING_ACTIONS)),
    ),
)


@dataclass(frozen=True)
class Image:
    platforms: tuple[str, ...] = ("linux/amd64",)


@dataclass
class Account:
    roles: dict[str, RoleState] = field(default_factory=dict)
    image: Image | None = field(default_factory=Image)
    refuses: dict[str, ExpresswayError] = field(default_factory=dict)
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def role(self, role_name: str) -> RoleState | None:
        if "role" in self.refuses:
            raise self.refuses["role"]
        return self.roles.get(role_name)

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        self.asked.append((repository_name, tag, digest, registry_id, region))
        if "image" in self.refuses:
            raise self.refuses["image"]
        return RegistryImage(repository_name, DIGEST, (), 1) if self.image else None

    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]:
        if "platforms" in self.refuses:
            raise self.refuses["platforms"]
        return self.image.platforms if self.image else ()


def account(*roles: RoleState) -> Account:
    return Account({role.name: role for role in roles or (EXECUTION, INFRASTRUCTURE)})


def validate(made: Account, image: str = IMAGE, **roles: str) -> Prerequisites:
    ports = PrerequisitePorts(Target(ACCOUNT, "eu-west-1"), made, made, made)
    return validate_prerequisites(image, ports=ports, **roles)


def test_roles_and_image_that_are_in_order_are_valid() -> None:
    checked = validate(account())

    assert checked.to_dict()["valid"] is True
    assert (checked.errors, checked.warnings) == ((), ())
    assert set(checked.details) == {"execution_role", "infrastructure_role", "image"}
    assert checked.details["image"]["digest"] == DIGEST


def test_a_nested_repository_is_asked_for_in_its_own_account_and_region() -> None:
    made = account()

    checked = validate(made, "444455556666.dkr.ecr.us-west-2.amazonaws.com/a/b/c:v2")

    assert made.asked == [("a/b/c", "v2", None, "444455556666", "us-west-2")]
    assert checked.valid
    assert any("repository's policy" in warning for warning in checked.warnings)
    assert any("cross regions" in warning for warning in checked.warnings)


def test_a_digest_is_asked_for_instead_of_a_tag() -> None:
    made = account()

    validate(made, f"{IMAGE}@{DIGEST}")

    assert made.asked == [("team/apps/web", None, DIGEST, ACCOUNT, "eu-west-1")]


def test_an_image_that_is_not_there_is_an_error() -> None:
    made = account()
    made.image = None

    checked = validate(made)

    assert not checked.valid
    assert "team/apps/web" in checked.errors[0]


def test_a_repository_that_is_not_there_is_an_error() -> None:
    made = account()
    made.refuses["image"] = ImageError("repository_missing", "There is no repository team/apps/web.", "")

    assert validate(made).errors == ("There is no repository team/apps/web.",)


@pytest.mark.parametrize("code", ["access_denied", "region_not_allowed"])
def test_a_registry_that_we_may_not_look_into_is_a_warning(code: str) -> None:
    made = account()
    made.refuses["image"] = TargetError(code, "AWS did not describe the image: denied", "")

    checked = validate(made)

    assert checked.valid
    assert "could not be verified" in checked.warnings[0]


def test_credentials_that_expired_are_not_hidden_in_a_warning() -> None:
    made = account()
    made.refuses["image"] = TargetError("credentials_expired", "expired", "")

    with pytest.raises(TargetError):
        validate(made)


def test_an_image_for_another_platform_is_an_error() -> None:
    made = account()
    made.image = Image(platforms=("linux/arm64",))

    assert "linux/arm64" in validate(made).errors[0]


def test_an_image_for_several_platforms_is_fine_when_ours_is_among_them() -> None:
    made = account()
    made.image = Image(platforms=("linux/arm64", "linux/amd64"))

    assert validate(made).valid


def test_a_manifest_without_a_platform_is_a_warning() -> None:
    made = account()
    made.image = Image(platforms=())

    checked = validate(made)

    assert checked.valid
    assert "Nothing states the platform" in checked.warnings[0]


def test_a_platform_that_may_not_be_read_is_a_warning_that_says_so() -> None:
    made = account()
    made.refuses["platforms"] = TargetError("access_denied", "AWS did not allow ecr:BatchGetImage.")

    checked = validate(made)

    assert checked.valid
    (warning,) = checked.warnings
    assert "ecr:BatchGetImage" in warning


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/docker/library/nginx:1",
        "nginx",
        "ghcr.io/org/app:1",
        "quay.io/org/app@" + DIGEST,
        "registry.example.com:5000/app:1",
    ],
)
def test_a_registry_outside_ecr_is_a_warning_and_is_never_asked(image: str) -> None:
    made = account()

    checked = validate(made, image)

    assert checked.valid
    assert made.asked == []
    assert "cannot be checked" in checked.warnings[0]


def test_a_public_image_needs_no_pull_permissions() -> None:
    logs_only = replace(EXECUTION, policies=(RolePolicy("logs", "", allow(*LOG_ACTIONS)),))

    assert validate(account(logs_only, INFRASTRUCTURE), "nginx").valid
    assert not validate(account(logs_only, INFRASTRUCTURE)).valid


def test_a_reference_that_is_none_is_an_error_beside_those_of_the_roles() -> None:
    checked = validate(Account(), "UPPER/case:x:y")

    assert len(checked.errors) == 3
    assert checked.details["image"]["status"] == "invalid"


def test_a_role_is_found_by_an_arn_with_a_path() -> None:
    deep = replace(EXECUTION, name="runner", arn=f"{ROLE}/team/web/runner")

    checked = validate(account(deep, INFRASTRUCTURE), execution_role_arn=f"{ROLE}/team/web/runner")

    assert checked.valid
    assert checked.details["execution_role"]["arn"] == f"{ROLE}/team/web/runner"


def test_an_arn_whose_path_is_wrong_names_the_role_that_is_there() -> None:
    deep = replace(EXECUTION, name="runner", arn=f"{ROLE}/team/web/runner")

    checked = validate(account(deep, INFRASTRUCTURE), execution_role_arn=f"{ROLE}/runner")

    assert f"There is {ROLE}/team/web/runner." in checked.errors[0]


def test_a_role_that_is_missing_is_named() -> None:
    checked = validate(account(EXECUTION))

    assert checked.details["infrastructure_role"]["status"] == "not_found"
    assert "ecsInfrastructureRoleForExpressServices does not exist" in checked.errors[0]


def test_a_role_of_another_account_is_an_error() -> None:
    checked = validate(account(), execution_role_arn="arn:aws:iam::444455556666:role/x")

    assert "its own account" in checked.errors[0]


@pytest.mark.parametrize("role", ["", "a b", "arn:aws:iam::1:role/x", "arn:aws:s3:::bucket"])
def test_text_that_is_no_role_is_an_error(role: str) -> None:
    assert "role name or role ARN" in validate(account(), execution_role_arn=role).errors[0]


def test_roles_that_may_not_be_read_are_warnings() -> None:
    made = account()
    made.refuses["role"] = TargetError("access_denied", "AWS did not read the role: denied", "")

    checked = validate(made)

    assert checked.valid
    assert len(checked.warnings) == 2
    assert checked.details["execution_role"]["status"] == "unverified"


@pytest.mark.parametrize(
    "document",
    [
        trust("ec2.amazonaws.com"),
        trust("ecs.amazonaws.com"),
        trust("ecs-tasks.amazonaws.com", Effect="Deny"),
        trust("ecs-tasks.amazonaws.com", Action="sts:TagSession"),
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:*"}]},
        {},
    ],
)
def test_a_role_that_ecs_cannot_assume_is_an_error(document: Mapping[str, Any]) -> None:
    checked = validate(account(replace(EXECUTION, trust=document), INFRASTRUCTURE))

    assert "does not trust ecs-tasks.amazonaws.com" in checked.errors[0]


@pytest.mark.parametrize(
    "document",
    [
        trust("ecs-tasks.amazonaws.com", Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        {
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]},
                "Action": ["sts:*"],
            }
        },
    ],
)
def test_trust_may_be_written_in_many_ways(document: Mapping[str, Any]) -> None:
    assert validate(account(replace(EXECUTION, trust=document), INFRASTRUCTURE)).valid


@pytest.mark.parametrize(
    "document",
    [
        allow(*PULL_ACTIONS, *LOG_ACTIONS),
        allow("ecr:*", "LOGS:*"),
        allow("*"),
        {"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]},
        allow("ecr:Get*", "ecr:Batch*", "logs:CreateLogStream", "logs:Put?ogEvents"),
    ],
)
def test_equal_permissions_count_as_the_managed_policy(document: Mapping[str, Any]) -> None:
    role = replace(EXECUTION, policies=(RolePolicy("own", "", document),))

    assert validate(account(role, INFRASTRUCTURE)).valid


def test_what_a_role_lacks_is_named() -> None:
    role = replace(EXECUTION, policies=(RolePolicy("own", "", allow("ecr:*")),))

    checked = validate(account(role, INFRASTRUCTURE))

    assert "lacks logs:CreateLogStream, logs:PutLogEvents" in checked.errors[0]
    assert "AmazonECSTaskExecutionRolePolicy" in checked.errors[0]


def test_an_outright_denial_takes_away_what_the_managed_policy_gives() -> None:
    denial = RolePolicy("deny", "", {"Statement": {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}})

    checked = validate(account(replace(EXECUTION, policies=(*EXECUTION.policies, denial)), INFRASTRUCTURE))

    assert "ecr:GetAuthorizationToken" in checked.errors[0]


def test_the_reads_that_the_managed_policy_lacks_are_a_warning() -> None:
    checked = validate(account(EXECUTION, replace(INFRASTRUCTURE, policies=INFRASTRUCTURE.policies[:1])))

    assert checked.valid
    assert "ec2:DescribeAccountAttributes, ec2:DescribeInternetGateways" in checked.warnings[0]


def test_an_infrastructure_role_without_its_policy_is_an_error() -> None:
    own = RolePolicy("own", "", allow(*INFRASTRUCTURE_ACTIONS[:-2], *OFTEN_MISSING_ACTIONS))

    checked = validate(account(EXECUTION, replace(INFRASTRUCTURE, policies=(own,))))

    assert "application-autoscaling:PutScalingPolicy" in checked.errors[0]


def test_a_policy_that_may_not_be_read_makes_a_doubt_of_what_seems_missing() -> None:
    hidden = RolePolicy("hidden", f"arn:aws:iam::{ACCOUNT}:policy/hidden", None)

    checked = validate(account(replace(EXECUTION, policies=(hidden,)), INFRASTRUCTURE))

    assert checked.valid
    assert "could not be verified" in checked.warnings[0]


def test_a_customer_policy_named_like_the_managed_one_is_not_taken_for_it() -> None:
    fake = RolePolicy(
        "AmazonECSTaskExecutionRolePolicy", f"arn:aws:iam::{ACCOUNT}:policy/AmazonECSTaskExecutionRolePolicy", {}
    )

    assert not validate(account(replace(EXECUTION, policies=(fake,)), INFRASTRUCTURE)).valid


def test_a_permissions_boundary_is_a_warning() -> None:
    role = replace(EXECUTION, permissions_boundary_arn="arn:boundary")

    assert "arn:boundary" in validate(account(role, INFRASTRUCTURE)).warnings[0]
