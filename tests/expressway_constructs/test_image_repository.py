"""Image repository and push/pull role in somebody else's app."""

import fnmatch
import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from expressway_constructs.errors import ConstructError
from expressway_constructs.image_repository import ImageRepository
from expressway_constructs.push_pull_role import PULL_ACTIONS, PUSH_ACTIONS, PushPullRole
from tests.expressway_constructs.conftest import Synth, only

pytestmark = pytest.mark.process

PIPELINE = iam.ArnPrincipal("arn:aws:iam::111122223333:role/pipeline")


def test_a_repository_is_immutable_scanned_and_keeps_what_a_rollback_needs(stack: cdk.Stack, synth: Synth) -> None:
    ImageRepository(stack, "Images")
    found = only(synth(stack), "AWS::ECR::Repository")["Properties"]
    assert found["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert [one["ImageTagMutabilityExclusionFilterValue"] for one in found["ImageTagMutabilityExclusionFilters"]] == [
        "expressway-*"
    ]
    assert found["ImageScanningConfiguration"] == {"ScanOnPush": True}
    protected, untagged, tagged = json.loads(found["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert protected["selection"]["tagPatternList"] == ["expressway-*"]
    assert protected["rulePriority"] == 1
    assert untagged["selection"]["countNumber"] == 7
    assert untagged["selection"]["tagStatus"] == "untagged"
    assert tagged["selection"]["countNumber"] == 20
    assert tagged["selection"]["tagPatternList"] == ["*"]


def test_a_key_means_encryption_with_that_key(stack: cdk.Stack, synth: Synth) -> None:
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/1234")
    ImageRepository(stack, "Images", encryption_key=key)
    encryption = only(synth(stack), "AWS::ECR::Repository")["Properties"]["EncryptionConfiguration"]
    assert encryption == {"EncryptionType": "KMS", "KmsKey": "arn:aws:kms:eu-west-1:111122223333:key/1234"}


def test_where_every_tag_can_be_moved_none_is_excluded(stack: cdk.Stack, synth: Synth) -> None:
    ImageRepository(stack, "Images", immutable_tags=False)
    found = only(synth(stack), "AWS::ECR::Repository")["Properties"]
    assert found["ImageTagMutability"] == "MUTABLE"
    assert "ImageTagMutabilityExclusionFilters" not in found


def test_keeping_no_image_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(ConstructError, match="keep_tagged: expected 1 or more, got 0") as error:
        ImageRepository(stack, "Images", keep_tagged=0)
    assert error.value.code == "invalid_repository"


def test_it_is_a_repository_wherever_the_cdk_takes_one(stack: cdk.Stack, synth: Synth) -> None:
    repository = ImageRepository(stack, "Images")
    assert isinstance(repository, ecr.Repository)
    repository.grant_pull(iam.User(stack, "Puller"))
    assert "ecr:BatchGetImage" in json.dumps(only(synth(stack), "AWS::IAM::Policy"))
    assert ImageRepository.from_repository_name(stack, "Other", "other").repository_name == "other"


def test_the_role_may_push_and_pull_one_repository_and_sign_in_and_nothing_else(stack: cdk.Stack, synth: Synth) -> None:
    repository = ImageRepository(stack, "Images")
    PushPullRole(stack, "Role", repository=repository, principals=[PIPELINE])
    role = only(synth(stack), "AWS::IAM::Role")["Properties"]
    (policy,) = role["Policies"]
    images, sign_in = policy["PolicyDocument"]["Statement"]
    assert set(images["Action"]) == {*PUSH_ACTIONS, *PULL_ACTIONS}
    assert set(images["Resource"]) == {"Fn::GetAtt"}
    assert (sign_in["Action"], sign_in["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/pipeline"}


def test_a_pipeline_without_keys_may_assume_it_by_its_identity_provider(stack: cdk.Stack, synth: Synth) -> None:
    provider = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    conditions = {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:team/shop:ref:refs/heads/main"}}
    principal = iam.FederatedPrincipal(provider, conditions, "sts:AssumeRoleWithWebIdentity")
    deployer = cdk.CfnParameter(stack, "Deployer", default="")
    PushPullRole(
        stack,
        "Role",
        repository=ImageRepository(stack, "Images"),
        principals=[principal],
        deployer_arn=deployer.value_as_string,
    )
    named, _ = only(synth(stack), "AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert named == {
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Condition": conditions,
    }


@pytest.mark.parametrize(
    "principals",
    [
        [],
        [iam.AccountRootPrincipal()],
        [iam.AccountPrincipal("111122223333")],
        [iam.AnyPrincipal()],
        [iam.ServicePrincipal("ecs-tasks.amazonaws.com")],
    ],
)
def test_a_role_for_nobody_for_everybody_or_for_a_service_is_refused(
    stack: cdk.Stack, principals: list[iam.IPrincipal]
) -> None:
    repository = ImageRepository(stack, "Images")
    with pytest.raises(ConstructError) as caught:
        PushPullRole(stack, "Role", repository=repository, principals=principals)
    assert caught.value.code == "invalid_push_pull_role"


def test_holders_of_a_permission_set_may_assume_it_and_nobody_else_of_the_account(
    stack: cdk.Stack, synth: Synth
) -> None:
    PushPullRole(stack, "Role", repository=ImageRepository(stack, "Images"), permission_set="Deployer")
    (statement,) = only(synth(stack), "AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    _, trust, otherwise = statement["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    patterns = trust["Condition"]["ArnLike"]["aws:PrincipalArn"]
    assert set(trust["Condition"]) == {"ArnLike"}
    assert all(pattern["Fn::Sub"][1] == {"Name": "Deployer"} for pattern in patterns)
    roles = [pattern["Fn::Sub"][0].split(":role/")[1].replace("${Name}", "Deployer") for pattern in patterns]

    def trusted(role: str) -> bool:
        return any(fnmatch.fnmatchcase(role, pattern) for pattern in roles)

    place, suffix = "aws-reserved/sso.amazonaws.com", "0123456789abcdef"
    assert trusted(f"{place}/AWSReservedSSO_Deployer_{suffix}")
    assert trusted(f"{place}/eu-west-1/AWSReservedSSO_Deployer_{suffix}")
    assert not trusted(f"{place}/AWSReservedSSO_Deployer_all_{suffix}")
    assert not trusted(f"{place}/AWSReservedSSO_NoDeployer_{suffix}")
    assert not trusted(f"AWSReservedSSO_Deployer_{suffix}")
    assert not trusted(f"mine/{place}/AWSReservedSSO_Deployer_{suffix}")


@pytest.mark.parametrize("name", ["*", "Deploy?r", "AWSReservedSSO_Deployer", "x" * 33, "two words"])
def test_what_names_no_single_permission_set_is_refused(stack: cdk.Stack, name: str) -> None:
    repository = ImageRepository(stack, "Images")
    with pytest.raises(ConstructError, match="permission_set: expected the name of one permission set"):
        PushPullRole(stack, "Role", repository=repository, permission_set=name)


def test_a_second_repository_may_be_granted(stack: cdk.Stack, synth: Synth) -> None:
    role = PushPullRole(stack, "Role", repository=ImageRepository(stack, "Images"), principals=[PIPELINE])
    role.grant_push_pull(ecr.Repository.from_repository_name(stack, "Other", "other"))
    assert "ecr:PutImage" in json.dumps(only(synth(stack), "AWS::IAM::Policy"))
