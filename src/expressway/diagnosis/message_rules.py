"""AWS's own words for what went wrong, and what they mean: a table, the more exact rows first.

The texts are those of the ECS developer guide ("Stopped tasks error messages", "CannotPullContainer task
errors", "Service event messages"), of containerd and Docker, and of CloudFormation's resource handlers.
"""

import re

from expressway.diagnosis.facts import Statement
from expressway.diagnosis.foreign_names import LONGEST_MESSAGE, names_hidden
from expressway.diagnosis.message_rule import MessageRule
from expressway.diagnosis.message_rule import message_rule as _rule
from expressway.diagnosis.start_messages import START_MESSAGES
from expressway.faces import command
from expressway.model.cause import Cause
from expressway.model.quotation import quoted
from expressway.model.shortened_text import shortened

_EVIDENCE_LIMIT = 400
_FIRST_REF = r"(?:.*?(?<![\w./:-])(?!i/o|net/http)(?P<image>[\w.-]+(?::\w+)?/[\w./-]+(?::[\w.-]+)?(?:@\w+:\w+)?))?"
_DENIED = r"not authorized to perform:? "
_NETWORK_REMEDY = (
    "Give the tasks a way out: public subnets with a public IP, a NAT gateway, or VPC endpoints "
    "for ECR, S3, Secrets Manager and CloudWatch Logs."
)

MESSAGE_RULES: tuple[MessageRule, ...] = (
    *START_MESSAGES,
    _rule(
        "image_pull_denied",
        rf"{_DENIED}(?P<action>ecr:\w+)",
        "The execution role may not pull the image: {action} is denied.",
        "Attach service-role/AmazonECSTaskExecutionRolePolicy to the execution role, and allow it in the "
        "repository's policy when the image is in another account.",
    ),
    _rule(
        "repository_not_found",
        r"repository with name '(?P<name>[\w./-]+)' does not exist|RepositoryNotFoundException|"
        r"(?:^|: )name unknown\b",
        "The image's repository {name} does not exist in its registry.",
        "Correct the repository in the image URI, its account and its region, or create it.",
    ),
    _rule(
        "registry_rate_limited",
        r"\btoomanyrequests(?=:|$)|\bpull rate limit",
        "The registry refuses the image because its pull rate limit is reached.",
        "Copy the image into your own ECR repository, or pull it through an ECR cache.",
        permanent=False,
    ),
    _rule(
        "image_not_found",
        r"^(?=.*(?:(?:\bCannotPull\w*:|\bresolve ref(?:erence)? ).*: not found\b|\bmanifest for \S+ not found\b|"
        r"\b(?:repository|image) \S*/\S* not found\b|\bmanifest unknown\b|\brequested image not found\b|"
        rf"\bno such image\b)){_FIRST_REF}",
        "The image {image} does not exist in its registry.",
        "Push it, or correct its tag or digest.",
    ),
    _rule(
        "image_pull_denied",
        r"(?<![\w-])(?P<name>[\w-]+-starport-layer-bucket)\.s3\S*?amazonaws\S*: (?:403|Forbidden|AccessDenied)",
        "The tasks may not fetch the image's layers from ECR's bucket {name} in S3.",
        "Let the policy of the S3 endpoint in the tasks' network allow s3:GetObject on that bucket "
        "(arn:aws:s3:::prod-<region>-starport-layer-bucket/*).",
        reads_names=True,
    ),
    _rule(
        "image_pull_denied",
        r"^(?=.*(?:\bCannotPull\w*:.*\b(?:access denied\b|403 Forbidden\b|denied:|unauthorized\b|no basic auth\b)|"
        rf"\bpull access denied\b|\b(?:resolve ref|pulling from host) .*\b403 Forbidden\b)){_FIRST_REF}",
        "The registry denies access to the image {image}.",
        "Let the execution role pull it (ECR policy or repository policy), or give credentials for the registry.",
    ),
    _rule(
        "log_group_missing",
        r"log group (?:(?P<name>/?[\w./#-]+) )?does not exist|log ?group [^:]*: ?ResourceNotFoundException",
        "The log group that the container logs to does not exist.",
        f"Make it again; of an app of Expressway, {command('deploy')} sees that it is gone and restores it.",
    ),
    _rule(
        "log_denied",
        rf"{_DENIED}(?P<action>logs:\w+)",
        "The execution role may not write the container's log: {action} is denied.",
        "Attach service-role/AmazonECSTaskExecutionRolePolicy to the execution role.",
    ),
    _rule(
        "kms_denied",
        rf"{_DENIED}kms:\w+|access to kms is not allowed|ciphertext refers to a customer master key",
        "The execution role may not decrypt a secret: its KMS key does not allow it.",
        "Allow kms:Decrypt on the secret's own key in the execution role's policies, or the role in the key's policy.",
    ),
    _rule(
        "secret_denied",
        rf"{_DENIED}(?P<action>(?:secretsmanager|ssm):\w+)(?: on resource:? (?P<name>[\w:/.+=@-]+[\w]))?",
        "The execution role may not read the secret {name}: {action} is denied.",
        "Grant the execution role that action on exactly this secret (and kms:Decrypt on its own key).",
    ),
    _rule(
        "secret_key_missing",
        r"did not contain (?:a )?json key (?P<name>[\w.-]+)",
        "The secret has no JSON key {name}.",
        "Add the key to the secret, or correct it in the secret's ARN.",
    ),
    _rule(
        "secret_deleted",
        r"secret because it was marked for deletion",
        "A secret that the definition names is marked for deletion, and cannot be read any more.",
        "Restore it (secretsmanager:RestoreSecret), or name another secret.",
    ),
    _rule(
        "secret_not_found",
        r"can.t retrieve the secret with ARN '(?P<name>[^']+)'",
        "A secret that the definition names does not exist{name}.",
        "Create it, or correct its ARN in the definition (names differ between regions and accounts).",
    ),
    _rule(
        "secret_not_found",
        r"can.t find the specified secret(?: value)?|"
        r"(?:\binvalid ssm parameters?|\bfrom ssm: [^\n]*\binvalid parameters?):? (?P<name>[\w:/.-]+)|"
        r"\bParameterNotFound\b|\b(?:secret|parameter) (?P<other>[\w:/.-]+) (?:was )?not found",
        "A secret or parameter that the definition names does not exist{name}.",
        "Create it, or correct its ARN in the definition (names differ between regions and accounts).",
    ),
    _rule(
        "registry_unreachable",
        r"\b(?:CannotPull|unable to pull|ResourceInitialization|registry|logging driver|i/o timeout).*?"
        r"(?:i/o timeout|dial tcp|deadline exceeded|Client\.Timeout|no such host|connection refused|"
        r"There is a connection issue)",
        "The tasks cannot reach the registry or an AWS endpoint over the network.",
        _NETWORK_REMEDY,
    ),
    _rule(
        "secret_unavailable",
        r"unable to retrieve secrets?\b",
        "A secret or parameter that the definition names could not be fetched.",
        "Check that it exists in this account and region, and that the execution role may read and decrypt it.",
        certain=False,
    ),
    _rule(
        "image_too_large",
        r"no space left on device",
        "The image does not fit on the task's disk.",
        "Make the image smaller (Fargate gives 20 GiB), or use a task definition with more ephemeral storage.",
    ),
    _rule(
        "out_of_memory",
        r"\bOutOfMemory(?:Error)?\b|\bkilled due to memory usage",
        "The container used more memory than it has and was killed.",
        "Raise memory_mib in the definition, or make the application use less.",
    ),
    _rule(
        "quota_exceeded",
        r"\blimit on the number of (?:vCPUs|tasks)\b|\bconfiguration is above your limit\b|LimitExceeded|"
        r"\bTooMany(?:LoadBalancers|TargetGroups|Rules)|quota|\bmaximum number of [^.]*\b(?:reached|exceeded)\b",
        "A service quota of the account is used up.",
        "Ask for a higher quota in the Service Quotas console, or delete what is no longer needed.",
    ),
    _rule(
        "capacity_unavailable",
        r"\bcapacity is unavailable\b|\bunable to place a task\b|(?-i:\bRESOURCE:[A-Z])|\bno (?:Fargate )?capacity\b|"
        r"\binsufficient (?:instance )?capacity\b",
        "AWS has no capacity for the tasks at the moment.",
        "Wait a few minutes and repeat the deployment, or use subnets in further zones.",
        permanent=False,
    ),
    _rule(
        "subnet_full",
        r"InsufficientFreeAddresses|not enough free (?:IP )?addresses|free ip addresses",
        "A subnet has no free IP addresses for the tasks.",
        "Use larger subnets, or name further ones in the definition.",
    ),
    _rule(
        "cluster_missing",
        r"\bClusterNotFoundException\b|\bCluster not found\b",
        "The cluster that the service names does not exist.",
        "Make it, or correct it in the definition; Express Mode makes none but the cluster default.",
    ),
    _rule(
        "security_group_missing",
        r"Invalid(?:SecurityGroupID|Group)\.NotFound",
        "A security group that the service names does not exist.",
        "Name one that exists in the tasks' network, or make it again.",
    ),
    _rule(
        "subnet_missing",
        r"InvalidSubnetID\.NotFound",
        "A subnet that the service names does not exist.",
        "Name subnets that exist (network.subnets).",
    ),
    _rule(
        "network_interface_failed",
        r"\bconfigure ENI\b|\bEC2 error while attempting to create network interface\b|"
        r"\bnetwork interface (?:provisioning\b|[^.:]*\b(?:failed|timeout)\b)",
        "The task's network interface could not be made.",
        "Check that the subnets and security groups of the definition still exist.",
        permanent=False,
    ),
    _rule(
        "subnets_unfit",
        r"two subnets in (?:at least )?two|at least two (?:subnets|availability zones)|no default VPC|"
        r"\bdefault VPC [^.:]*\b(?:not|no)\b",
        "The service needs at least two subnets in two availability zones, and they are not there.",
        "Name two subnets in different zones in the definition (network.subnets), or make a default VPC.",
    ),
    _rule(
        "role_not_assumable",
        r"unable to assume (?:the )?(?:service.linked )?role(?: '?(?P<name>arn:[^\s']+)'?)?|"
        r"role (?P<other>arn:\S+) (?:is invalid or )?cannot be assumed",
        "ECS cannot assume the role {name}.",
        "Let the role trust ecs.amazonaws.com (infrastructure) or ecs-tasks.amazonaws.com (execution).",
    ),
    _rule(
        "permission_denied",
        rf"{_DENIED}(?P<action>[\w-]+:\w+)",
        "A role lacks a permission that the deployment needs: {action}.",
        "Grant it: the infrastructure role needs service-role/AmazonECSInfrastructureRoleforExpressGatewayServices "
        "together with ec2:DescribeAccountAttributes and ec2:DescribeInternetGateways.",
    ),
    _rule(
        "permission_denied",
        r"AccessDenied\w*|UnauthorizedOperation",
        "A role lacks a permission that the deployment needs.",
        "Grant what AWS names in the evidence to the role that it names.",
    ),
    _rule(
        "resource_exists",
        r"(?:(?<![\w:/.-])(?P<name>[\w:/.-]+) )?\balready exists\b",
        "A resource of that name exists already and does not belong to this stack.",
        "Delete the resource or choose another app name; expressway never takes over what it did not make.",
    ),
)

_WORDED: dict[tuple[str, str], str] = {
    ("secret_not_found", "name"): ": {}",
}


_QUOTED = frozenset(
    {
        *("secret_denied", "secret_key_missing", "secret_not_found"),
        *("command_not_found", "user_not_found", "working_directory_unusable"),
    }
)
"""Here a name is what somebody wrote into a Dockerfile, a command or a secret's reference, unless it is an ARN."""


def cause_of_message(statement: Statement) -> Cause | None:
    """The cause that a text of AWS's names, or None when no row of the table knows it."""
    text = statement.text[:LONGEST_MESSAGE]
    in_own_words = names_hidden(text)
    for rule in MESSAGE_RULES:
        match = rule.pattern.search(text if rule.reads_names else in_own_words)
        if match:
            return Cause(
                code=rule.code,
                sentence=_fill(rule, match, text),
                evidence=(evidence_line(statement.text),),
                remedy=rule.remedy,
                resource=statement.resource,
                permanent=rule.permanent,
                certain=rule.certain,
            )
    return None


def _fill(rule: MessageRule, match: re.Match[str], text: str) -> str:
    """The rule's sentence; the names in it come from the text itself, where the match found them."""
    found = {key: text[slice(*match.span(key))] for key, value in match.groupdict().items() if value}
    words: dict[str, str] = {}
    for key in ("image", "name", "action", "kind"):
        value = found.get(key) or (found.get("other") if key == "name" else None) or ""
        shown = quoted(value) if rule.code in _QUOTED and key == "name" and not value.startswith("arn:") else value
        words[key] = _WORDED.get((rule.code, key), "{}").format(shown) if value else ""
    return " ".join(rule.sentence.format(**words).replace(" :", ":").replace(" .", ".").split())


def evidence_line(text: str) -> str:
    """AWS's text on one line, without request tokens, cut to 400 characters."""
    one_line = " ".join(text[: 2 * LONGEST_MESSAGE].split())
    cleaned = re.sub(r" ?\((?:RequestToken|Service: |SDK Attempt)[^()]*\)", "", one_line)
    return shortened(cleaned, _EVIDENCE_LIMIT)
