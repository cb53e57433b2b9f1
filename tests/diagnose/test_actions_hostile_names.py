"""Services that are called like trouble: their names make nobody look for any."""

from dataclasses import replace

import pytest

from expressway.aws.values.service import ServiceEvent
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from expressway.diagnose.dependency_checks import subject_of
from tests.aws.ecs.fakes import START
from tests.diagnose.fakes import ClusterWorld, ServiceWorld, healthy


def called(name: str, said: str = "has reached a steady state.") -> ServiceWorld:
    made = healthy(name)
    made.state = replace(made.state, events=(ServiceEvent(START, f"(service {name}) {said}"),))
    return made


@pytest.mark.parametrize("name", ["failed", "unhealthy-failed", "quota"])
def test_a_service_is_not_looked_into_for_its_name(name: str) -> None:
    answer = troubleshoot(GUIDANCE, {"ecs_cluster_name": "default"}, ClusterWorld({name: called(name)}).ports()).whole

    assert [one["code"] for one in answer["findings"]] == ["nothing_wrong"]
    assert answer["services"] == {"total": 1, "well": 1, "looked_into": 0, "off": []}


@pytest.mark.parametrize(
    ("name", "said", "names_a_quota"),
    [
        ("quota", "has reached a steady state.", False),
        ("vcpu-hog", "has reached a steady state.", False),
        ("web", "was unable to place a task. Reason: You've reached the limit on the number of vCPUs.", True),
    ],
)
def test_a_quota_is_named_by_aws_and_not_by_a_service(name: str, said: str, names_a_quota: bool) -> None:
    state = called(name, said).state

    assert subject_of(state, None, None, None, ()).names_a_quota is names_a_quota
