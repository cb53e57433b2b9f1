"""A service is meant by its name or by its ARN; an ARN of another place is not taken for a name here."""

import pytest

from expressway.aws.values.target import Target
from expressway.deploy.status.service_argument import service_argument
from expressway.errors import ExpresswayError

TARGET = Target("123456789012", "eu-west-1")
HERE = "arn:aws:ecs:eu-west-1:123456789012"


@pytest.mark.parametrize("cluster", ["prod", f"{HERE}:cluster/prod"])
@pytest.mark.parametrize("service", ["web", f"{HERE}:service/prod/web", f"{HERE}:service/web"])
def test_names_and_arns_mean_the_same_service(cluster: str, service: str) -> None:
    assert service_argument(cluster, service, TARGET) == ("prod", "web")


@pytest.mark.parametrize("place", ["us-east-1:123456789012", "eu-west-1:111122223333"])
@pytest.mark.parametrize("kind", ["cluster", "service"])
def test_an_arn_of_another_account_or_region_is_refused(place: str, kind: str) -> None:
    cluster = f"arn:aws:ecs:{place}:cluster/prod" if kind == "cluster" else "prod"
    service = f"arn:aws:ecs:{place}:service/prod/web" if kind == "service" else "web"
    with pytest.raises(ExpresswayError) as caught:
        service_argument(cluster, service, TARGET)
    assert caught.value.code == "wrong_account_or_region"
    region, account = place.split(":")
    assert f"AWS account {account}, {region}" in caught.value.message


def test_a_service_of_another_cluster_is_refused_and_its_cluster_told() -> None:
    with pytest.raises(ExpresswayError) as caught:
        service_argument("prod", f"{HERE}:service/test/web", TARGET)
    assert (caught.value.code, "cluster test" in caught.value.hint) == ("wrong_cluster", True)


@pytest.mark.parametrize("service", [f"{HERE}:task/prod/1", f"{HERE}:service", "arn:aws:iam::123456789012:role/web"])
def test_the_arn_of_something_else_is_no_service(service: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        service_argument("prod", service, TARGET)
    assert caught.value.code == "invalid_arguments"
