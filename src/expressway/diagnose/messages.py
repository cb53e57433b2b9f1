"""AWS's own words for what went wrong, and what they mean: a table, the more exact rows first.

The texts are those of the ECS developer guide ("Stopped tasks error messages", "CannotPullContainer task
errors", "Service event messages"), of containerd and Docker, and of CloudFormation's resource handlers.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from expressway.core.text import shortened
from expressway.diagnose.catalog import CATALOG, entry_of, make_finding
from expressway.diagnose.finding import Finding
from expressway.hints import command
from expressway.privacy.untrusted import quoted

LONGEST_MESSAGE = 4_000
_HIDDEN = re.compile(r"\barn(?=:)|[^\W_]")
_END = r"[^\s\"'<>()\[\]]"
_NAMED = "service|task|instance|container|elb|target-group|deployment|cluster|taskSet|capacity-provider"
_OWN_WORDS = r"(?:i/o|net/http|service-linked|oom[-_]kill\w*)(?![\w/-])"
"""What AWS, Go and runc write with a hyphen or a slash, and what rules look for."""

_NAMES = re.compile(
    "|".join(
        (
            # Commands and folders, which may have blanks; runc and Docker quote them as Go does.
            r"(\bexec:? ?)\"(?:[^\"\\]|\\.)*\"",
            r"(\bstat )[^:\n]*(?=: no such file)",
            r"(\bchdir to cwd )\(\"?[^\"\n)]*\"?\)(?= set in config)",
            # One quoted word, but not a message that another one quotes.
            r"(?<!message: )(?<!\w)\"[^\"\s]*\"(?!\w)",
            r"(?<!\w)'[^'\s]*'(?!\w)",
            rf"\barn:[\w-]*:{_END}*",
            r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s\"'<>]+",
            # ECS's service events: (service web), (task 0123), (target-group arn:…); service (web) in older ones.
            rf"(\((?:{_NAMED})\s)[^\s()]+",
            r"(\bservice )\([^\s()]+\)",
            r"(\bcontainer )\S+(?= is unhealthy)",
            r"(\[manifests )[^\]\n]*",
            r"(\bstack \[)[^\]\n]*",
            # Where nothing marks the name but the words around it.
            r"(\b(?:user:|with name|named|identifier|lookup) )\S+",
            r"(\bjson key ).*",
            r"(\bparameters: )\S+(?:, ?\S+)*",
            r"(\b(?:user|group) )[^\s:]+(?=: no matching)",
            r"(\b(?:denied for|no such image:|resolve ref) )[^\s,]+",
            r"(\blog group )\S+(?= does not exist)",
            r"(?<!\S)\S+(?= already exists)",
            r"(\b(?:role|secret|parameter|repository|cluster|policy|manifest for) )\S+(?= (?:was |is )?not found)",
            # Paths, images, names of several parts.
            rf"(?<![\w.+=@:/-])(?!{_OWN_WORDS})[\w.+=@:]*[-/_]{_END}*",
        )
    ),
    re.IGNORECASE,
)
"""A captured group holds AWS's own words before a name; they stay readable."""


@lru_cache(maxsize=256)  # a hundred tasks say the same
def mask_user_identifiers(text: str) -> str:
    """The text, as long as before, with the names in it made unreadable; an ARN still begins with ``arn:``.

    Only the first 4,000 characters are searched: some patterns take quadratic time.
    """
    return _NAMES.sub(_hidden, text[:LONGEST_MESSAGE])


def _hidden(found: re.Match[str]) -> str:
    shown = found[found.lastindex] if found.lastindex else ""
    return shown + _HIDDEN.sub(lambda one: one[0] if one[0] == "arn" else "x", found[0][len(shown) :])


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that AWS said, and about what."""

    text: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class MessageRule:
    """One row: a pattern with its sentence and remedy, which named groups of the pattern fill.

    `certain` is False where the words fit several causes, all of which the sentence names. Names that users chose are
    hidden from the pattern (`mask_user_identifiers`), unless it `reads_names` because one of them tells something.
    """

    code: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str
    certain: bool = True
    reads_names: bool = False


def message_rule(
    code: str, pattern: str, *, cause: str = "", remedy: str = "", certain: bool = True, reads_names: bool = False
) -> MessageRule:
    """A row whose pattern ignores case and whose dots match line ends; cause and remedy default to the catalogue's."""
    compiled, entry = re.compile(pattern, re.IGNORECASE | re.DOTALL), CATALOG[code]
    return MessageRule(code, compiled, cause or entry.cause, remedy or entry.remedy, certain, reads_names)


_SCRIPT = r"\S*(?:\.(?:sh|bash|ash|py|rb|pl|php|m?js)|entrypoint)"
_GO_QUOTED = r"\"(?:[^\"\\]|\\.)+\""
_NOT_ANOTHER = r"(?<![\w/])"  # no other program's exec, as in fork/exec
_BUILD_FOR = "Build it for linux/amd64 (build.platform: linux/amd64) and deploy again"
_FIRST_LINE = "let it begin with #!/bin/sh (or its own interpreter), with nothing before, and with Unix line ends"

START_MESSAGES: tuple[MessageRule, ...] = (
    message_rule(
        "wrong_architecture",
        r"descriptor matching platform '(?P<platform>[^']+)'|no match for platform|"
        r"does not match the (?:detected|specified|requested) (?:host )?platform|cannot execute binary file",
    ),
    message_rule(
        "script_without_interpreter",
        rf"{_NOT_ANOTHER}exec:? [\"']?{_SCRIPT}[\"']?:? [\"']?exec format error",
        certain=False,
        reads_names=True,
    ),
    message_rule(
        "wrong_architecture",
        r"exec format error",
        cause="The image is built for another processor architecture than the tasks run on, or the container starts "
        "with a script whose first line names no interpreter (#!).",
        remedy=f"{_BUILD_FOR}; if its command is a script, {_FIRST_LINE}.",
        certain=False,
    ),
    message_rule(
        "command_not_found",
        r"exec:? \"(?P<name>(?:[^\"\\]|\\.)+)\":? (?:executable file not found|stat .*no such file)|"
        r"executable file (?P<other>\S+)? ?not found",
    ),
    message_rule(
        "interpreter_missing",
        rf"{_NOT_ANOTHER}exec (?:user process caused:? )?[\"']?[^\s\"']*[\"']?:? ?[\"']?no such file or directory|"
        r"bad interpreter|cannot execute: required file not found",
    ),
    message_rule(
        "working_directory_unusable",
        r"chdir to cwd \(\"?(?P<name>[^\")]+)\"?\) set in config\.json failed: (?:permission denied|no such file)",
    ),
    message_rule("user_not_found", r"unable to find (?P<kind>user|group) (?P<name>[^\s:]+)"),
    message_rule("command_missing", r"no command specified"),
    message_rule(
        "command_not_executable", rf"{_NOT_ANOTHER}exec:? (?:{_GO_QUOTED}|'[^']+'|[^\s\"']+):? permission denied"
    ),
    message_rule("volume_mount_failed", r"failed to invoke EFS utils commands|mount\.nfs4|CannotCreateVolumeError"),
    message_rule(
        "container_start_timeout",
        r"(?:ContainerRuntime|Docker)TimeoutError(?!.*pulled)|could not transition to (?!\w*pulled)\w+; timed out",
    ),
)


_EVIDENCE_LIMIT = 400
_FIRST_REF = r"(?:.*?(?<![\w./:-])(?!i/o|net/http)(?P<image>[\w.-]+(?::\w+)?/[\w./-]+(?::[\w.-]+)?(?:@\w+:\w+)?))?"
_DENIED = r"not authorized to perform:? "

MESSAGE_RULES: tuple[MessageRule, ...] = (
    *START_MESSAGES,
    message_rule("image_pull_denied", rf"{_DENIED}(?P<action>ecr:\w+)"),
    message_rule(
        "repository_not_found",
        r"repository with name '(?P<name>[\w./-]+)' does not exist|RepositoryNotFoundException|"
        r"(?:^|: )name unknown\b",
    ),
    message_rule("registry_rate_limited", r"\btoomanyrequests(?=:|$)|\bpull rate limit"),
    message_rule(
        "image_not_found",
        r"^(?=.*(?:(?:\bCannotPull\w*:|\bresolve ref(?:erence)? ).*: not found\b|\bmanifest for \S+ not found\b|"
        r"\b(?:repository|image) \S*/\S* not found\b|\bmanifest unknown\b|\brequested image not found\b|"
        rf"\bno such image\b)){_FIRST_REF}",
    ),
    message_rule(
        "image_pull_denied",
        r"(?<![\w-])(?P<name>[\w-]+-starport-layer-bucket)\.s3\S*?amazonaws\S*: (?:403|Forbidden|AccessDenied)",
        cause="The tasks may not fetch the image's layers from ECR's bucket {name} in S3.",
        remedy="Let the policy of the S3 endpoint in the tasks' network allow s3:GetObject on that bucket "
        "(arn:aws:s3:::prod-<region>-starport-layer-bucket/*).",
        reads_names=True,
    ),
    message_rule(
        "image_pull_denied",
        r"^(?=.*(?:\bCannotPull\w*:.*\b(?:access denied\b|403 Forbidden\b|denied:|unauthorized\b|no basic auth\b)|"
        rf"\bpull access denied\b|\b(?:resolve ref|pulling from host) .*\b403 Forbidden\b)){_FIRST_REF}",
        cause="The registry denies access to the image {image}.",
        remedy="Let the execution role pull it (ECR policy or repository policy), or give credentials for the "
        "registry.",
    ),
    message_rule(
        "log_group_missing",
        r"log group (?:(?P<name>/?[\w./#-]+) )?does not exist|log ?group [^:]*: ?ResourceNotFoundException",
        cause="The log group that the container logs to does not exist.",
        remedy=f"Create it again. For an Expressway app, {command('deploy')} restores it.",
    ),
    message_rule("log_denied", rf"{_DENIED}(?P<action>logs:\w+)"),
    message_rule(
        "kms_denied", rf"{_DENIED}kms:\w+|access to kms is not allowed|ciphertext refers to a customer master key"
    ),
    message_rule(
        "secret_denied",
        rf"{_DENIED}(?P<action>(?:secretsmanager|ssm):\w+)(?: on resource:? (?P<name>[\w:/.+=@-]+[\w]))?",
    ),
    message_rule("secret_key_missing", r"did not contain (?:a )?json key (?P<name>[\w.-]+)"),
    message_rule("secret_deleted", r"secret because it was marked for deletion"),
    message_rule("secret_not_found", r"can.t retrieve the secret with ARN '(?P<name>[^']+)'"),
    message_rule(
        "secret_not_found",
        r"can.t find the specified secret(?: value)?|"
        r"(?:\binvalid ssm parameters?|\bfrom ssm: [^\n]*\binvalid parameters?):? (?P<name>[\w:/.-]+)|"
        r"\bParameterNotFound\b|\b(?:secret|parameter) (?P<other>[\w:/.-]+) (?:was )?not found",
        cause="A secret or parameter that the definition names does not exist{name}.",
    ),
    message_rule(
        "registry_unreachable",
        r"\b(?:CannotPull|unable to pull|ResourceInitialization|registry|logging driver|i/o timeout).*?"
        r"(?:i/o timeout|dial tcp|deadline exceeded|Client\.Timeout|no such host|connection refused|"
        r"There is a connection issue)",
    ),
    message_rule("secret_unavailable", r"unable to retrieve secrets?\b", certain=False),
    message_rule("image_too_large", r"no space left on device"),
    message_rule("out_of_memory", r"\bOutOfMemory(?:Error)?\b|\bkilled due to memory usage"),
    message_rule(
        "quota_exceeded",
        r"\blimit on the number of (?:vCPUs|tasks)\b|\bconfiguration is above your limit\b|LimitExceeded|"
        r"\bTooMany(?:LoadBalancers|TargetGroups|Rules)|quota|\bmaximum number of [^.]*\b(?:reached|exceeded)\b",
    ),
    message_rule(
        "capacity_unavailable",
        r"\bcapacity is unavailable\b|\bunable to place a task\b|(?-i:\bRESOURCE:[A-Z])|\bno (?:Fargate )?capacity\b|"
        r"\binsufficient (?:instance )?capacity\b",
    ),
    message_rule("subnet_full", r"InsufficientFreeAddresses|not enough free (?:IP )?addresses|free ip addresses"),
    message_rule("cluster_missing", r"\bClusterNotFoundException\b|\bCluster not found\b"),
    message_rule("security_group_missing", r"Invalid(?:SecurityGroupID|Group)\.NotFound"),
    message_rule("subnet_missing", r"InvalidSubnetID\.NotFound"),
    message_rule(
        "network_interface_failed",
        r"\bconfigure ENI\b|\bEC2 error while attempting to create network interface\b|"
        r"\bnetwork interface (?:provisioning\b|[^.:]*\b(?:failed|timeout)\b)",
    ),
    message_rule(
        "subnets_unfit",
        r"two subnets in (?:at least )?two|at least two (?:subnets|availability zones)|no default VPC|"
        r"\bdefault VPC [^.:]*\b(?:not|no)\b",
    ),
    message_rule(
        "role_not_assumable",
        r"unable to assume (?:the )?(?:service.linked )?role(?: '?(?P<name>arn:[^\s']+)'?)?|"
        r"role (?P<other>arn:\S+) (?:is invalid or )?cannot be assumed",
    ),
    message_rule("permission_denied", rf"{_DENIED}(?P<action>[\w-]+:\w+)"),
    message_rule(
        "permission_denied",
        r"AccessDenied\w*|UnauthorizedOperation",
        cause="A role lacks a permission that the deployment needs.",
        remedy="Grant what AWS names in the evidence to the role that it names.",
    ),
    message_rule("resource_exists", r"(?:(?<![\w:/.-])(?P<name>[\w:/.-]+) )?\balready exists\b"),
)

_WORDED: dict[tuple[str, str], str] = {("secret_not_found", "name"): ": {}"}


def finding_of_message(statement: Statement) -> Finding | None:
    """The finding for a text of AWS, or None where no row of the table matches."""
    text = statement.text[:LONGEST_MESSAGE]
    in_own_words = mask_user_identifiers(text)
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
