"""What a linter says about a template."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class LintFinding:
    """One finding of one tool.

    Attributes:
        tool: ``cfn-lint`` or ``cloudformation-validate``.
        rule: the tool's own rule id, such as ``E3012``.
        path: where in the template, as ``Resources/Service/Properties/Cpu``; empty for the whole template.
        stack: name of the stack whose template it is.
    """

    stack: str
    tool: str
    severity: Severity
    rule: str
    path: str
    message: str
