"""An ARN of another account, region or cluster is told by every action, and nothing is read in its stead."""

from collections.abc import Mapping
from typing import Any

import pytest

from expressway.diagnose.actions import ACTIONS, GUIDANCE, troubleshoot
from tests.aws.ecs.fakes import ACCOUNT
from tests.diagnose.fakes import REGION, ClusterWorld, healthy

HERE = f"{REGION}:{ACCOUNT}"
ELSEWHERE = [f"eu-west-1:{ACCOUNT}", f"{REGION}:111122223333"]
OF_CLUSTERS = sorted(name for name, one in ACTIONS.items() if "ecs_cluster_name" in {*one.required, *one.optional})


@pytest.fixture
def world() -> ClusterWorld:
    return ClusterWorld({"web": healthy("web")})


def refused(world: ClusterWorld, action: str, **parameters: str) -> Mapping[str, Any]:
    answer = troubleshoot(action, parameters, world.ports()).whole
    assert answer["status"] == "error"
    assert answer["error"] in answer["assessment"]
    assert world.calls == []
    (finding,) = answer["findings"]
    return finding


def test_six_of_the_actions_are_asked_about_clusters() -> None:
    assert len(OF_CLUSTERS) == len(ACTIONS) - 1


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("action", OF_CLUSTERS)
def test_a_cluster_elsewhere_is_not_answered_from_the_one_here(world: ClusterWorld, action: str, place: str) -> None:
    given = (
        {"ecs_service_name": "web"}
        if "ecs_service_name" in {*ACTIONS[action].required, *ACTIONS[action].optional}
        else {}
    )
    finding = refused(world, action, ecs_cluster_name=f"arn:aws:ecs:{place}:cluster/default", **given)
    assert finding["code"] == "wrong_account_or_region"
    region, account = place.split(":")
    assert f"AWS account {account}, {region}" in finding["cause"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_stack_a_family_a_task_and_a_network_elsewhere_are_told_too(world: ClusterWorld, place: str) -> None:
    asked = [
        ("fetch_cloudformation_status", {"cfn_stack_name": f"arn:aws:cloudformation:{place}:stack/web/1-2"}),
        ("detect_image_pull_failures", {"cfn_stack_name": f"arn:aws:cloudformation:{place}:stack/web/1-2"}),
        ("detect_image_pull_failures", {"family_prefix": f"arn:aws:ecs:{place}:task-definition/web:1"}),
        ("fetch_task_logs", {"ecs_cluster_name": "default", "ecs_task_id": f"arn:aws:ecs:{place}:task/default/1"}),
        (
            "fetch_network_configuration",
            {"ecs_cluster_name": "default", "vpc_id": f"arn:aws:ec2:{place}:vpc/vpc-1"},
        ),
    ]
    assert {refused(world, action, **given)["code"] for action, given in asked} == {"wrong_account_or_region"}


def test_a_service_here_does_not_cover_a_cluster_elsewhere(world: ClusterWorld) -> None:
    service = f"arn:aws:ecs:{HERE}:service/default/web"
    for place in ELSEWHERE:
        cluster = f"arn:aws:ecs:{place}:cluster/default"
        finding = refused(world, GUIDANCE, ecs_cluster_name=cluster, ecs_service_name=service)
        assert (finding["code"], finding["resource"]) == ("wrong_account_or_region", cluster)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        (GUIDANCE, {"ecs_service_name": f"arn:aws:ecs:{HERE}:service/other/web"}),
        ("fetch_service_events", {"ecs_service_name": f"arn:aws:ecs:{HERE}:service/other/web"}),
        ("detect_image_pull_failures", {"ecs_service_name": f"arn:aws:ecs:{HERE}:service/other/web"}),
        ("detect_image_pull_failures", {"ecs_task_id": f"arn:aws:ecs:{HERE}:task/other/1"}),
        ("fetch_task_logs", {"ecs_task_id": f"arn:aws:ecs:{HERE}:task/other/1"}),
    ],
)
def test_what_an_arn_names_in_another_cluster_is_not_looked_for_in_this_one(
    world: ClusterWorld, action: str, given: dict[str, str]
) -> None:
    finding = refused(world, action, ecs_cluster_name="default", **given)
    assert finding["code"] == "wrong_cluster"
    assert "cluster other, but the cluster default was asked" in finding["cause"]
    assert "cluster other" in finding["remedy"]


def test_arns_of_this_place_are_as_good_as_names(world: ClusterWorld) -> None:
    for service in ("web", f"arn:aws:ecs:{HERE}:service/default/web", f"arn:aws:ecs:{HERE}:service/web"):
        for cluster in ("default", f"arn:aws:ecs:{HERE}:cluster/default"):
            given = {"ecs_cluster_name": cluster, "ecs_service_name": service}
            answer = troubleshoot(GUIDANCE, given, world.ports()).whole
            assert [one["code"] for one in answer["findings"]] == ["nothing_wrong"]
