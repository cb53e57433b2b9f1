"""Refuse templates that are more than AWS takes, before anything is built or changed."""

from collections.abc import Mapping

from expressway.aws.values.limits import TEMPLATE_BODY
from expressway.cloudformation.limits import problems_of_size
from expressway.cloudformation.template import Template
from expressway.errors import StackError


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
