"""The seven troubleshooting actions: names, parameters, sensitivity, and the function that runs each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expressway.core.text import near_names
from expressway.errors import UsageError
from expressway.privacy.untrusted import named

if TYPE_CHECKING:  # the module of an action is loaded when it runs
    from expressway.diagnose.ports import TroubleshootPorts
    from expressway.diagnose.request import TroubleshootRequest

GUIDANCE = "get_ecs_troubleshooting_guidance"
_IMAGES_OF = (
    ("ecs_cluster_name", "ecs_service_name"),
    ("ecs_cluster_name", "ecs_task_id"),
    ("cfn_stack_name",),
    ("family_prefix",),
)
_WINDOW = ("time_window", "start_time", "end_time")

Run = Callable[["TroubleshootRequest", "TroubleshootPorts"], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Action:
    """One action: the parameters it takes, and whether it shows what applications wrote.

    `either` are groups of parameters of which one must be given whole.
    """

    name: str
    run: Run
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    sensitive: bool = False


def _guidance(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.guidance.guidance import get_ecs_troubleshooting_guidance

    return get_ecs_troubleshooting_guidance(request, ports)


def _network(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.network.action import fetch_network_configuration

    return fetch_network_configuration(request.cluster, request.vpc_id or None, ports=ports.network(), now=ports.now())


def _events(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.service.events import fetch_service_events

    return fetch_service_events(request, ports)


def _failures(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.tasks.failures import fetch_task_failures

    return fetch_task_failures(request, ports)


def _logs(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.logs.action import fetch_task_logs

    return fetch_task_logs(request, ports)


def _stack(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.stack.action import fetch_cloudformation_status

    return fetch_cloudformation_status(request.stack_name, stacks=ports.stacks(), target=ports.target)


def _pulls(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    from expressway.diagnose.image.action import detect_image_pull_failures

    return detect_image_pull_failures(request, ports)


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(GUIDANCE, _guidance, ("ecs_cluster_name",), ("ecs_service_name", "symptoms_description")),
        Action("fetch_cloudformation_status", _stack, ("cfn_stack_name",)),
        Action("fetch_service_events", _events, ("ecs_cluster_name", "ecs_service_name"), _WINDOW, sensitive=True),
        Action("fetch_task_failures", _failures, ("ecs_cluster_name",), _WINDOW, sensitive=True),
        Action(
            "fetch_task_logs", _logs, ("ecs_cluster_name",), ("ecs_task_id", *_WINDOW, "filter_pattern"), sensitive=True
        ),
        Action(
            "detect_image_pull_failures",
            _pulls,
            optional=("ecs_cluster_name", "ecs_service_name", "ecs_task_id", "cfn_stack_name", "family_prefix"),
            either=_IMAGES_OF,
        ),
        Action("fetch_network_configuration", _network, ("ecs_cluster_name",), ("vpc_id",), sensitive=True),
    )
}


@dataclass(frozen=True, slots=True)
class Troubleshooting:
    """The complete result of an action; `detail` is how much of it was asked for."""

    action: str
    whole: Mapping[str, Any]
    detail: str = "summary"

    def to_dict(self, summary_bytes: int | None = None) -> Mapping[str, Any]:
        """As much as was asked for: by default what fits 4 kB, with the number of omitted elements.

        Args:
            summary_bytes: a smaller limit, for a face that adds to the answer.
        """
        from expressway.diagnose.answer import FULL_BYTES, SUMMARY_BYTES, summarised

        return summarised(self.whole, FULL_BYTES if self.detail == "full" else summary_bytes or SUMMARY_BYTES)


def action_of(name: str) -> Action:
    """The action of that name.

    Raises:
        UsageError: ``unknown_action``, with the nearest names.
    """
    found = ACTIONS.get(name)
    if found is not None:
        return found
    near = near_names(name, ACTIONS, 2, cutoff=0.4)
    raise UsageError(
        "unknown_action",
        f"Expected action to be one of {', '.join(ACTIONS)}; got {named(name)}.",
        f"Did you mean {' or '.join(near)}?" if near else f"Begin with {GUIDANCE}.",
        {"action": named(name), "suggestions": near},
    )


def troubleshoot(action: str, parameters: Mapping[str, Any], ports: TroubleshootPorts) -> Troubleshooting:
    """Run an action; an ARN of another account, Region or cluster among its parameters is rejected with a finding.

    Raises:
        UsageError: ``unknown_action``, ``invalid_arguments`` (every problem at once).
        TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
    """
    from expressway.diagnose.request import read_parameters

    wanted = action_of(action)
    request = read_parameters(
        wanted.name,
        parameters,
        required=wanted.required,
        optional=wanted.optional,
        either=wanted.either,
        now=ports.now(),
    )
    if request.named_places:
        from expressway.diagnose.not_found import wrong_place, wrong_place_answer

        if elsewhere := wrong_place(request, ports.target):
            return Troubleshooting(wanted.name, wrong_place_answer(elsewhere), request.detail)
    return Troubleshooting(wanted.name, wanted.run(request, ports), request.detail)
