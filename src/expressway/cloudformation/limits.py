"""What of a template is more than AWS takes, counted as AWS counts it once the template is deployed.

What is known only then counts as little as it can be, so that what is refused would be refused by AWS as well.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from expressway.aws.values import limits as aws_limits
from expressway.aws.values.limits import TEMPLATE_BODY, Limit
from expressway.cloudformation.template import IMAGE_PARAMETER, Template
from expressway.core.problems import Problem
from expressway.errors import StackError

_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": "0" * 12,
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "x",
}
_ATTRIBUTE_CHARACTERS = 40
"""About the shortest ARN that a resource's attribute can be."""
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9.:]+)\}")
_NOTHING = object()

Excess = tuple[Limit, int]


def problems_of_size(template: Template, parameters: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Every limit that a template breaks; `parameters` are the values that it is deployed with, where known."""
    return tuple(_problem(template.stack_name, *excess) for excess in _beyond(template, parameters or {}))


def _problem(stack_name: str, limit: Limit, actual: int) -> Problem:
    path = limit.setting or stack_name
    expected = f"at most {limit.maximum:,} {limit.unit} ({limit.what} in {stack_name})"
    message = f"{path}: expected {expected}, got {actual:,}. {limit.remedy}".rstrip()
    return Problem(path, expected, f"{actual:,}", message)


def _beyond(template: Template, parameters: Mapping[str, str]) -> Iterator[Excess]:
    counts = [(aws_limits.TEMPLATE_BODY, len(template.sent_body.encode()))]
    document = template.document
    counts.extend(_declared(document))
    counts.extend((aws_limits.PARAMETER_VALUE, len(value.encode())) for value in parameters.values())
    if IMAGE_PARAMETER in document.get("Parameters", {}) and IMAGE_PARAMETER in parameters:
        counts.append((aws_limits.IMAGE, len(parameters[IMAGE_PARAMETER].partition("@")[0])))  # as ECS counts it
    deployed = _Deployed(document, parameters)
    for resource in document.get("Resources", {}).values():
        measure = _MEASURES.get(resource.get("Type", ""))
        counts.extend(measure(deployed.value(resource.get("Properties", {}))) if measure else ())
    yield from ((limit, actual) for limit, actual in counts if actual > limit.maximum)


def _declared(document: Mapping[str, Any]) -> Iterator[Excess]:
    yield aws_limits.RESOURCES, len(document.get("Resources", {}))
    yield aws_limits.OUTPUTS, len(document.get("Outputs", {}))
    yield aws_limits.PARAMETERS, len(document.get("Parameters", {}))
    yield aws_limits.TEMPLATE_DESCRIPTION, len(str(document.get("Description", "")).encode())


def _role(properties: Mapping[str, Any]) -> Iterator[Excess]:
    policies = properties.get("Policies", [])
    yield aws_limits.INLINE_POLICIES, sum(_characters(policy.get("PolicyDocument", {})) for policy in policies)
    yield aws_limits.ATTACHED_POLICIES, len(properties.get("ManagedPolicyArns", []))
    yield aws_limits.TRUST_POLICY, _characters(properties.get("AssumeRolePolicyDocument", {}))
    yield aws_limits.ROLE_DESCRIPTION, len(properties.get("Description", ""))


def _managed_policy(properties: Mapping[str, Any]) -> Iterator[Excess]:
    yield aws_limits.MANAGED_POLICY, _characters(properties.get("PolicyDocument", {}))


def _service(properties: Mapping[str, Any]) -> Iterator[Excess]:
    yield aws_limits.TASK_DEFINITION, len(_compact(properties.get("PrimaryContainer", {})).encode())


def _repository(properties: Mapping[str, Any]) -> Iterator[Excess]:
    text = properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText", "{}")
    yield aws_limits.LIFECYCLE_POLICY, len(text)
    yield aws_limits.LIFECYCLE_RULES, len(json.loads(text).get("rules", []))


_MEASURES = {
    "AWS::IAM::Role": _role,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::ECS::ExpressGatewayService": _service,
    "AWS::ECR::Repository": _repository,
}


def _characters(document: Any) -> int:
    """A policy's length as IAM counts it: without whitespace."""
    return len("".join(_compact(document).split()))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Deployed:
    """Values of a template as CloudFormation hands them on, with functions replaced by the shortest they can give."""

    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self._conditions: Mapping[str, Any] = document.get("Conditions", {})
        self._known = {**_PSEUDO, **parameters}

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            items: list[Any] = value
            return [made for item in items if (made := self.value(item)) is not _NOTHING]
        if not isinstance(value, dict):
            return value
        entries: dict[str, Any] = value
        if len(entries) == 1:
            ((name, argument),) = entries.items()
            if (function := self._functions().get(name)) is not None:
                return function(argument)
        return {name: made for name, item in entries.items() if (made := self.value(item)) is not _NOTHING}

    def _functions(self) -> Mapping[str, Any]:
        return {
            "Ref": self._reference,
            "Fn::GetAtt": self._attribute,
            "Fn::Join": self._joined,
            "Fn::Sub": self._substituted,
            "Fn::If": self._chosen,
        }

    def _reference(self, name: str) -> Any:
        return _NOTHING if name == "AWS::NoValue" else self._known.get(name, "")

    def _attribute(self, _: Any) -> str:
        return "x" * _ATTRIBUTE_CHARACTERS

    def _joined(self, argument: list[Any]) -> str:
        separator, parts = argument
        made = self.value(parts)
        return str(separator).join(str(part) for part in made) if isinstance(made, list) else ""

    def _substituted(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})
        named: Mapping[str, Any] = self.value(variables)
        return _VARIABLE.sub(lambda match: str(named.get(match[1], self._known.get(match[1], ""))), text)

    def _chosen(self, argument: list[Any]) -> Any:
        condition, if_true, if_false = argument
        holds = self._holds(self._conditions.get(condition))
        if holds is not None:
            return self.value(if_true if holds else if_false)
        branches = (self.value(if_true), self.value(if_false))
        return min(branches, key=lambda branch: 0 if branch is _NOTHING else len(_compact(branch)))

    def _holds(self, condition: Any) -> bool | None:
        """Whether a condition holds; None where it hangs on a parameter that is not known yet."""
        match condition:
            case {"Fn::Not": [inner]}:
                holds = self._holds(inner)
                return None if holds is None else not holds
            case {"Fn::Equals": [{"Ref": str(name)}, str(wanted)]} if name in self._known:
                return self._known[name] == wanted
            case _:
                return None


def check_limits(*templates: Template, parameters: Mapping[str, str] | None = None) -> None:
    """Refuse what CloudFormation, IAM, ECS or ECR would refuse for its size, everything in one error.

    Args:
        parameters: the values that the templates are deployed with, and the pseudo parameters, where they are known.

    Raises:
        StackError: ``template_too_large``, or ``limit_exceeded`` where no template is too large but something in it;
            ``details["problems"]`` has path, expected, got and message of each.
    """
    problems = [problem for template in templates for problem in problems_of_size(template, parameters)]
    if not problems:
        return
    is_too_large = any(f"({TEMPLATE_BODY.what} in " in problem.expected for problem in problems)
    listed = " ".join(f"({number}) {problem.message}" for number, problem in enumerate(problems, 1))
    raise StackError(
        "template_too_large" if is_too_large else "limit_exceeded",
        f"AWS does not take what the definition makes, and nothing was changed: {listed}",
        "Reduce the settings that the message names.",
        {"problems": [problem.to_dict() for problem in problems]},
    )
