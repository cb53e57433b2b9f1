"""Parameters against AWS's own model: every problem at once, nothing that can only mean one thing refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expressway.ecs_api.catalog import shape_tree
from expressway.ecs_api.parameters import fit_parameters, fitted_parameters, read_time
from expressway.errors import ExpresswayError
from expressway.privacy.redaction import ShapeTree
from tests.privacy.aws_shapes import operations

TREES = [
    tree for service in ("ecs", "ecr") for name in operations(service) if (tree := shape_tree(service, name, "input"))
]
MODELS = {name: ServiceModel(create_loader().load_service_model(name, "service-2")) for name in ("ecs", "ecr")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def problems(operation: str, given: dict[str, Any]) -> dict[str, str]:
    return {one.path: one.expected for one in fitted_parameters(given, shape_tree("ecs", operation, "input"))[1]}


def wanted(tree: ShapeTree, name: str, above: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of a shape, required members always there."""
    shape = tree.shapes[name]
    inside = (*above, name)
    if shape.type == "structure":
        members = {
            member: wanted(tree, target, inside) for member, target in shape.members.items() if target not in inside
        }
        if not above and "maxResults" in members:
            members["maxResults"] = st.integers(1, 64)  # a page of nothing would never end a list
        must = {member: members.pop(member) for member in shape.required}
        return st.fixed_dictionaries(must, optional=members)
    if shape.type == "list":
        low, high = int(shape.minimum or 0), int(min(shape.maximum or 2, 2))
        return st.lists(wanted(tree, shape.element, inside), min_size=low, max_size=max(low, high))
    if shape.type == "map":
        return st.dictionaries(st.text(min_size=1, max_size=3), wanted(tree, shape.element, inside), max_size=2)
    if shape.words:
        return st.sampled_from(shape.words)
    low, high = int(shape.minimum or 0), int(min(shape.maximum or 64, 64))
    return {
        "string": st.text("abc", min_size=low, max_size=max(low, high)),
        "boolean": st.booleans(),
        "timestamp": st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)).map(lambda when: when.isoformat()),
        "double": st.floats(low, max(low, high)),
        "blob": st.just(b""),
    }.get(shape.type, st.integers(low, max(low, high)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_whatever_the_model_allows_fits_and_botocore_takes_what_comes_out(data: st.DataObject) -> None:
    tree = data.draw(st.sampled_from([tree for tree in TREES if tree.root]))
    given = data.draw(wanted(tree, tree.root))
    fitted, wrong = fitted_parameters(given, tree)
    assert wrong == ()
    shape = MODELS[tree.service].operation_model(tree.operation).input_shape
    assert not ParamValidator().validate(fitted, shape).has_errors()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_given_botocore_has_nothing_to_add_to_the_problems(data: st.DataObject) -> None:
    tree = data.draw(st.sampled_from([tree for tree in TREES if tree.root]))
    names = st.sampled_from([*tree.shapes[tree.root].members, "nonsense"])
    given = data.draw(st.dictionaries(names, JSON, max_size=4))
    fitted, wrong = fitted_parameters(given, tree)
    shape = MODELS[tree.service].operation_model(tree.operation).input_shape
    assert wrong or not ParamValidator().validate(fitted, shape).has_errors()


def test_every_problem_is_told_at_once_with_path_and_near_misses_at_any_depth() -> None:
    given = {
        "cluster": "c",
        "desiredCount": "two",
        "lunchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnet": ["a"], "assignPublicIp": "ENABLE"}},
        "deploymentConfiguration": {"alarms": {"enable": True}},
        "loadBalancers": [{"containerPort": [80]}],
    }
    told = problems("UpdateService", given)
    awsvpc = "networkConfiguration.awsvpcConfiguration"
    assert told["desiredCount"] == "a whole number"
    assert told[f"{awsvpc}.subnet"] == "subnets (was it meant?)"
    assert told[f"{awsvpc}.subnets"].endswith("(it is required)")
    assert "was ENABLED meant?" in told[f"{awsvpc}.assignPublicIp"]
    assert told["deploymentConfiguration.alarms.rollback"].endswith("(it is required)")
    assert told["loadBalancers[0].containerPort"] == "a whole number"
    assert told["service"] == "a text (it is required)"
    assert "lunchType" in told


def test_the_error_says_that_nothing_was_sent_and_quotes_no_value() -> None:
    with pytest.raises(ExpresswayError) as caught:
        fit_parameters(
            {"desiredCount": "hunter2", "environment": "hunter2"}, shape_tree("ecs", "UpdateService", "input")
        )
    assert caught.value.code == "invalid_parameters"
    assert "nothing was sent" in caught.value.hint
    assert "hunter2" not in str(caught.value.to_dict())
    assert {one["path"] for one in caught.value.details["problems"]} == {"desiredCount", "environment", "service"}


@pytest.mark.parametrize("name", ["taskDefinition", "TaskDefinition", "task_definition", "task-definition"])
def test_names_are_taken_in_any_case(name: str) -> None:
    tree = shape_tree("ecs", "DescribeTaskDefinition", "input")
    assert fit_parameters({name: "web", "Include": ["tags"]}, tree) == {"taskDefinition": "web", "include": ["TAGS"]}


def test_a_name_given_in_two_spellings_is_a_problem() -> None:
    assert "taskDefinition once" in problems("RunTask", {"taskDefinition": "a", "TaskDefinition": "b"}).values()


def test_keys_of_maps_stay_as_they_are() -> None:
    container = {"name": "Main", "DockerLabels": {"Com.Example_A": "x"}}
    tree = shape_tree("ecs", "RegisterTaskDefinition", "input")
    fitted = fit_parameters({"family": "f", "containerDefinitions": [container]}, tree)
    assert fitted["containerDefinitions"][0]["dockerLabels"] == {"Com.Example_A": "x"}


def test_null_means_left_out_and_is_missed_where_a_value_is_required() -> None:
    assert problems("DescribeServices", {"services": None}) == {"services": "a list, each item a text (it is required)"}
    tree = shape_tree("ecs", "DescribeServices", "input")
    assert fit_parameters({"services": ["a"], "cluster": None}, tree) == {"services": ["a"]}


def test_numbers_where_the_api_wants_text_and_text_where_it_wants_numbers_are_taken() -> None:
    tree = shape_tree("ecs", "CreateExpressGatewayService", "input")
    scaling = {"minTaskCount": "1", "maxTaskCount": 2.0}
    role = {"executionRoleArn": "a", "infrastructureRoleArn": "b"}
    fitted = fit_parameters({**role, "cpu": 256, "memory": 512, "scalingTarget": scaling}, tree)
    assert (fitted["cpu"], fitted["memory"]) == ("256", "512")
    assert fitted["scalingTarget"] == {"minTaskCount": 1, "maxTaskCount": 2}


@pytest.mark.parametrize(("value", "fits"), [("true", True), ("False", True), (1, False), ("yes", False)])
def test_only_true_and_false_are_truths(value: object, fits: bool) -> None:
    assert (problems("DeleteService", {"service": "a", "force": value}) == {}) is fits


def test_a_text_is_no_list() -> None:
    assert problems("DescribeServices", {"services": "web"}) == {"services": "a list, each item a text"}


def test_limits_of_the_model_are_held() -> None:
    tree = shape_tree("ecr", "DescribeImages", "input")
    _, wrong = fitted_parameters({"repositoryName": "a", "maxResults": 5000}, tree)
    assert [(one.path, one.expected) for one in wrong][-1] == ("maxResults", "at least 1 and at most 1000")


def test_an_operation_without_parameters_takes_none() -> None:
    tree = shape_tree("ecr", "DescribeRegistry", "input")
    assert fit_parameters({}, tree) == {}
    with pytest.raises(ExpresswayError):
        fit_parameters({"a": 1}, tree)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21T12:00:00Z",
        "2026-11-21T14:00:00+02:00",
        "2026-11-21T12:00:00",
        1795262400,
        1795262400.0,
        "1795262400",
        1795262400000,
        datetime(2026, 11, 21, 12),
    ],
)
def test_times_are_iso_8601_or_epoch(value: object) -> None:
    assert read_time(value) == datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["yesterday", "", None, True, [], 1e300])
def test_what_is_no_time_is_none(value: object) -> None:
    assert read_time(value) is None
    told = problems("ListServiceDeployments", {"service": "s", "createdAt": {"after": value or "x"}})
    assert told.get("createdAt.after", "") == "a time as ISO 8601 or epoch seconds"


@pytest.mark.parametrize("size", [0, -1, -(10**9)])
def test_a_page_of_nothing_is_refused_also_where_the_model_says_no_least_size(size: int) -> None:
    _, wrong = fitted_parameters({"maxResults": size}, shape_tree("ecs", "ListTasks", "input"))
    assert [(one.path, one.expected) for one in wrong] == [("maxResults", "at least 1")]
