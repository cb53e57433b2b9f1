"""Comparing templates: exact, silent about what is equal, clear about what replaces."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expressway.plan.diff import StackChange, compare_templates

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
RESOURCES = st.dictionaries(
    st.text("ABC", min_size=1, max_size=2),
    st.fixed_dictionaries(
        {"Type": st.sampled_from(["AWS::ECR::Repository", "AWS::IAM::Role"])},
        optional={"Properties": st.dictionaries(st.sampled_from(["RepositoryName", "Tags", "Path"]), JSON)},
    ),
    max_size=3,
)


def compare(before: dict[str, Any] | None, after: dict[str, Any], **parameters: dict[str, str]) -> StackChange:
    return compare_templates(
        "stack",
        before=before,
        after=after,
        parameters_before=parameters.get("old", {}),
        parameters_after=parameters.get("new", {}),
    )


def service(**properties: Any) -> dict[str, Any]:
    return {"Resources": {"Service": {"Type": "AWS::ECS::ExpressGatewayService", "Properties": properties}}}


@given(RESOURCES)
def test_a_template_compared_with_itself_changes_nothing(resources: dict[str, Any]) -> None:
    template = {"Resources": resources}
    assert compare(template, copy.deepcopy(template)).is_empty


@given(RESOURCES, RESOURCES)
def test_comparing_leaves_both_sides_as_they_were(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = {"Resources": old}, {"Resources": new}
    kept = copy.deepcopy((before, after))
    change = compare(before, after)
    assert (before, after) == kept
    assert {item.logical_id for item in change.resources} <= {*old, *new}
    assert {item.logical_id for item in change.resources} >= {*old} ^ {*new}


def test_a_new_stack_creates_every_resource() -> None:
    change = compare(None, service(ServiceName="hello"))
    assert change.is_new
    assert [(item.action, item.logical_id) for item in change.resources] == [("create", "Service")]


def test_a_changed_property_names_its_path_and_both_values() -> None:
    change = compare(service(Cpu="256"), service(Cpu="512"))
    (resource,) = change.resources
    assert resource.action == "update"
    assert [(item.path, item.before, item.after) for item in resource.properties] == [("Cpu", "256", "512")]


def test_a_changed_create_only_property_replaces_the_service() -> None:
    change = compare(service(ServiceName="a", Cpu="256"), service(ServiceName="b", Cpu="256"))
    assert [item.logical_id for item in change.replacements] == ["Service"]


def test_a_changed_parameter_changes_the_resources_that_refer_to_it_and_shows_its_values_there() -> None:
    template = service(PrimaryContainer={"Image": {"Ref": "ImageUri"}})
    change = compare(template, template, old={"ImageUri": "a"}, new={"ImageUri": "b"})
    assert [(item.path, item.before, item.after) for item in change.parameters] == [("ImageUri", "a", "b")]
    (item,) = change.resources[0].properties
    assert (item.path, item.before, item.after, item.parameter) == ("PrimaryContainer.Image", "a", "b", "ImageUri")


def test_a_property_that_begins_to_refer_to_a_parameter_is_shown_once() -> None:
    refers = {"Image": {"Ref": "ImageUri"}}
    for before in ({"Image": "a"}, None):
        old = service(**({"PrimaryContainer": before} if before else {}))
        change = compare(old, service(PrimaryContainer=refers), old={"ImageUri": "a"}, new={"ImageUri": "b"})
        (item,) = change.resources[0].properties
        assert item.before != item.after
        assert item.parameter == ""


@given(RESOURCES, RESOURCES, st.sampled_from("ab"), st.sampled_from("ab"))
def test_no_property_is_shown_to_change_into_itself(
    old: dict[str, Any], new: dict[str, Any], was: str, becomes: str
) -> None:
    refers = {"Refers": {"Type": "T", "Properties": {"Name": {"Ref": "P"}, "Names": [{"Ref": "P"}]}}}
    before, after = {"Resources": old | refers}, {"Resources": new | refers}
    change = compare(before, after, old={"P": was}, new={"P": becomes})
    assert all(item.before != item.after for one in change.resources for item in one.properties)


def test_policies_about_creating_and_updating_are_compared_too() -> None:
    def group(**attributes: Any) -> dict[str, Any]:
        return {"Resources": {"Group": {"Type": "AWS::AutoScaling::AutoScalingGroup", **attributes}}}

    change = compare(group(UpdatePolicy={"a": 1}), group(CreationPolicy={"b": 2}))
    assert [item.path for item in change.resources[0].properties] == ["@CreationPolicy", "@UpdatePolicy"]


def test_the_order_of_environment_variables_is_no_difference() -> None:
    entries = [{"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"}]
    before = service(PrimaryContainer={"Environment": entries})
    after = service(PrimaryContainer={"Environment": entries[::-1]})
    assert compare(before, after).is_empty


def test_a_removed_resource_is_a_deletion() -> None:
    change = compare(service(), {"Resources": {}})
    assert [item.logical_id for item in change.deletions] == ["Service"]


def test_a_changed_output_alone_is_a_change() -> None:
    change = compare({"Outputs": {"Url": {"Value": "a"}}}, {"Outputs": {"Url": {"Value": "b"}}})
    assert [item.path for item in change.outputs] == ["Url"]


DECLARED: dict[str, Any] = {"Type": "String", "AllowedPattern": "^x$", "Description": "Image that the service runs"}


def test_a_setting_beside_the_resources_is_told_by_its_entries() -> None:
    before = {"Description": "a", "Parameters": {"P": DECLARED}, "Metadata": {"Expressway": {"App": "x", "Schema": 1}}}
    after = {"Parameters": {"P": DECLARED | {"AllowedPattern": "^y$"}}, "Metadata": {"Expressway": {"App": "x"}}}
    change = compare(before, after | {"Conditions": {"C": {"Ref": "P"}}}, old={"P": "x"}, new={"P": "x"})
    assert [(item.path, item.before, item.after) for item in change.settings] == [
        ("Conditions.C", None, {"Ref": "P"}),
        ("Description", "a", None),
        ("Metadata.Expressway.Schema", 1, None),
        ("Parameters.P.AllowedPattern", "^x$", "^y$"),
    ]


def test_how_a_parameter_is_declared_is_not_told_again_where_its_value_is() -> None:
    built, named = {"Parameters": {"P": DECLARED}}, {"Parameters": {"P": DECLARED | {"Default": "b"}}}
    for before, after, old, new in (
        (built, named, {"P": "a"}, {"P": "b"}),
        (named, built, {"P": "b"}, {"P": "a"}),
        (named, {}, {"P": "b"}, {}),
        ({}, named, {}, {"P": "b"}),
    ):
        change = compare(before, after, old=old, new=new)
        assert ([item.path for item in change.parameters], change.settings) == (["P"], ())


def test_a_default_alone_is_no_change_where_the_value_stays() -> None:
    built, named, renamed = (
        {"Parameters": {"P": DECLARED | more}} for more in ({}, {"Default": "repo@sha256:1"}, {"Default": "repo:tag"})
    )
    for before, after in ((built, named), (named, built), (named, renamed)):
        assert compare(before, after, old={"P": "a"}, new={"P": "a"}).is_empty


def test_a_default_is_told_of_a_parameter_whose_value_is_not_known_and_elsewhere() -> None:
    before, after = ({"Parameters": {"P": DECLARED | {"Default": value}}} for value in "ab")
    assert [item.path for item in compare(before, after).settings] == ["Parameters.P.Default"]
    before, after = ({"Mappings": {"P": {"Default": value}}} for value in "ab")
    change = compare(before, after, old={"P": "a"}, new={"P": "a"})
    assert [item.path for item in change.settings] == ["Mappings.P.Default"]


def test_how_a_parameter_is_declared_is_told_where_its_value_does_not_tell_it() -> None:
    before = {"Parameters": {"P": DECLARED}}
    after = {"Parameters": {"P": DECLARED | {"Default": "b", "AllowedPattern": "^y$"}}}
    for value in "ab":
        change = compare(before, after, old={"P": "a"}, new={"P": value})
        assert [item.path for item in change.settings] == ["Parameters.P.AllowedPattern"]


_SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "Description": st.sampled_from(["a", "b"]),
        **{
            section: st.dictionaries(
                st.sampled_from("PQ"),
                st.dictionaries(st.sampled_from(["Default", "Type"]), st.sampled_from("xy"), min_size=1),
                min_size=1,
            )
            for section in ("Parameters", "Conditions")
        },
    },
)


@given(_SECTIONS, _SECTIONS, st.sampled_from("ab"), st.sampled_from("ab"))
def test_templates_that_differ_are_never_called_equal(
    before: dict[str, Any], after: dict[str, Any], was: str, becomes: str
) -> None:
    change = compare(before, after, old={"P": was}, new={"P": becomes})
    assert change.is_empty == (_but_for_default_of_p(before, after) == after and was == becomes)


def _but_for_default_of_p(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """`before` with the default that `after` declares for P, where both declare P."""
    changed = copy.deepcopy(before)
    wanted = after.get("Parameters", {}).get("P")
    declared = changed.get("Parameters", {}).get("P")
    if wanted is not None and declared is not None:
        declared.pop("Default", None)
        declared |= {name: value for name, value in wanted.items() if name == "Default"}
    return changed
