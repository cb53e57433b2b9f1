"""Puts the Express Mode extension into ministack: every hook of the sandbox is set from here."""

from collections.abc import Callable, Collection

from expressway.core.sandbox_key import SandboxKey
from expressway_sandbox import emulator
from expressway_sandbox.access import gate
from expressway_sandbox.access.switches import Switches
from expressway_sandbox.cloudformation import (
    change_values,
    drift,
    events,
    express_type,
    resource_types,
)
from expressway_sandbox.ecr import lifecycle_policies, registry, tokens
from expressway_sandbox.ecs import endings, runtime
from expressway_sandbox.ecs.scaling import SCALING
from expressway_sandbox.elb import domains, health, ingress, network_defaults
from expressway_sandbox.emulator import symbols
from expressway_sandbox.emulator.asgi import Application
from expressway_sandbox.express import ecs_operations
from expressway_sandbox.express.deployment import Supervisor
from expressway_sandbox.services.store import STORE


def compose(*, port: int, key: SandboxKey, services: Collection[str] = ()) -> Application:
    """Hook everything in and return the ASGI application to serve.

    Args:
        port: where it will be served, on 127.0.0.1.
        key: signs the requests that it accepts.
        services: the emulated services that are on besides those that Expressway and the CDK use.

    Raises:
        SandboxError: when ministack is not the one this was written for; ``unknown_service``.
    """
    symbols.check()
    switches = Switches(services)
    ecs_operations.hook()
    runtime.hook()
    endings.hook()
    _hook_scaling()
    _hook_cloudformation()
    emulator.wrap("app", _reset_all_state=_reset, _stop_docker_containers=_stop_own_containers)
    # An image that its own registry does not have must fail, not come from a mirror somewhere else.
    emulator.module("core.responses").install_docker_hub_fallback = lambda: None
    registry.hook()
    tokens.hook()
    lifecycle_policies.hook()
    Supervisor().start()
    health.hook()
    network_defaults.hook()
    switches.hook()
    domains.hook()
    return ingress.with_ingress(gate.Gate(emulator.module("app").app, port, key, switches).serve)


def _hook_scaling() -> None:
    # First in the table: "autoscaling." also matches the host of this service.
    patterns = emulator.module("core.router").SERVICE_PATTERNS
    others = dict(patterns)
    patterns.clear()
    patterns["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService"],
        "host_patterns": [r"application-autoscaling\."],
        "credential_scope": "application-autoscaling",
    }
    patterns.update(others)
    emulator.module("app").SERVICE_HANDLERS["application-autoscaling"] = SCALING.handle


def _hook_cloudformation() -> None:
    express_type.hook()
    resource_types.hook()
    readers = emulator.module("services.cloudformation.drift")._DRIFT_READERS
    readers.update(drift.readers(readers))
    actions = emulator.module("services.cloudformation")._ACTION_HANDLERS
    emulator.wrap_entries(actions, CreateChangeSet=drift.create_change_set, ExecuteChangeSet=drift.execute_change_set)
    emulator.wrap_entries(
        actions,
        CreateChangeSet=change_values.create_change_set,
        DescribeChangeSet=change_values.describe_change_set,
        DescribeStackResources=events.describe_stack_resources,
        DescribeEvents=events.describe_events,
    )


def _reset(original: Callable[[], None]) -> None:
    STORE.clear()
    SCALING.reset()
    original()


def _stop_own_containers(original: Callable[[bool], None], _include_unlabelled: bool = False) -> None:
    """Containers without an owner's label are not this sandbox's to remove."""
    original(False)
