"""Text of a definition that would not arrive as it stands: CloudFormation or the CDK would put something else there.

A definition is no template: its values are what the container gets, letter by letter. What cannot be passed on like
that is refused, since neither CloudFormation nor the CDK knows an escape for it.
"""

import re

DYNAMIC_REFERENCE = r"\{\{resolve:"
"""What CloudFormation replaces, wherever it stands: ``{{resolve:service-name:reference-key}}``.
Source: CloudFormation User Guide, "Get values stored in other services using dynamic references"."""

_KEY = r"Token\[[a-zA-Z0-9:._-]+\]\}"
CDK_TOKEN = rf"\$\{{{_KEY}|#\{{{_KEY}|-1\.[0-9]{{10,16}}e\+289"
"""What the CDK replaces: its own marks for texts, lists and numbers that it only knows later.
Source: aws-cdk-lib/core/lib/private/encoding.ts."""

_EXPECTED = {
    DYNAMIC_REFERENCE: "text without {{resolve:…}}, which CloudFormation would replace (a variable gets a secret or an "
    "SSM parameter by its ARN, under secrets)",
    CDK_TOKEN: "text without ${Token[…]}, #{Token[…]} and -1.…e+289, which the CDK would take for its own tokens",
}

_PSEUDO_PARAMETER = re.compile(
    r"\$\{AWS::(?:AccountId|NotificationARNs|NoValue|Partition|Region|StackId|StackName|URLSuffix)\}"
)


def expected_instead(text: str) -> str | None:
    """What is expected in the place of a text that would be replaced, in whole or in part; None for plain text."""
    return next((expected for pattern, expected in _EXPECTED.items() if re.search(pattern, text)), None)


def pseudo_parameters(text: str) -> tuple[str, ...]:
    """The pseudo parameters of CloudFormation that a text names as ``Fn::Sub`` would replace them, each once.

    Nothing replaces them in a definition, and whoever writes one most likely expects it.
    """
    return tuple(dict.fromkeys(_PSEUDO_PARAMETER.findall(text)))
