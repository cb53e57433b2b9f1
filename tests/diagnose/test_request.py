"""Parameters are read once and checked all at once; times in every form that callers send."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.diagnose.actions import ACTIONS, GUIDANCE, action_of
from expressway.diagnose.request import TroubleshootRequest, read_moment, read_parameters
from expressway.errors import ExpresswayError

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


def read(action: str = "fetch_task_logs", **parameters: object) -> TroubleshootRequest:
    known = ACTIONS[action]
    return read_parameters(
        action, parameters, required=known.required, optional=known.optional, either=known.either, now=NOW
    )


@given(moment=MOMENTS)
def test_a_moment_is_the_same_in_iso_in_seconds_and_in_milliseconds(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    seconds = int(moment.timestamp())
    forms = [moment.isoformat(), moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.replace(tzinfo=None).isoformat()]
    numbers = [seconds, float(seconds), seconds * 1000, str(seconds), str(seconds * 1000)]
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert {read_moment(form) for form in [*forms, *numbers, elsewhere]} == {moment}


@given(st.one_of(st.text(max_size=12), st.none(), st.booleans(), st.floats(), st.integers()))
def test_anything_may_be_given_as_a_time_without_breaking(value: object) -> None:
    moment = read_moment(value)
    assert moment is None or moment.utcoffset() == timedelta(0)


def test_the_window_is_the_last_hour_unless_something_else_is_asked_for() -> None:
    window = read(ecs_cluster_name="default").window
    assert (window.end, window.end - window.start) == (NOW, timedelta(hours=1))


def test_an_explicit_start_wins_over_the_window_and_an_end_moves_it() -> None:
    end = NOW - timedelta(hours=2)
    assert read(ecs_cluster_name="c", end_time=end.isoformat(), time_window="600").window.start == end - timedelta(
        minutes=10
    )
    begun = NOW - timedelta(days=1)
    assert read(ecs_cluster_name="c", start_time=begun.timestamp(), time_window=60).window.start == begun


def test_all_problems_are_told_at_once_with_near_misses() -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(ecs_cluster="default", time_window=-5, start_time="yesterday", filter_pattern=7, detail="everything")
    error = caught.value
    assert error.code == "invalid_arguments"
    problems = {one["path"]: one["expected"] for one in error.details["problems"]}
    assert set(problems) == {"ecs_cluster", "ecs_cluster_name", "time_window", "start_time", "filter_pattern", "detail"}
    assert "ecs_cluster_name" in problems["ecs_cluster"]
    assert "ISO 8601" in problems["start_time"]


@pytest.mark.parametrize(
    "given",
    [
        {"start_time": "2026-11-01T13:00:00Z"},
        {"start_time": "2026-11-01T11:00:00Z", "end_time": "2026-11-01T10:00:00Z"},
    ],
)
def test_a_time_that_cannot_be_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(ecs_cluster_name="default", **given)
    assert caught.value.details["problems"][0]["path"] == "start_time"


def test_arns_are_taken_for_names_and_tell_the_place_that_is_meant() -> None:
    asked = read(
        "fetch_service_events",
        ecs_cluster_name="arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        ecs_service_name="arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
    )
    assert (asked.cluster, asked.service) == ("prod", "web")
    assert [(one.account_id, one.region) for one in asked.named_places] == [("123456789012", "eu-west-1")] * 2


def test_arns_name_tasks_stacks_families_and_networks_too() -> None:
    place = "eu-west-1:123456789012"
    stack = f"arn:aws:cloudformation:{place}:stack/web/1-2"
    task = read(ecs_cluster_name="prod", ecs_task_id=f"arn:aws:ecs:{place}:task/prod/abc")
    images = read("detect_image_pull_failures", family_prefix=f"arn:aws:ecs:{place}:task-definition/web:3")
    network = read("fetch_network_configuration", ecs_cluster_name="prod", vpc_id=f"arn:aws:ec2:{place}:vpc/vpc-1")
    named = read("fetch_cloudformation_status", cfn_stack_name=stack)
    assert (task.task_id, images.family_prefix, network.vpc_id, named.stack_name) == ("abc", "web", "vpc-1", stack)
    assert all(one.named_places[0].region == "eu-west-1" for one in (task, images, network, named))


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("fetch_cloudformation_status", "cfn_stack_name"),
        ("detect_image_pull_failures", "family_prefix"),
    ],
)
def test_the_arn_of_a_service_is_no_stack_and_no_family(action: str, name: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(action, **{name: "arn:aws:ecs:eu-west-1:123456789012:service/prod/web"})
    assert [one["path"] for one in caught.value.details["problems"]] == [name]


def test_the_cluster_in_the_arn_of_a_service_or_task_need_not_be_given_again() -> None:
    place = "arn:aws:ecs:eu-west-1:123456789012"
    service = read("fetch_service_events", ecs_service_name=f"{place}:service/prod/web")
    task = read("detect_image_pull_failures", ecs_task_id=f"{place}:task/prod/abc")
    assert (service.cluster, task.cluster) == ("prod", "prod")


def test_the_arn_of_something_else_is_refused() -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(ecs_cluster_name="arn:aws:ecs:eu-west-1:123456789012:service/prod/web")
    assert "cluster" in caught.value.details["problems"][0]["expected"]


@pytest.mark.parametrize(
    "given",
    [
        {"ecs_cluster_name": "c", "ecs_service_name": "s"},
        {"ecs_cluster_name": "c", "ecs_task_id": "t"},
        {"cfn_stack_name": "s"},
        {"family_prefix": "f"},
    ],
)
def test_images_are_asked_about_in_four_ways(given: dict[str, str]) -> None:
    assert read("detect_image_pull_failures", **given)


def test_half_a_way_is_refused_with_all_the_ways() -> None:
    with pytest.raises(ExpresswayError) as caught:
        read("detect_image_pull_failures", ecs_cluster_name="c")
    assert "family_prefix" in caught.value.details["problems"][0]["expected"]


def test_the_seven_actions_have_the_parameters_that_agents_know() -> None:
    window = {"time_window", "start_time", "end_time"}
    assert {name: {*one.required, *one.optional} for name, one in ACTIONS.items()} == {
        GUIDANCE: {"ecs_cluster_name", "ecs_service_name", "symptoms_description"},
        "fetch_cloudformation_status": {"cfn_stack_name"},
        "fetch_service_events": {"ecs_cluster_name", "ecs_service_name", *window},
        "fetch_task_failures": {"ecs_cluster_name", *window},
        "fetch_task_logs": {"ecs_cluster_name", "ecs_task_id", "filter_pattern", *window},
        "detect_image_pull_failures": {
            *("ecs_cluster_name", "ecs_service_name", "ecs_task_id", "cfn_stack_name", "family_prefix"),
        },
        "fetch_network_configuration": {"ecs_cluster_name", "vpc_id"},
    }


def test_an_unknown_action_names_the_nearest() -> None:
    with pytest.raises(ExpresswayError) as caught:
        action_of("fetch_task_log")
    assert caught.value.code == "unknown_action"
    assert "fetch_task_logs" in caught.value.hint


@pytest.mark.parametrize("name", ["we\x00b", "web shop", "web/../x", "wéb", "w" * 256, "web\nshop"])
def test_a_name_that_no_service_can_have_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(GUIDANCE, ecs_cluster_name="default", ecs_service_name=name)
    assert caught.value.code == "invalid_arguments"
    assert [one["path"] for one in caught.value.details["problems"]] == ["ecs_service_name"]
    assert "\x00" not in str(caught.value.to_dict())


def test_control_characters_are_refused_in_every_text() -> None:
    with pytest.raises(ExpresswayError) as caught:
        read("fetch_cloudformation_status", cfn_stack_name="st\x00ack")
    assert [one["path"] for one in caught.value.details["problems"]] == ["cfn_stack_name"]


def test_a_parameter_that_is_given_already_is_not_proposed_for_an_unknown_one() -> None:
    with pytest.raises(ExpresswayError) as caught:
        read(ecs_cluster_name="shop", ecs_service_name="web")
    (problem,) = caught.value.details["problems"]
    assert problem["path"] == "ecs_service_name"
    assert not problem["expected"].startswith("the parameter ")
    with pytest.raises(ExpresswayError) as caught:
        read(ecs_cluster="shop")
    assert caught.value.details["problems"][0]["expected"].startswith("the parameter ecs_cluster_name")
