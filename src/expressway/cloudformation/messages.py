"""AWS's own messages about the resources of a stack: quoted for everybody, but for what users wrote inside them.

A reason is AWS's where a handler of an ``AWS::`` type returned it in the form that CloudFormation gives such messages.
What custom resources, hooks and third parties write is not, whatever it says.
"""

import re

from expressway.privacy.untrusted import QuotingText, quoted, without_marks

_WRITTEN_BY_USERS = frozenset(
    {"AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitCondition", "AWS::CloudFormation::Macro"}
)
_HANDLER = 'Resource handler returned message: "'
_FORMS = re.compile(
    r'Resource handler returned message: ".*" \((?:RequestToken: [\w-]+, )?HandlerErrorCode: \w+\)\.?'
    r"|.* \(Service: [\w ]+[;,] Status Code: \d{3}[;,] .*\)"
    r"|Resource (?:creation|update|deletion) cancelled\.?"
    r"|The following resource\(s\) failed to \w+: \[[\w, ]*\]\. ?(?:Rollback requested by user\.)?",
    re.DOTALL,
)
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)|(?<!\w)\"[^\"]*\"(?!\w)|`[^`]*`")
_PLAIN_NAME = re.compile(r"[!-~]*")


def is_aws_message(reason: str, resource_type: str) -> bool:
    """Whether AWS wrote the reason."""
    return (
        resource_type.startswith("AWS::")
        and resource_type not in _WRITTEN_BY_USERS
        and _FORMS.fullmatch(reason.strip()) is not None
    )


def quoted_reason(reason: str, resource_type: str, shown: str | None = None) -> str:
    """The reason as a quotation that everybody may read where AWS wrote it, else as one for operators.

    In AWS's message, what stands in quotation marks and is more than a name is for operators too. `shown` is the
    text to show of the reason, where that is less.
    """
    text = reason if shown is None else shown
    if not text or not is_aws_message(reason, resource_type):
        return quoted(without_marks(text))
    text = without_marks(text)
    head, body = ("", text) if not text.startswith(_HANDLER) else (_HANDLER, text.removeprefix(_HANDLER))
    parts: list[str] = []
    public, at = head, 0
    for found in _QUOTED.finditer(body):
        if not _PLAIN_NAME.fullmatch(found[0][1:-1]):
            parts += [quoted(public + body[at : found.start() + 1], public=True), quoted(found[0][1:-1])]
            public, at = "", found.end() - 1
    return QuotingText("".join([*parts, quoted(public + body[at:], public=True)]))
