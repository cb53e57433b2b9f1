"""Puts the Express Mode extension into ministack: every hook of the sandbox is set here and nowhere else."""

from collections.abc import Collection
from typing import Any

from expressway.core.sandbox_key import SandboxKey
from expressway_sandbox import emulator
from expressway_sandbox.cloudformation import change_values, drift_aware, name_clashes, resource_types
from expressway_sandbox.cloudformation import drift as drift_readers
from expressway_sandbox.cloudformation import engine as stack_engine
from expressway_sandbox.cloudformation import events as stack_events
from expressway_sandbox.cloudformation import express_type as cloudformation_express
from expressway_sandbox.cloudformation import imports as repository_import
from expressway_sandbox.cloudformation import resources as stack_resources
from expressway_sandbox.ecr import access as registry_access
from expressway_sandbox.ecr import lifecycle_policies, registry
from expressway_sandbox.ecs import endings as task_endings
from expressway_sandbox.ecs import operations as ecs_operations
from expressway_sandbox.ecs import output as task_output
from expressway_sandbox.ecs import runtime as task_runtime
from expressway_sandbox.ecs import secrets as task_secrets
from expressway_sandbox.ecs.scaling import SCALING
from expressway_sandbox.elb import domains, ingress, network_defaults, target_health
from expressway_sandbox.emulator import gate, symbols
from expressway_sandbox.emulator.asgi import Application
from expressway_sandbox.emulator.service_switches import Switches
from expressway_sandbox.express.store import STORE
from expressway_sandbox.express.supervisor import Supervisor


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
    _hook_ecs()
    _hook_scaling()
    _hook_cloudformation()
    _hook_reset()
    # An image that its own registry does not have must fail, not come from a mirror somewhere else.
    emulator.module("core.responses").install_docker_hub_fallback = _nothing
    registry.hook()
    registry_access.hook()
    lifecycle_policies.hook()
    Supervisor().start()
    alb = emulator.module("services.alb")
    alb._ACTION_MAP["DescribeTargetHealth"] = target_health.describe(alb._ACTION_MAP["DescribeTargetHealth"])
    alb._tg_xml = target_health.escaping_paths(alb._tg_xml)
    network_defaults.hook()
    switches.hook()
    domains.hook()
    return ingress.with_ingress(gate.Gate(emulator.module("app").app, port, key, switches).serve)


def _hook_ecs() -> None:
    ecs = emulator.module("services.ecs")
    ecs._ACTION_MAP.update(ecs_operations.operations(dict(ecs._ACTION_MAP)))
    ecs._run_docker_container = task_runtime.run_container(ecs._run_docker_container)
    ecs._resolve_container_secrets = task_secrets.container_secrets
    ecs._remove_docker_container = task_runtime.remove_container
    ecs._forward_awslogs = task_output.forward(ecs._forward_awslogs)
    ecs._mark_task_stopped = task_endings.mark_stopped(ecs._mark_task_stopped)
    # It would ask AWS's own registries for digests; images come from the sandbox's registry here.
    ecs._deployment_needs_first_task = _never
    ecs._cleanup_task_resources = task_runtime.clean_up_task(ecs._cleanup_task_resources)


def _nothing() -> None:
    return None


def _never(*_arguments: Any) -> bool:
    return False


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
    provisioners = emulator.module("services.cloudformation.provisioners")
    provisioners._RESOURCE_HANDLERS[cloudformation_express.TYPE] = cloudformation_express.handlers()
    replacing: Any = provisioners._REPLACING_PROPERTIES
    replacing[cloudformation_express.TYPE] = cloudformation_express.CREATE_ONLY
    provisioners._STACK_TAG_PROPERTY[cloudformation_express.TYPE] = ("Tags", "list")
    replacing.setdefault("AWS::Logs::LogGroup", ("LogGroupName",))
    replacing.setdefault("AWS::IAM::Policy", ())
    resource_types.hook()
    name_clashes.guard(provisioners._RESOURCE_HANDLERS)
    repository_import.hook()
    drift = emulator.module("services.cloudformation.drift")
    drift._DRIFT_READERS.update(drift_readers.readers(drift._DRIFT_READERS))
    stack_engine.hook()
    actions = emulator.module("services.cloudformation")._ACTION_HANDLERS
    drift_aware_sets = drift_aware.create_change_set(actions["CreateChangeSet"])
    actions["CreateChangeSet"] = change_values.create_change_set(drift_aware_sets)
    actions["ExecuteChangeSet"] = drift_aware.execute_change_set(actions["ExecuteChangeSet"])
    actions["DescribeChangeSet"] = change_values.describe_change_set(actions["DescribeChangeSet"])
    actions["DescribeStackResources"] = stack_resources.describe_stack_resources(actions["DescribeStackResources"])
    actions["DescribeEvents"] = stack_events.describe_events(actions["DescribeEvents"])


def _hook_reset() -> None:
    app = emulator.module("app")
    reset_emulator = app._reset_all_state

    def reset() -> None:
        STORE.clear()
        SCALING.reset()
        reset_emulator()

    app._reset_all_state = reset
    remove_containers = app._stop_docker_containers

    def remove_own_containers(_include_unlabelled: bool = False) -> None:
        """Containers without an owner's label are not this sandbox's to remove."""
        remove_containers(False)

    app._stop_docker_containers = remove_own_containers
