"""The page of AWS limits in the documents, made of the table that the checks use."""

from pathlib import Path

from expressway.aws.values.limits import LIMITS, Limit

LIMITS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "limits.md"

_HEAD = """# Limits of AWS

What AWS lets a definition reach, from `src/expressway/aws/values/limits.py` (this page is made by `make goldens`).
`synth`, `diff` and `deploy` check it and refuse with `invalid_definition`, `limit_exceeded` or `template_too_large`
before anything is built or changed; `diff` and `deploy` count with the parameters that the stacks are deployed with.
Where the column "reached by" is empty, our own names and templates stay below the limit; tests hold that too.
"""

_QUOTAS = """
## Quotas of an account

These depend on what else is in the account and on what AWS granted it, so `synth` cannot know them. When one is used
up, CloudFormation or ECS says so and the deployment is rolled back; the cause names the quota.

{quotas}

A definition sets no tags, so limits of tags cannot be reached.
"""


_DOCS = "https://docs.aws.amazon.com"
_QUOTA_ROWS = (
    ("services that share a load balancer (25)", "AmazonECS/latest/developerguide/express-service-overview.html"),
    (
        "load balancers and target groups of a Region, rules and certificates of a load balancer",
        "elasticloadbalancing/latest/application/load-balancer-limits.html",
    ),
    ("vCPUs of Fargate, services of a cluster", "AmazonECS/latest/developerguide/service-quotas.html"),
    ("repositories of a registry, images of a repository", "AmazonECR/latest/userguide/service-quotas.html"),
    ("roles and customer managed policies of an account", "IAM/latest/UserGuide/reference_iam-quotas.html"),
    ("stacks of an account and Region", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"),
    ("security groups of a VPC and of a network interface", "vpc/latest/userguide/amazon-vpc-limits.html"),
)


def limits_page() -> str:
    """The whole page, as it has to stand in the documents."""
    rows = "\n".join(_row(limit) for limit in LIMITS)
    table = f"| what | most | counted | reached by | source |\n| --- | --- | --- | --- | --- |\n{rows}\n"
    quotas = "\n".join(f"| {what} | <{_DOCS}/{page}> |" for what, page in _QUOTA_ROWS)
    quotas = f"| quota | source |\n| --- | --- |\n{quotas}"
    return f"{_HEAD}\n{table}{_QUOTAS.format(quotas=quotas)}"


def _row(limit: Limit) -> str:
    most = f"{limit.maximum:,} {limit.unit}".strip()
    granted = f" (up to {limit.on_request:,} on request, which is not counted on)" if limit.on_request else ""
    return f"| {limit.what} | {most}{granted} | {limit.counted} | {limit.setting} | <{limit.source}> |"
