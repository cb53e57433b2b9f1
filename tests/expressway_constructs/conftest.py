"""The CDK runs inside the test process here, on the Node that is installed with it."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from expressway_constructs.node import bundled_node

os.environ["JSII_NODE"] = str(bundled_node() or "node")
os.environ["JSII_DEPRECATED"] = "quiet"
os.environ["CDK_VALIDATION"] = "false"  # newer releases validate in Node: half a second and 300 MB

import aws_cdk as cdk

Synth = Callable[[cdk.Stack], dict[str, Any]]


@pytest.fixture
def app() -> cdk.App:
    """An app as any CDK project makes it."""
    return cdk.App(analytics_reporting=False)


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    """A stack of somebody else's app."""
    return cdk.Stack(app, "Foreign")


@pytest.fixture
def synth(app: cdk.App) -> Synth:
    """Synthesizes the app and gives one stack's template."""

    def template(stack: cdk.Stack) -> dict[str, Any]:
        return app.synth(force=True).get_stack_by_name(stack.stack_name).template

    return template


def resources(template: dict[str, Any], type_name: str) -> dict[str, Any]:
    """Logical id to resource, of one type."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == type_name}


def only(template: dict[str, Any], type_name: str) -> dict[str, Any]:
    """The one resource of a type."""
    (resource,) = resources(template, type_name).values()
    return resource
