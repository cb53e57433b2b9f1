"""A process that lints templates with one tool and ends, since each tool takes 150 to 400 MB.

``python -m expressway.synth.lint.worker cfn-lint|cloudformation-validate`` reads one JSON list of
``{"stack", "body", "regions"}`` and writes one JSON list of findings. Templates share a process,
because loading a tool takes longer than linting a template with it.
"""

import gc
import json
import os
import re
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

Job = dict[str, Any]
Finding = dict[str, str]

ADVICE = {
    "I1022": "the CDK writes Fn::Join where a person would write Fn::Sub; the outcome is the same",
    "I4010": "Metadata.Expressway describes the stack, and descriptions describe the rest",
    "I9001": "names are create-only by design: they are the contract by which the app is found",
    "W9002": "the ARNs of their own things are what people write into a definition; it is the parameter",
    "W9013": "likewise for the account in them",
    "I9040": "tags are left to the account's own policies; on an Express service they are create-only",
}
"""Rules of cloudformation-validate that inform about a property of the template rather than find fault with it."""

_OF_TEMPLATE_TEXT = frozenset({"E1029"})
"""Rules of either tool about text that CloudFormation would have to replace, such as ``${AWS::Region}``."""

_PLAIN_TEXT = re.compile(
    r"Resources/Service/Properties/(?:PrimaryContainer/(?:Environment|Secrets|Command)/|HealthCheckPath$)"
)
"""Where the service stack holds texts of a definition. CloudFormation leaves a ``${…}`` outside of ``Fn::Sub`` as it
is, and the container gets just that. `expressway.synth.synth` warns of pseudo parameters there."""

_CFN_LINT_SEVERITIES = {"error": "error", "warning": "warning"}
_VALIDATE_SEVERITIES = {"FATAL": "error", "ERROR": "error", "WARN": "warning"}


def main() -> None:
    """Lint what standard input holds with the tool that the first argument names."""
    gc.disable()  # what loading makes stays until the end; looking through it took a sixth of the time
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: list[Job] = json.load(sys.stdin)
    lint = TOOLS[sys.argv[1]]
    json.dump([finding for job in jobs for finding in lint(job) if not is_of_plain_text(finding)], answer)
    answer.close()
    sys.stderr.flush()
    os._exit(0)  # the tools hold hundreds of MB that need no orderly end


def is_of_plain_text(finding: Finding) -> bool:
    """Whether it is about a text of a definition, which is not part of the template language."""
    return finding["rule"] in _OF_TEMPLATE_TEXT and _PLAIN_TEXT.match(finding["path"]) is not None


def lint_with_cfn_lint(job: Job) -> list[Finding]:
    """Every match of cfn-lint's own rules, for each region of the job."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs
    from cfnlint.exceptions import InvalidRegionException

    found = partial(dict[str, str], stack=job["stack"], tool="cfn-lint")
    try:
        matches = lint(job["body"], rules=_rules(), config=ManualArgs(regions=job["regions"]))
    except InvalidRegionException as exc:
        message = f"{str(exc).partition('. ')[0]}. Correct regions in the definition."
        return [found(rule="region", severity="error", message=message, path="")]
    return [
        found(
            rule=match.rule.id,
            severity=_CFN_LINT_SEVERITIES.get(match.rule.severity, "info"),
            message=match.message,
            path="/".join(str(step) for step in getattr(match, "path", None) or ()),
        )
        for match in matches
    ]


@cache
def _rules() -> Any:
    """The rules, which cfn-lint would otherwise load again for each template."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn()).rules


def lint_with_cloudformation_validate(job: Job) -> list[Finding]:
    """Every diagnostic of the Rust engine that finds fault with the template."""
    from cloudformation_validate import TemplateContent

    report = _engine().validate_template(TemplateContent(job["body"], job["stack"]))
    return [
        {
            "stack": job["stack"],
            "tool": "cloudformation-validate",
            "rule": found.rule_id,
            "severity": _VALIDATE_SEVERITIES.get(found.severity.name, "info"),
            "message": found.message,
            "path": _path(found),
        }
        for found in report.diagnostics
        if found.rule_id not in ADVICE
    ]


@cache
def _engine() -> Any:
    """The engine, which takes a third of a second to make and two milliseconds to use."""
    from cloudformation_validate import CompositeEngine

    return CompositeEngine()


def _path(found: Any) -> str:
    logical_id = getattr(found.entity, "logical_id", None)
    inside = (found.property_path or "").replace(".", "/")
    return "/".join(part for part in ("Resources" if logical_id else "", logical_id or "", inside) if part)


TOOLS: dict[str, Callable[[Job], list[Finding]]] = {
    "cfn-lint": lint_with_cfn_lint,
    "cloudformation-validate": lint_with_cloudformation_validate,
}


if __name__ == "__main__":
    main()
