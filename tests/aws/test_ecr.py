"""The image registry of an account: against the embedded AWS, and against prepared answers for what it never says."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from expressway.aws.ecr import EcrRegistry
from expressway.aws.session import AwsSession, open_session
from expressway.aws.values.image import RegistryImage
from expressway.aws.values.target import Target
from expressway.errors import ExpresswayError, ImageError, TargetError
from expressway_sandbox.lifecycle import SandboxInfo

REPOSITORY = "ecr-test/web"
WHEN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def session(embedded_aws: SandboxInfo) -> Iterator[AwsSession]:
    """The embedded AWS with one empty, immutable, nested repository."""
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    client = session.client("ecr")
    client.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    yield session
    if EcrRegistry(session).describe_repository(REPOSITORY):
        client.delete_repository(repositoryName=REPOSITORY, force=True)


def put_image(session: AwsSession, content: str, tag: str) -> str:
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "annotations": {"content": content},
        }
    )
    answer = session.client("ecr").put_image(
        repositoryName=REPOSITORY,
        imageManifest=manifest,
        imageManifestMediaType="application/vnd.docker.distribution.manifest.v2+json",
        imageTag=tag,
    )
    return str(answer["image"]["imageId"]["imageDigest"])


@pytest.mark.sandbox
def test_a_repository_is_described_and_pushed_to_at_the_sandboxs_own_address(
    session: AwsSession, embedded_aws: SandboxInfo
) -> None:
    repository = EcrRegistry(session).describe_repository(REPOSITORY)
    assert repository is not None
    assert repository.uri == f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}"
    assert repository.push_address == f"{embedded_aws.endpoint_url.removeprefix('http://')}/{REPOSITORY}"
    assert repository.keeps_tag("v1")
    assert EcrRegistry(session).describe_repository("no/such") is None


@pytest.mark.sandbox
def test_an_image_is_found_by_tag_and_by_digest(session: AwsSession) -> None:
    registry = EcrRegistry(session)
    digest = put_image(session, "one", "v1")
    found = registry.find_image(REPOSITORY, tag="v1")
    assert found is not None
    assert (found.digest, found.tags) == (digest, ("v1",))
    assert registry.find_image(REPOSITORY, digest=digest) == found
    assert registry.find_image(REPOSITORY, tag="v2") is None
    with pytest.raises(ImageError) as caught:
        registry.find_image("no/such", tag="v1")
    assert caught.value.code == "repository_missing"


@pytest.mark.sandbox
def test_a_tag_is_added_in_the_registry_and_a_taken_one_is_refused(session: AwsSession) -> None:
    registry = EcrRegistry(session)
    first, second = put_image(session, "one", "v1"), put_image(session, "two", "v2")
    registry.tag_image(REPOSITORY, digest=first, tag="stable")
    found = registry.find_image(REPOSITORY, tag="stable")
    assert found is not None
    assert (found.digest, found.tags) == (first, ("stable", "v1"))
    with pytest.raises(ImageError) as caught:
        registry.tag_image(REPOSITORY, digest=second, tag="stable")
    assert caught.value.code == "tag_immutable"
    with pytest.raises(ImageError) as caught:
        registry.tag_image(REPOSITORY, digest="sha256:" + "0" * 64, tag="x")
    assert caught.value.code == "image_missing"


@pytest.mark.sandbox
def test_a_login_is_for_the_address_that_is_pushed_to(session: AwsSession, embedded_aws: SandboxInfo) -> None:
    login = EcrRegistry(session).authorization()
    assert login.registry_host == embedded_aws.endpoint_url.removeprefix("http://")
    assert login.username == "AWS"
    assert login.password
    assert login.password not in repr(login)


@pytest.mark.sandbox
def test_a_login_can_be_taken_through_a_role(session: AwsSession) -> None:
    iam = session.client("iam")
    principal = {"AWS": "arn:aws:iam::000000000000:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    arn = iam.create_role(RoleName="ecr-test-push", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    try:
        assert EcrRegistry(session, push_role_arn=arn).authorization().username == "AWS"
    finally:
        iam.delete_role(RoleName="ecr-test-push")


class PreparedSession(AwsSession):
    """A session for real AWS whose clients give prepared answers."""

    def __init__(self, *answers: tuple[str, dict[str, Any] | str], service: str = "ecr") -> None:
        self.target = Target("111122223333", "eu-west-1")
        self._service_client: Any = boto3.client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self._stubber = Stubber(self._service_client)
        for operation, answer in answers:
            if isinstance(answer, str):
                self._stubber.add_client_error(operation, answer, f"{answer} happened")
            else:
                self._stubber.add_response(operation, answer)
        self._stubber.activate()
        self.regions: list[str | None] = []

    def client(self, service: str, *, region: str | None = None) -> Any:
        self.regions.append(region)
        return self._service_client

    def all_answers_taken(self) -> bool:
        self._stubber.assert_no_pending_responses()
        return True


def details(*digests: str, tags: list[str] | None = None) -> dict[str, Any]:
    return {
        "imageDetails": [
            {
                "repositoryName": "web",
                "imageDigest": d,
                "imageTags": tags or [],
                "imageSizeInBytes": 7,
                "imagePushedAt": WHEN,
            }
            for d in digests
        ]
    }


def test_on_aws_a_missing_image_is_an_error_that_means_none() -> None:
    registry = EcrRegistry(PreparedSession(("describe_images", "ImageNotFoundException")))
    assert registry.find_image("web", tag="x") is None


def test_an_image_is_looked_for_in_the_registry_and_region_that_are_named() -> None:
    session = PreparedSession(("describe_images", details("sha256:a", tags=["b", "a"])))
    found = EcrRegistry(session).find_image("web", tag="a", registry_id="123456789012", region="us-west-2")
    assert found == RegistryImage("web", "sha256:a", ("a", "b"), 7, WHEN)
    assert session.regions == ["us-west-2"]


def test_on_aws_an_image_is_pushed_to_its_own_address_and_tags_may_be_excepted() -> None:
    repository = {
        "repositoryName": "web",
        "repositoryArn": "arn:aws:ecr:eu-west-1:111122223333:repository/web",
        "repositoryUri": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web",
        "registryId": "111122223333",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
    }
    session = PreparedSession(("describe_repositories", {"repositories": [repository]}))
    found = EcrRegistry(session).describe_repository("web")
    assert found is not None
    assert found.push_address == found.uri
    assert found.keeps_tag("v1")
    assert not found.keeps_tag("dev-7")


@pytest.mark.parametrize(
    ("aws", "ours"),
    [
        ("AccessDeniedException", "access_denied"),
        ("ExpiredTokenException", "credentials_expired"),
        ("ThrottlingException", "throttled"),
        ("ServerException", "service_unavailable"),
    ],
)
def test_what_aws_refuses_is_told_by_its_cause(aws: str, ours: str) -> None:
    calls: list[tuple[str, Any]] = [
        ("get_authorization_token", lambda registry: registry.authorization()),
        ("describe_repositories", lambda registry: registry.describe_repository("web")),
        ("describe_images", lambda registry: registry.find_image("web", tag="x")),
        ("batch_get_image", lambda registry: registry.tag_image("web", digest="sha256:" + "0" * 64, tag="x")),
    ]
    for operation, call in calls:
        with pytest.raises(ExpresswayError) as caught:
            call(EcrRegistry(PreparedSession((operation, aws))))
        assert caught.value.code == ours


def test_a_dropped_connection_is_told() -> None:
    class Dropped(AwsSession):
        def __init__(self) -> None:
            self.target = Target("111122223333", "eu-west-1")

        def client(self, service: str, *, region: str | None = None) -> Any:
            return self

        def describe_repositories(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://api.ecr.eu-west-1.amazonaws.com")

    with pytest.raises(TargetError) as caught:
        EcrRegistry(Dropped()).describe_repository("web")
    assert caught.value.code == "connection_failed"


class RoleSession(PreparedSession):
    """A session whose role can be assumed only after some refusals, as when the role is new."""

    def __init__(self, refusals: int, code: str = "access_denied") -> None:
        token = base64.b64encode(b"AWS:through-the-role").decode()
        super().__init__(
            ("get_authorization_token", {"authorizationData": [{"authorizationToken": token, "expiresAt": WHEN}]})
        )
        self.refusals, self.code, self.asked = refusals, code, 0

    def assume_role(self, role_arn: str, session_name: str) -> AwsSession:
        self.asked += 1
        self.assumed = (role_arn, session_name)
        if self.asked <= self.refusals:
            raise TargetError(self.code, "no", "")
        return self


class FastClock:
    """Time that passes at once, and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_a_login_through_a_role_that_is_new_waits_until_it_can_be_assumed() -> None:
    clock = FastClock()
    session = RoleSession(refusals=2)
    login = EcrRegistry(session, push_role_arn="arn:aws:iam::111122223333:role/r", clock=clock).authorization()
    assert login.password == "through-the-role"
    assert clock.slept == [1.0, 2.0]


def test_a_registry_through_a_role_assumes_it_under_the_name_that_was_given() -> None:
    session = RoleSession(refusals=0)
    own = EcrRegistry(session, clock=FastClock())
    through = own.through_role("arn:aws:iam::111122223333:role/r", session_name="expressway-shop")
    assert session.asked == 0
    assert through.authorization().password == "through-the-role"
    assert session.assumed == ("arn:aws:iam::111122223333:role/r", "expressway-shop")


@pytest.mark.parametrize(("code", "asked"), [("access_denied", 5), ("credentials_expired", 1)])
def test_a_role_that_stays_refused_is_told(code: str, asked: int) -> None:
    session = RoleSession(refusals=99, code=code)
    with pytest.raises(TargetError) as caught:
        EcrRegistry(session, push_role_arn="arn:aws:iam::111122223333:role/r", clock=FastClock()).authorization()
    assert (caught.value.code, session.asked) == (code, asked)
