"""Which calls the audit log remembers, and what of them: who looks later learns what was done, and no secret."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from expressway.core.text import shortened
from expressway.ecs_api.operations import effect_of, named_operation, verb_of
from expressway.privacy.untrusted import cleaned

AUDIT_VARIABLE = "EXPRESSWAY_AUDIT"
_OFF = frozenset({"off", "false", "0", "no"})
_REFUSALS = frozenset(
    {
        *("write_not_allowed", "sensitive_data_not_allowed", "profile_not_allowed", "region_not_allowed"),
        *("owned_by_stack", "stack_foreign", "stack_changed", "stack_protected", "plan_changed", "used_by_app"),
        *("replacement_refused", "replacement_impossible", "name_taken", "operation_not_offered", "unknown_operation"),
    }
)
_LONGEST_VALUE = 200
_MOST_TOUCHED = 20

NAMED_ARGUMENTS = frozenset(
    {
        *("app_name", "app_path", "service_arn", "cluster", "service_name", "tag", "image_uri", "approved_plan"),
        *("adopt", "allow_replacement", "continue_rollback", "profile", "region", "action", "api_operation"),
        *("ecs_cluster_name", "ecs_service_name", "ecs_task_id", "cfn_stack_name", "family_prefix", "vpc_id"),
    }
)
"""Arguments that name things; of all others (definitions, parameters of an API, patterns) only a digest is kept."""
_NESTED = ("parameters",)


@dataclass(frozen=True, slots=True)
class AuditedCall:
    """A call of a tool.

    Attributes:
        writes: the tool changes something, unless `api_operation` among the arguments tells better.
        local: it changes this machine only.
        is_allowed: the operator opened the gate for changes.
    """

    tool: str
    arguments: Mapping[str, Any]
    writes: bool
    local: bool = False
    is_allowed: bool = True

    @property
    def may_change(self) -> bool:
        """Whether this very call changes something unless it is refused for a reason of its own."""
        return self.changes and self.is_allowed

    @property
    def changes(self) -> bool:
        """Whether this very call changes AWS, or would have."""
        operation = self._operation
        return effect_of(*operation).writes if operation else self.writes

    @property
    def describes(self) -> bool:
        """Whether this call asks an API for more than names, so that its answer may hold values of environments."""
        operation = self._operation
        return operation is not None and not self.changes and verb_of(operation[1]) != "List"

    @property
    def _operation(self) -> tuple[str, str] | None:
        operation = self.arguments.get("api_operation")
        return named_operation(operation) if isinstance(operation, str) else None


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended: ``ok``, ``running``, ``cancelled`` or an error's code; `is_open`: the gate for sensitive data
    was, and `marked`: the answer has text of others."""

    code: str
    is_open: bool = False
    marked: bool = False
    operation_id: str = ""
    target: str = ""
    touches: Sequence[str] = ()

    @property
    def is_final(self) -> bool:
        """Whether nothing of the call goes on after this."""
        return self.code not in {"running", "cancelled"}


@dataclass(frozen=True, slots=True)
class Where:
    """Where a call acts: the target in words and its parts, as far as they are known."""

    target: str = ""
    account_id: str = ""
    region: str = ""
    profile: str = ""
    caller_arn: str = ""


def is_audited(variables: Mapping[str, str]) -> bool:
    """Whether the operator wants an audit log: yes, unless EXPRESSWAY_AUDIT says ``off``."""
    return variables.get(AUDIT_VARIABLE, "").strip().lower() not in _OFF


def intent_record(call_id: str, call: AuditedCall, where: Where, who: Mapping[str, str]) -> dict[str, Any]:
    """What is written before the first change of a call."""
    return _present(
        {"event": "intent", **_identity(call_id, call, where, who), "effect": ["change"], **_arguments(call)}
    )


def outcome_record(
    call_id: str, call: AuditedCall, outcome: CallOutcome, *, where: Where, who: Mapping[str, str]
) -> dict[str, Any] | None:
    """What is remembered of a call; None for one that changed nothing, was refused nothing and disclosed nothing."""
    refused = outcome.code in _REFUSALS
    effects: list[Literal["change", "disclosure"]] = []
    if call.changes:
        effects.append("change")
    if outcome.is_open and (outcome.marked or (call.describes and outcome.code == "ok")):
        effects.append("disclosure")
    if not effects and not refused:
        return None
    return _present(
        {
            "event": "outcome",
            **_identity(call_id, call, where, who),
            **({"target": outcome.target} if outcome.target else {}),
            "effect": effects,
            "decision": "refused" if refused else "allowed",
            "outcome": outcome.code,
            "operation_id": outcome.operation_id,
            **_arguments(call),
            "touches": [shortened(str(one), _LONGEST_VALUE) for one in outcome.touches[:_MOST_TOUCHED]],
        }
    )


def end_record(
    call_id: str, call: AuditedCall, outcome: CallOutcome, *, where: Where, who: Mapping[str, str]
) -> dict[str, Any]:
    """How work ended that went on after its call was answered or given up."""
    ended = {"outcome": outcome.code, "operation_id": outcome.operation_id}
    return _present({"event": "end", **_identity(call_id, call, where, who), **ended})


def _identity(call_id: str, call: AuditedCall, where: Where, who: Mapping[str, str]) -> dict[str, Any]:
    said = {name: shortened(cleaned(text), _LONGEST_VALUE) for name, text in who.items()}
    place = {item.name: getattr(where, item.name) for item in fields(where)}
    return {"call_id": call_id, "tool": shortened(cleaned(call.tool), _LONGEST_VALUE), **place, "who": _present(said)}


def _arguments(call: AuditedCall) -> dict[str, Any]:
    return {"arguments": _named(call.arguments), "arguments_digest": _digest(call.arguments)}


def _present(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value}


def _named(arguments: Mapping[str, Any]) -> dict[str, Any]:
    nested = [arguments[name] for name in _NESTED if isinstance(arguments.get(name), Mapping)]
    found: dict[str, Any] = {}
    for given in (arguments, *nested):
        for name in NAMED_ARGUMENTS & given.keys():
            value = given[name]
            if isinstance(value, bool | int):
                found[name] = value
            elif isinstance(value, str):
                found[name] = shortened(value, _LONGEST_VALUE)
    return dict(sorted(found.items()))


def _digest(arguments: Mapping[str, Any]) -> str:
    """Tells whether two calls asked for the same; too short to try out what a secret among the arguments was."""
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]
