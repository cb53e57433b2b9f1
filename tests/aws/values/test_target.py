"""ARNs are taken apart as botocore takes them apart, and a service's ARN tells where the service is."""

import pytest
from botocore.utils import ArnParser

from expressway.aws.values.target import parse_arn
from expressway.cloudformation.stack import ServiceLocation, parse_service_arn

ACCOUNT = "1" * 12
ECS = f"arn:aws:ecs:eu-west-1:{ACCOUNT}"
ARNS = (
    f"{ECS}:cluster/default",
    f"{ECS}:service/shop",
    f"{ECS}:service/default/shop",
    f"{ECS}:task/default/0123456789abcdef",
    f"{ECS}:task-definition/default-shop:7",
    f"arn:aws-cn:iam::{ACCOUNT}:role/team/web",
    f"arn:aws-us-gov:cloudformation:us-gov-west-1:{ACCOUNT}:stack/shop/01234567-89ab",
)


@pytest.mark.parametrize("text", ARNS)
def test_the_parts_are_those_of_botocores_parser(text: str) -> None:
    arn, known = parse_arn(text), ArnParser().parse_arn(text)

    assert arn is not None
    assert (arn.partition, arn.service, arn.region, arn.account_id, f"{arn.kind}/{arn.path}") == (
        *(known["partition"], known["service"], known["region"], known["account"], known["resource"]),
    )


@pytest.mark.parametrize(
    ("text", "cluster", "name"),
    [(f"{ECS}:service/shop", "default", "shop"), (f"{ECS}:service/eu/shop", "eu", "shop")],
)
def test_a_services_arn_tells_its_cluster_and_name(text: str, cluster: str, name: str) -> None:
    assert parse_service_arn(text) == ServiceLocation(cluster, name, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "shop", "arn:aws:ecs", f"{ECS}:task/default/1", f"{ECS}:service/", f"{ECS}:service/a/b/c"),
        *(f"{ECS}:service/a b", f"arn:aws:ecs::{ACCOUNT}:service/a/b", "arn:aws:ecs:eu-west-1:1:service/a/b"),
        *(f"arn:other:ecs:eu-west-1:{ACCOUNT}:service/a/b", f"{ECS}:service/a/b\n"),
    ],
)
def test_what_is_no_services_arn_tells_nothing(text: str) -> None:
    assert parse_service_arn(text) is None
