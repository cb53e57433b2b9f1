"""What a service can only know when all else has been made: the policies of its roles, and the tags of its stack."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from expressway_constructs.service.start_order import policies_before

STACK_TAGS_WARNING = "expressway:stackTags"
"""Id of the warning, for ``cdk.Annotations.of(service).acknowledge_warning(…)``."""

_MESSAGE = (
    "The stack has tags. CloudFormation hands them to the Express service, whose tags are create-only: a change of "
    "them replaces the service and its URL. Keep them off the stack (Tags.of(…).add(…, "
    'exclude_resource_types=["aws:cdk:stack"]), the feature flag @aws-cdk/core:explicitStackTags, or '
    "drop_stack_tags=True on the service), or acknowledge this warning when they never change."
)

_OVER_ALL_TAGS = 1_000_000
"""A priority above that of any tag."""


@jsii.implements(cdk.IAspect)
class LateSettings:
    """Put on the service's resource, it is visited once, after whatever tagged the stack and granted to the roles.

    Policies that were granted to the roles by which ECS starts the service, at any time until synthesis, come before
    it: without them its first deployment fails, and without them it cannot be deleted cleanly. Those that lead back
    to the service cannot. Roles and log group themselves need no word, since the service refers to them.

    CloudFormation hands a stack's tags to its resources, and new tags replace an Express service: they are
    dropped, for the whole stack, or warned of.
    """

    def __init__(self, service: cdk.CfnResource, starting_roles: Sequence[iam.IRole], *, drop_stack_tags: bool) -> None:
        self._service = service
        self._starting_roles = starting_roles
        self._drop_stack_tags = drop_stack_tags

    def visit(self, node: IConstruct) -> None:
        for policy in policies_before(self._service, self._starting_roles):
            node.node.add_dependency(policy)
        tagged = [tags for tags in _tags_of_stacks(cdk.Stack.of(node)) if tags.has_tags()]
        if tagged and not self._drop_stack_tags:
            cdk.Annotations.of(node).add_warning_v2(STACK_TAGS_WARNING, _MESSAGE)
            return
        for tags in tagged:
            for key in tags.tag_values():
                tags.remove_tag(key, _OVER_ALL_TAGS)


def _tags_of_stacks(stack: cdk.Stack) -> Iterator[cdk.TagManager]:
    """The tags of a stack, and of those that it is nested in, which CloudFormation hands down."""
    yield stack.tags
    parent = stack.nested_stack_parent
    if parent is not None:
        yield from _tags_of_stacks(parent)
