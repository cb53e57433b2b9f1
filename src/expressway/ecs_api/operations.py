"""The operations of AWS's APIs that can be called by name, as plain values, and which one a name means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.core.text import near_names
from expressway.errors import UsageError
from expressway.privacy.gates import SENSITIVE_VARIABLE, WRITE_VARIABLE, Decision, Gates
from expressway.privacy.untrusted import named

DEFAULT_LIMIT = 100
"""Items of a list, where nobody says how many."""
LARGEST_LIMIT = 1000
ANSWER_BYTES = 7_900
"""Two thousand tokens or so: what an answer may cost; under 8 kB with the notes that a face adds."""


DEFAULT_PAGE = 100
"""What ECS gives in a page at most, where its API reference says nothing else."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How an operation's answer comes in pages.

    Attributes:
        lists: paths of the lists that each page adds to, such as ``("serviceArns",)``.
        largest_page: the most items that AWS gives at once.
    """

    lists: tuple[tuple[str, ...], ...]
    largest_page: int = DEFAULT_PAGE


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation. `service` as boto3 names it; `paging` is None where the answer comes in one piece.

    `served_from` names the operation that answers in its place, where AWS documents a name that its API lacks.
    """

    service: str
    name: str
    paging: Paging | None = None
    served_from: str = ""

    @property
    def method(self) -> str:
        """The name of boto3's method: ``DescribeServices`` → ``describe_services``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.name).lower()


def find_operation(asked: str, parameters: Mapping[str, Any], operations: Sequence[ApiOperation]) -> ApiOperation:
    """The operation that is meant, however it is written: ``DescribeServices``, ``describe_services``, ``ecs:…``.

    A name that ECS and ECR share means the service of the ARN among the parameters, and ECS where there is none.

    Raises:
        UsageError: ``unknown_operation``, with the nearest names.
    """
    prefix, name = split_name(asked)
    key = letters_of(name)
    named = [operation for operation in operations if letters_of(operation.name) == key]
    if prefix:
        named = [operation for operation in named if operation.service == prefix]
    if not named:
        raise _unknown(asked, name, operations)
    own = _service_of_arn(parameters)
    return next((operation for operation in named if operation.service == own), named[0])


def split_name(asked: str) -> tuple[str, str]:
    """The service (empty where none is named) and the operation: ``ecr:DescribeImages``, ``ecs.list_tasks``."""
    service, _, name = asked.strip().replace(".", ":").rpartition(":")
    return service.lower(), name


def _unknown(asked: str, name: str, operations: Sequence[ApiOperation]) -> UsageError:
    by_key = {letters_of(operation.name): operation.name for operation in reversed(operations)}
    near = [by_key[key] for key in near_names(letters_of(name), by_key, 4, cutoff=0.7)]
    hint = f"Did you mean {' or '.join(near)}?" if near else "Names are those of the ECS API, such as DescribeServices."
    details = {"suggestions": near} if near else {}
    return UsageError("unknown_operation", f"Neither ECS nor ECR has an operation {named(asked)}.", hint, details)


def letters_of(name: str) -> str:
    """What two spellings of a name have in common."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _service_of_arn(parameters: Mapping[str, Any]) -> str:
    for key, value in parameters.items():
        if letters_of(key) == "resourcearn" and isinstance(value, str):
            return (value.split(":") + [""] * 3)[2]
    return ""


READ_VERBS = frozenset({"Describe", "List", "Get", "BatchGet", "BatchCheck"})

REPEATABLE_VERBS = frozenset({"Delete", "Deregister", "Put", "Stop", "Tag", "Untag"})
"""Changes that leave the same behind when they are made twice."""

REPLACING_VERBS = frozenset({"Delete", "Deregister", "Put", "Tag", "Untag", "Update"})
"""Changes of something that is there, so that somebody may own it; what runs, starts, stops or is made is not."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operation does: `writes` changes AWS; `opens` says what door it opens, empty where it opens none."""

    writes: bool
    opens: str = ""

    @property
    def sensitive(self) -> bool:
        return bool(self.opens)


_READS = Effect(writes=False)
_WRITES = Effect(writes=True)
_SHELL = Effect(writes=True, opens="runs a command in a container and hands out the session's token")
_AGENT = Effect(writes=True, opens="speaks to ECS as the agent of a machine, which is given the credentials of tasks")
_LOGIN = Effect(writes=True, opens="hands out credentials that push and pull every image")
_LINK = Effect(writes=True, opens="hands out a link that downloads a layer without further credentials")

EXCEPTIONS: Mapping[tuple[str, str], Effect] = {
    ("ecs", "ExecuteCommand"): _SHELL,
    ("ecs", "DiscoverPollEndpoint"): _AGENT,
    ("ecs", "RegisterContainerInstance"): _AGENT,
    ("ecs", "SubmitAttachmentStateChanges"): _AGENT,
    ("ecs", "SubmitContainerStateChange"): _AGENT,
    ("ecs", "SubmitTaskStateChange"): _AGENT,
    ("ecr", "GetAuthorizationToken"): _LOGIN,
    ("ecr", "GetDownloadUrlForLayer"): _LINK,
}
"""Operations whose verb does not tell what they do; for each, what opens the door."""

_SUSPECT = re.compile(r"Token|Credential|Password|Secret|Session|DownloadUrl|PollEndpoint|Command(?![a-z])")
"""Words in a name that speak of a door, for operations that newer models add."""
_SUSPECTED = Effect(writes=True, opens="may open a door, as its name says,")

_VERB = re.compile(r"(?:Batch)?[A-Z][a-z]*(?=[A-Z]|$)")


def effect_of(service: str, operation: str) -> Effect:
    """What an operation does, judged without asking AWS; an unknown one changes something."""
    known = EXCEPTIONS.get((service, operation))
    if known is not None:
        return known
    if _SUSPECT.search(operation):
        return _SUSPECTED
    return _READS if verb_of(operation) in READ_VERBS else _WRITES


def named_operation(asked: str) -> tuple[str, str]:
    """Service and name of an operation however it is written (``ecs.describe_tasks``), as far as `effect_of` needs it.

    Without a service it is ECS, but for an exception that only ECR has.
    """
    service, name = split_name(asked)
    key = letters_of(name)
    for known_service, known in EXCEPTIONS:
        if letters_of(known) == key and service in {"", known_service}:
            return known_service, known
    words = re.sub(r"[^0-9A-Za-z]+", " ", name).split()
    joined = "".join(f"{word[:1].upper()}{word[1:]}" for word in words)
    if verb_of(joined) not in _KNOWN_VERBS | READ_VERBS:
        verb = max(
            (verb_known for verb_known in _KNOWN_VERBS | READ_VERBS if key.startswith(verb_known.lower())),
            key=len,
            default="",
        )
        joined = f"{verb}{joined[len(verb) :][:1].upper()}{joined[len(verb) + 1 :]}"
    return service or "ecs", joined


def is_repeatable(service: str, operation: str, parameters: Mapping[str, object]) -> bool:
    """Whether the call may be sent again by itself when no answer came: a read, or a change that AWS makes once."""
    effect = effect_of(service, operation)
    if effect.opens:
        return False
    return not effect.writes or bool(parameters.get("clientToken")) or verb_of(operation) in REPEATABLE_VERBS


def replaces(operation: str) -> bool:
    """Whether the operation changes or deletes something that is there already; an unknown verb might."""
    return verb_of(operation) in REPLACING_VERBS or verb_of(operation) not in _KNOWN_VERBS


def deletes(operation: str) -> bool:
    """Whether the operation takes something away for good."""
    return verb_of(operation) in {"Delete", "Deregister"}


def redirects(operation: str) -> bool:
    """Whether the operation ends or steers a deployment, so that a service may come to run another revision."""
    return operation.endswith("ServiceDeployment") and verb_of(operation) in {"Stop", "Continue"}


def decide_operation(name: str, effect: Effect, gates: Gates, *, touches: Sequence[str] = ()) -> Decision:
    """Whether an operation may be carried out; a refusal names what it would have touched.

    Codes of a refusal: ``write_not_allowed``, ``sensitive_data_not_allowed``.
    """
    needed = [
        (WRITE_VARIABLE, effect.writes, gates.allow_write),
        (SENSITIVE_VARIABLE, effect.sensitive, gates.allow_sensitive_data),
    ]
    missing = [variable for variable, needs, allowed in needed if needs and not allowed]
    if not missing:
        return Decision(allowed=True)
    does = effect.opens or "changes AWS"
    what = f" ({', '.join(touches)})" if touches else ""
    settings = " and ".join(f"{variable}=true" for variable in missing)
    return Decision(
        False,
        "write_not_allowed" if WRITE_VARIABLE in missing else "sensitive_data_not_allowed",
        f"{name} {does}{what}, and this server was started without {' and '.join(missing)}; nothing was changed.",
        f"A person can allow it: set {settings} in the server's environment and restart it.",
    )


def verb_of(operation: str) -> str:
    """``BatchGetImage`` → ``BatchGet``; the whole name where it does not begin like one."""
    match = _VERB.match(operation)
    return match[0] if match else operation


_KNOWN_VERBS = REPLACING_VERBS | {"Create", "Register", "Run", "Start", "Stop", "Continue", "Submit", "Execute"}
