"""Repositories and images as a deployment sees them: sizes, digests, tags, layers, what is missing."""

import json
from collections.abc import Callable

import docker
import pytest
from botocore.exceptions import ClientError

from expressway_sandbox.ecs.runtime import ImageUnavailableError, require_own_registry
from tests.expressway_sandbox.conftest import HTTPD, REPOSITORY, Cloud
from tests.sandbox_clients import registry_login

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]


def test_an_image_is_described_by_its_digest_tag_and_real_size(cloud: Cloud, images: dict[str, str]) -> None:
    ecr = cloud.client("ecr")
    detail = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert detail["imageDigest"] == images["v1"]
    assert detail["imageTags"] == ["v1"]
    assert detail["imageSizeInBytes"] > 100_000
    by_digest = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageDigest": images["v1"]}])
    assert by_digest["imageDetails"] == [detail]


@pytest.mark.parametrize("image_id", [{"imageTag": "absent"}, {"imageDigest": "sha256:" + "0" * 64}])
def test_an_image_that_is_not_there_is_an_error(cloud: Cloud, images: dict[str, str], image_id: dict[str, str]) -> None:
    ecr = cloud.client("ecr")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=REPOSITORY, imageIds=[image_id])


def test_the_registry_of_another_account_holds_nothing_of_this_one(cloud: Cloud, images: dict[str, str]) -> None:
    ecr = cloud.client("ecr")
    foreign = {"repositoryName": REPOSITORY, "registryId": "123456789012"}
    for ask in (ecr.describe_images, ecr.list_images, ecr.get_repository_policy):
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match="123456789012"):
            ask(**foreign)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match=REPOSITORY):
        ecr.batch_get_image(**foreign, imageIds=[{"imageTag": "v1"}])
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(registryId="123456789012", repositoryNames=[REPOSITORY])
    own = ecr.describe_images(repositoryName=REPOSITORY, registryId="000000000000")
    assert images["v1"] in {detail["imageDigest"] for detail in own["imageDetails"]}


@pytest.mark.parametrize("image", ["team/web:v1", "team/web", "team/web@sha256:" + "0" * 64])
def test_an_image_of_another_account_is_not_pulled_from_this_one(image: str) -> None:
    host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    require_own_registry(f"{host}/{image}", {"123456789012"})
    require_own_registry(f"public.ecr.aws/{image}", {"000000000000"})
    with pytest.raises(ImageUnavailableError, match="403 Forbidden") as caught:
        require_own_registry(f"{host}/{image}", {"000000000000"})
    assert f"https://{host}/v2/team/web/manifests/" in str(caught.value)


def test_an_immutable_tag_is_not_overwritten(
    cloud: Cloud, push: Callable[..., str], engine: docker.DockerClient
) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    digest = push("one", HTTPD, {"www/index.html": "first"}, "fixed")
    with pytest.raises(RuntimeError, match="tag is immutable"):
        push("one", HTTPD, {"www/index.html": "second"}, "fixed")
    assert ecr.describe_images(repositoryName="fixed")["imageDetails"][0]["imageDigest"] == digest
    image = ecr.batch_get_image(repositoryName="fixed", imageIds=[{"imageTag": "one"}])["images"][0]
    other = image["imageManifest"].replace("{", "{ ", 1)
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        ecr.put_image(repositoryName="fixed", imageManifest=other, imageTag="one")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName="fixed", imageManifest=image["imageManifest"], imageTag="one")
    ecr.delete_repository(repositoryName="fixed", force=True)


def test_layers_that_are_there_are_known(cloud: Cloud, images: dict[str, str]) -> None:
    ecr = cloud.client("ecr")
    image = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["images"][0]
    layer = json.loads(image["imageManifest"])["layers"][0]["digest"]
    absent = "sha256:" + "1" * 64
    answer = ecr.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=[layer, absent])
    assert [found["layerAvailability"] for found in answer["layers"]] == ["AVAILABLE"]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["MissingLayerDigest"]


def test_a_deleted_tag_leaves_the_image_to_its_other_tags(cloud: Cloud, push: Callable[..., str]) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="tagged")
    digest = push("a", HTTPD, {"www/index.html": "same"}, "tagged")
    manifest = ecr.batch_get_image(repositoryName="tagged", imageIds=[{"imageTag": "a"}])["images"][0]["imageManifest"]
    ecr.put_image(repositoryName="tagged", imageManifest=manifest, imageTag="b")
    assert {i["imageTag"] for i in ecr.list_images(repositoryName="tagged")["imageIds"]} == {"a", "b"}
    ecr.batch_delete_image(repositoryName="tagged", imageIds=[{"imageTag": "a"}])
    assert ecr.describe_images(repositoryName="tagged")["imageDetails"][0]["imageTags"] == ["b"]
    ecr.batch_delete_image(repositoryName="tagged", imageIds=[{"imageDigest": digest}])
    assert ecr.describe_images(repositoryName="tagged")["imageDetails"] == []
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName="no-such-repository")
    ecr.delete_repository(repositoryName="tagged")


def test_a_deleted_repository_does_not_come_back_with_its_content(
    cloud: Cloud, push: Callable[..., str], engine: docker.DockerClient
) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="again")
    digest = push("x", HTTPD, {"www/index.html": "old content"}, "again")
    with pytest.raises(ClientError, match="RepositoryNotEmptyException"):
        ecr.delete_repository(repositoryName="again")
    ecr.delete_repository(repositoryName="again", force=True)
    ecr.create_repository(repositoryName="again")
    name = f"127.0.0.1:{cloud.info.port}/again"
    engine.images.remove(f"{name}:x", force=True)
    with pytest.raises(docker.errors.NotFound):
        engine.images.pull(f"{name}@{digest}", auth_config=registry_login(cloud.info))
    ecr.delete_repository(repositoryName="again")


def test_the_registry_hands_out_credentials(cloud: Cloud) -> None:
    data = cloud.client("ecr").get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == "https://000000000000.dkr.ecr.us-east-1.amazonaws.com"


def test_excluded_tags_of_an_immutable_repository_may_move(cloud: Cloud, push: Callable[..., str]) -> None:
    ecr = cloud.client("ecr")
    filters = [{"filterType": "WILDCARD", "filter": "latest*"}]
    made = ecr.create_repository(
        repositoryName="excluding",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )["repository"]
    assert made["imageTagMutabilityExclusionFilters"] == filters
    for page in ("first", "second"):
        push("latest-1", HTTPD, {"www/index.html": page}, "excluding")
    push("v1", HTTPD, {"www/index.html": "first"}, "excluding")
    with pytest.raises(RuntimeError, match="tag is immutable"):
        push("v1", HTTPD, {"www/index.html": "second"}, "excluding")
    shown = ecr.describe_repositories(repositoryNames=["excluding"])["repositories"][0]
    assert shown["imageTagMutabilityExclusionFilters"] == filters
    ecr.delete_repository(repositoryName="excluding", force=True)


def test_a_lifecycle_policy_is_carried_out_after_each_push_and_never_on_what_an_earlier_rule_keeps(
    cloud: Cloud, push: Callable[..., str]
) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="expiring")
    counted = {"tagStatus": "tagged", "countType": "imageCountMoreThan"}
    rules = [
        {"rulePriority": priority, "selection": {**counted, **selection}, "action": {"type": "expire"}}
        for priority, selection in (
            (1, {"tagPatternList": ["kept-*"], "countNumber": 9}),
            (2, {"tagPatternList": ["*"], "countNumber": 1}),
        )
    ]
    ecr.put_lifecycle_policy(repositoryName="expiring", lifecyclePolicyText=json.dumps({"rules": rules}))

    def held() -> set[str]:
        details = ecr.describe_images(repositoryName="expiring")["imageDetails"]
        return {tag for detail in details for tag in detail["imageTags"]}

    for tag in ("one", "two"):
        push(tag, HTTPD, {"www/index.html": tag}, "expiring")
    assert held() == {"two"}
    image = ecr.batch_get_image(repositoryName="expiring", imageIds=[{"imageTag": "two"}])["images"][0]
    ecr.put_image(repositoryName="expiring", imageManifest=image["imageManifest"], imageTag="kept-two")
    for tag in ("three", "four"):
        push(tag, HTTPD, {"www/index.html": tag}, "expiring")
    assert held() == {"two", "kept-two", "four"}
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.put_lifecycle_policy(repositoryName="expiring", lifecyclePolicyText='{"rules": [{}]}' + " " * 100)
    ecr.delete_repository(repositoryName="expiring", force=True)
