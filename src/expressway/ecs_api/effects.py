"""Which operations of the ECS and ECR APIs read, which change, and which open a door; what each of them needs.

Both APIs speak JSON over POST, so HTTP says nothing of it: the operation's verb does, and `EXCEPTIONS` where the
verb misleads. What is known by neither changes something, so that an operation of tomorrow needs ALLOW_WRITE.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expressway.aws.values.api import letters_of, split_name
from expressway.privacy.gates import SENSITIVE_VARIABLE, WRITE_VARIABLE, Decision, Gates

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
        verb = max((one for one in _KNOWN_VERBS | READ_VERBS if key.startswith(one.lower())), key=len, default="")
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
