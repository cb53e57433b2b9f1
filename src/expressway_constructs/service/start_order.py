"""What is set on an Express service last: the policies that come before it, and the tags that do not reach it.

A policy that refers to the service, directly or through other resources, cannot come before it: CloudFormation
refuses a template with a circular dependency. So what the service itself needs is granted by a policy of its own.
Of the policies that others granted to its roles, only those come first that do not lead back to the service.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct


@jsii.implements(iam.IPrincipal)
class StartGrantee:
    """A role as a grantee whose permissions go into a policy that refers to nothing but what the service starts with.

    The role's default policy cannot come first: it holds all that the app grants to the role, such as describing this
    service.
    """

    def __init__(self, role: iam.IRole, policy: iam.Policy) -> None:
        self._role = role
        self._policy = policy

    @property
    def assume_role_action(self) -> str:
        return self._role.assume_role_action

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        return self._role.policy_fragment

    @property
    def principal_account(self) -> str | None:
        return self._role.principal_account

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self  # pyright: ignore[reportReturnType] - jsii wants the class's own parameter names

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        self._policy.add_statements(statement)
        return iam.AddToPrincipalPolicyResult(
            statement_added=True,
            policy_dependable=self._policy,  # pyright: ignore[reportArgumentType] - as above
        )


def start_policy(scope: Construct, construct_id: str, role: iam.IRole) -> iam.Policy | None:
    """An empty policy of `role`, or None for a role that takes no policies (imported with ``mutable=False``)."""
    policy = iam.Policy(scope, construct_id)
    role.attach_inline_policy(policy)
    resource = policy.node.default_child
    assert isinstance(resource, iam.CfnPolicy)
    if cdk.Stack.of(scope).resolve(resource.roles):
        return policy
    scope.node.try_remove_child(construct_id)
    return None


def policies_before(service: cdk.CfnResource, roles: Sequence[iam.IRole]) -> Iterator[IConstruct]:
    """Policies that were granted to `roles` in the service's stack and do not lead back to the service.

    Policies in other stacks come first anyway: the stack of a role is deployed before the one that refers to it.
    """
    stack = cdk.Stack.of(service)
    children = [child for role in roles for child in role.node.children if cdk.Stack.of(child) == stack]
    candidates = [child for child in children if not isinstance(child, cdk.CfnElement)]
    if not candidates:
        return
    references = _References(stack)
    for policy in candidates:
        if not references.lead_to(service, policy):
            yield policy


class _References:
    """Which elements of a stack refer to which, as far as they are made when aspects are visited last."""

    def __init__(self, stack: cdk.Stack) -> None:
        self._stack = stack
        constructs = [each for each in stack.node.find_all() if cdk.Stack.of(each) == stack]
        elements = [each for each in constructs if isinstance(each, cdk.CfnElement)]
        self._elements: dict[str, cdk.CfnElement] = {str(stack.resolve(each.logical_id)): each for each in elements}
        self._ids = {element.node.path: logical_id for logical_id, element in self._elements.items()}
        self._waits: dict[str, set[str]] = {}
        for each in constructs:
            dependencies = each.node.dependencies
            for name in self._names_below(each) if dependencies else ():
                self._waits.setdefault(name, set()).update(*(self._names_below(other) for other in dependencies))

    def lead_to(self, service: cdk.CfnResource, policy: IConstruct) -> bool:
        """True when the policy refers to the service, or when that is unknown."""
        target = self._ids[service.node.path]
        seen: set[str] = set()
        waiting = self._names_below(policy)
        while waiting:
            name = waiting.pop()
            if name == target or name not in self._elements:
                return True
            if name not in seen:
                seen.add(name)
                waiting.extend(self._names_of(name) - seen)
        return False

    def _names_of(self, name: str) -> set[str]:
        element = self._elements[name]
        found = set(self._waits.get(name, ()))
        if isinstance(element, cdk.CfnResource):
            properties: Any = element._cfn_properties  # pyright: ignore[reportPrivateUsage] - protected in TypeScript
            found |= set(_names_in(self._stack.resolve(properties)))
            found |= {name for other in element.obtain_dependencies() for name in self._names_below(other)}
        return found

    def _names_below(self, construct: Any) -> list[str]:
        """Logical ids of a construct's own elements; the path of one in another stack, which is none of ours."""
        elements = [each for each in construct.node.find_all() if isinstance(each, cdk.CfnElement)]
        return [self._ids.get(each.node.path, f"/{each.node.path}") for each in elements]


def _names_in(value: Any) -> Iterator[str]:
    """Logical ids in a resolved value; pseudo parameters are left out."""
    if isinstance(value, dict):
        yield from _names_of_function(value)
        value = value.values()
    if isinstance(value, Iterable) and not isinstance(value, str):
        for each in value:
            yield from _names_in(each)


def _names_of_function(value: dict[str, Any]) -> Iterator[str]:
    """What ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` name, each in both of its forms."""
    attribute, text = value.get("Fn::GetAtt"), value.get("Fn::Sub")
    variables: Any = ()
    if isinstance(text, list) and len(text) == 2:
        text, variables = text
    names = [value.get("Ref"), attribute[0] if isinstance(attribute, list) else attribute]
    names += _VARIABLE.findall(text) if isinstance(text, str) else ()
    for name in names:
        if isinstance(name, str) and not name.startswith("AWS::") and name not in variables:
            yield name.partition(".")[0]


_VARIABLE = re.compile(r"\$\{([A-Za-z0-9.:]+)\}")


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
    it: without them its first deployment fails, and it cannot be deleted cleanly. Those that lead back
    to the service cannot. Roles and log group come first anyway, since the service refers to them.

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
