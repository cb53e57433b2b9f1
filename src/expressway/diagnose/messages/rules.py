"""AWS's own words for what went wrong, and what they mean: a table, the more exact rows first.

The texts are those of the ECS developer guide ("Stopped tasks error messages", "CannotPullContainer task
errors", "Service event messages"), of containerd and Docker, and of CloudFormation's resource handlers.
"""

import re

from expressway.core.text import shortened
from expressway.diagnose.catalog import entry_of, make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.messages.name_masking import LONGEST_MESSAGE, names_hidden
from expressway.diagnose.messages.rule import MessageRule
from expressway.diagnose.messages.rule import message_rule as _rule
from expressway.diagnose.messages.startup import START_MESSAGES
from expressway.diagnose.service.facts import Statement
from expressway.hints import command
from expressway.privacy.untrusted import quoted

_EVIDENCE_LIMIT = 400
_FIRST_REF = r"(?:.*?(?<![\w./:-])(?!i/o|net/http)(?P<image>[\w.-]+(?::\w+)?/[\w./-]+(?::[\w.-]+)?(?:@\w+:\w+)?))?"
_DENIED = r"not authorized to perform:? "
_NETWORK_REMEDY = (
    "Give the tasks a way out: public subnets with a public IP, a NAT gateway, or VPC endpoints "
    "for ECR, S3, Secrets Manager and CloudWatch Logs."
)

MESSAGE_RULES: tuple[MessageRule, ...] = (
    *START_MESSAGES,
    _rule("image_pull_denied", rf"{_DENIED}(?P<action>ecr:\w+)"),
    _rule(
        "repository_not_found",
        r"repository with name '(?P<name>[\w./-]+)' does not exist|RepositoryNotFoundException|"
        r"(?:^|: )name unknown\b",
    ),
    _rule("registry_rate_limited", r"\btoomanyrequests(?=:|$)|\bpull rate limit"),
    _rule(
        "image_not_found",
        r"^(?=.*(?:(?:\bCannotPull\w*:|\bresolve ref(?:erence)? ).*: not found\b|\bmanifest for \S+ not found\b|"
        r"\b(?:repository|image) \S*/\S* not found\b|\bmanifest unknown\b|\brequested image not found\b|"
        rf"\bno such image\b)){_FIRST_REF}",
    ),
    _rule(
        "image_pull_denied",
        r"(?<![\w-])(?P<name>[\w-]+-starport-layer-bucket)\.s3\S*?amazonaws\S*: (?:403|Forbidden|AccessDenied)",
        cause="The tasks may not fetch the image's layers from ECR's bucket {name} in S3.",
        remedy="Let the policy of the S3 endpoint in the tasks' network allow s3:GetObject on that bucket "
        "(arn:aws:s3:::prod-<region>-starport-layer-bucket/*).",
        reads_names=True,
    ),
    _rule(
        "image_pull_denied",
        r"^(?=.*(?:\bCannotPull\w*:.*\b(?:access denied\b|403 Forbidden\b|denied:|unauthorized\b|no basic auth\b)|"
        rf"\bpull access denied\b|\b(?:resolve ref|pulling from host) .*\b403 Forbidden\b)){_FIRST_REF}",
        cause="The registry denies access to the image {image}.",
        remedy="Let the execution role pull it (ECR policy or repository policy), or give credentials for the "
        "registry.",
    ),
    _rule(
        "log_group_missing",
        r"log group (?:(?P<name>/?[\w./#-]+) )?does not exist|log ?group [^:]*: ?ResourceNotFoundException",
        cause="The log group that the container logs to does not exist.",
        remedy=f"Make it again; of an app of Expressway, {command('deploy')} sees that it is gone and restores it.",
    ),
    _rule("log_denied", rf"{_DENIED}(?P<action>logs:\w+)"),
    _rule("kms_denied", rf"{_DENIED}kms:\w+|access to kms is not allowed|ciphertext refers to a customer master key"),
    _rule(
        "secret_denied",
        rf"{_DENIED}(?P<action>(?:secretsmanager|ssm):\w+)(?: on resource:? (?P<name>[\w:/.+=@-]+[\w]))?",
    ),
    _rule("secret_key_missing", r"did not contain (?:a )?json key (?P<name>[\w.-]+)"),
    _rule("secret_deleted", r"secret because it was marked for deletion"),
    _rule("secret_not_found", r"can.t retrieve the secret with ARN '(?P<name>[^']+)'"),
    _rule(
        "secret_not_found",
        r"can.t find the specified secret(?: value)?|"
        r"(?:\binvalid ssm parameters?|\bfrom ssm: [^\n]*\binvalid parameters?):? (?P<name>[\w:/.-]+)|"
        r"\bParameterNotFound\b|\b(?:secret|parameter) (?P<other>[\w:/.-]+) (?:was )?not found",
        cause="A secret or parameter that the definition names does not exist{name}.",
    ),
    _rule(
        "registry_unreachable",
        r"\b(?:CannotPull|unable to pull|ResourceInitialization|registry|logging driver|i/o timeout).*?"
        r"(?:i/o timeout|dial tcp|deadline exceeded|Client\.Timeout|no such host|connection refused|"
        r"There is a connection issue)",
    ),
    _rule("secret_unavailable", r"unable to retrieve secrets?\b", certain=False),
    _rule("image_too_large", r"no space left on device"),
    _rule("out_of_memory", r"\bOutOfMemory(?:Error)?\b|\bkilled due to memory usage"),
    _rule(
        "quota_exceeded",
        r"\blimit on the number of (?:vCPUs|tasks)\b|\bconfiguration is above your limit\b|LimitExceeded|"
        r"\bTooMany(?:LoadBalancers|TargetGroups|Rules)|quota|\bmaximum number of [^.]*\b(?:reached|exceeded)\b",
    ),
    _rule(
        "capacity_unavailable",
        r"\bcapacity is unavailable\b|\bunable to place a task\b|(?-i:\bRESOURCE:[A-Z])|\bno (?:Fargate )?capacity\b|"
        r"\binsufficient (?:instance )?capacity\b",
    ),
    _rule("subnet_full", r"InsufficientFreeAddresses|not enough free (?:IP )?addresses|free ip addresses"),
    _rule("cluster_missing", r"\bClusterNotFoundException\b|\bCluster not found\b"),
    _rule("security_group_missing", r"Invalid(?:SecurityGroupID|Group)\.NotFound"),
    _rule("subnet_missing", r"InvalidSubnetID\.NotFound"),
    _rule(
        "network_interface_failed",
        r"\bconfigure ENI\b|\bEC2 error while attempting to create network interface\b|"
        r"\bnetwork interface (?:provisioning\b|[^.:]*\b(?:failed|timeout)\b)",
    ),
    _rule(
        "subnets_unfit",
        r"two subnets in (?:at least )?two|at least two (?:subnets|availability zones)|no default VPC|"
        r"\bdefault VPC [^.:]*\b(?:not|no)\b",
    ),
    _rule(
        "role_not_assumable",
        r"unable to assume (?:the )?(?:service.linked )?role(?: '?(?P<name>arn:[^\s']+)'?)?|"
        r"role (?P<other>arn:\S+) (?:is invalid or )?cannot be assumed",
    ),
    _rule("permission_denied", rf"{_DENIED}(?P<action>[\w-]+:\w+)"),
    _rule(
        "permission_denied",
        r"AccessDenied\w*|UnauthorizedOperation",
        cause="A role lacks a permission that the deployment needs.",
        remedy="Grant what AWS names in the evidence to the role that it names.",
    ),
    _rule("resource_exists", r"(?:(?<![\w:/.-])(?P<name>[\w:/.-]+) )?\balready exists\b"),
)

_WORDED: dict[tuple[str, str], str] = {
    ("secret_not_found", "name"): ": {}",
}


def finding_of_message(statement: Statement) -> Finding | None:
    """What a text of AWS's tells, or None when no row of the table knows it."""
    text = statement.text[:LONGEST_MESSAGE]
    in_own_words = names_hidden(text)
    for rule in MESSAGE_RULES:
        match = rule.pattern.search(text if rule.reads_names else in_own_words)
        if match:
            return make_finding(
                rule.code,
                sentence=_fill(rule, match, text),
                evidence=(evidence_line(statement.text),),
                remedy=rule.remedy,
                resource=statement.resource,
                confidence="high" if rule.certain else "medium",
            )
    return None


def _fill(rule: MessageRule, match: re.Match[str], text: str) -> str:
    """The rule's sentence; the names in it come from the text itself, where the match found them."""
    found = {key: text[slice(*match.span(key))] for key, value in match.groupdict().items() if value}
    words: dict[str, str] = {}
    quotes_user = "quotes_user" in entry_of(rule.code).marks
    for key in ("image", "name", "action", "kind"):
        value = found.get(key) or (found.get("other") if key == "name" else None) or ""
        shown = quoted(value) if key == "name" and quotes_user and not value.startswith("arn:") else value
        words[key] = _WORDED.get((rule.code, key), "{}").format(shown) if value else ""
    return " ".join(rule.sentence.format(**words).replace(" :", ":").replace(" .", ".").split())


def evidence_line(text: str) -> str:
    """AWS's text on one line, without request tokens, cut to 400 characters."""
    one_line = " ".join(text[: 2 * LONGEST_MESSAGE].split())
    cleaned = re.sub(r" ?\((?:RequestToken|Service: |SDK Attempt)[^()]*\)", "", one_line)
    return shortened(cleaned, _EVIDENCE_LIMIT)
