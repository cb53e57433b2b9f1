"""What the apps own: the plain API does not change it, or reports a drift; the refusal names the tool to use instead.

CloudFormation says which stack holds a service or cluster. Task definitions that ECS registered for a service stand in
no stack, so that what the apps' services run now, and what their deployments go back to, is read from ECS. The cluster
that they run in mostly belongs to nobody; the apps' stacks say which one it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.aws.values.target import Target
from expressway.cloudformation.stack import (
    EXPRESS_TYPE,
    ServiceLocation,
    StackState,
    service_location,
    service_stack_name,
    template_resources,
)
from expressway.core.progress import ReadPool
from expressway.ecs_api.affected import CLUSTER, TASK_DEFINITION, AffectedResource, physical_ids, same_definition
from expressway.ecs_api.operations import deletes, redirects, replaces
from expressway.ecs_api.ports import Services, Stacks
from expressway.errors import RefusedError, TargetError
from expressway.hints import command

_IDENTITY = frozenset({"cluster", "service", "serviceArn", "serviceName"})
_STARTS_TASKS = "forceNewDeployment"
_SETS: Mapping[str, tuple[str, ...]] = {
    "desiredCount": ("ScalingTarget",),
    "taskDefinition": ("PrimaryContainer", "TaskDefinitionArn", "Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn"),
    "taskDefinitionArn": ("PrimaryContainer", "TaskDefinitionArn", "Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn"),
    "networkConfiguration": ("NetworkConfiguration",),
    **{
        member: (f"{member[:1].upper()}{member[1:]}",)
        for member in (
            *("executionRoleArn", "taskRoleArn", "cpu", "memory"),
            *("healthCheckPath", "primaryContainer", "scalingTarget"),
        )
    },
}
"""Members of UpdateService and UpdateExpressGatewayService, and the properties of the template that say the same."""
_UPDATES = frozenset({"UpdateService", "UpdateExpressGatewayService"})


def is_update(operation: str) -> bool:
    """Whether the operation is one whose members are known here."""
    return operation in _UPDATES


def set_by_template(operation: str, parameters: Mapping[str, Any], stack: StackState) -> tuple[str, ...]:
    """The members of the request that would change what the stack's template says of its service.

    A member of the same value changes nothing. Without a template to look at, every known member counts.
    """
    service = _service(stack)
    return tuple(
        member
        for member, value in _asked(operation, parameters)
        if member in _SETS
        and (service is None or any(name in service for name in _SETS[member]))
        and (service is None or not _says(service, member, value))
    )


def unset_by_template(operation: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The members of an update that no template of ours says anything of."""
    return tuple(
        member for member, _ in _asked(operation, parameters) if member not in _SETS and member != _STARTS_TASKS
    )


def _asked(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [item for item in parameters.items() if item[0] not in _IDENTITY] if is_update(operation) else []


def _service(stack: StackState) -> Mapping[str, Any] | None:
    for resource in template_resources(stack).values():
        if resource.get("Type") == EXPRESS_TYPE:
            return resource.get("Properties", {})
    return None


def _says(properties: Mapping[str, Any], member: str, value: Any) -> bool:
    name = f"{member[:1].upper()}{member[1:]}"
    return name in properties and _is_within(value, properties[name])


def _is_within(asked: Any, said: Any) -> bool:
    """Whether all that is asked is what is said already; texts and numbers are the same by their text."""
    if isinstance(asked, Mapping) and isinstance(said, Mapping):
        return all(_is_within(value, said.get(f"{key[:1].upper()}{key[1:]}")) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(said, list):
        return len(asked) == len(said) and all(map(_is_within, asked, said))
    if isinstance(asked, Mapping | list) or isinstance(said, Mapping | list) or said is None:
        return False
    return str(asked) == str(said)


_APPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class OwnershipPorts:
    """What finding out an owner needs; each is made when it is needed."""

    stacks: Callable[[], Stacks]
    services: Callable[[], Services]
    target: Callable[[], Target]


@dataclass(frozen=True, slots=True)
class _AppService:
    app: str
    stack_name: str
    location: ServiceLocation


def refuse_owned(
    operation: str,
    touches: Sequence[AffectedResource],
    ports: OwnershipPorts,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Refuse a change of what an app's stack holds, and the end of a task definition or cluster that an app uses.

    An update is judged by its `parameters`: what touches nothing that the template sets is let through.

    Raises:
        RefusedError: ``owned_by_stack``, ``used_by_app``; ``details`` name the app (all of a cluster's in
            ``app_names``), its stack and what is touched.
        TargetError: the owner may not be looked up; what is not known to be free is not changed.
    """
    if replaces(operation):
        for thing in touches:
            stack = _owner(thing, ports)
            if stack is not None and not _leaves_template_true(operation, parameters, stack):
                raise _owned(operation, thing, touches, stack)
    definitions = [resource for resource in touches if resource.kind == TASK_DEFINITION]
    if definitions and deletes(operation):
        _refuse_used(operation, definitions, ports)
    for cluster in (resource for resource in touches if resource.kind == CLUSTER and deletes(operation)):
        _refuse_inhabited(operation, cluster, ports)


def drift_note(
    operation: str,
    touches: Sequence[AffectedResource],
    ports: OwnershipPorts,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """What to know of a change that is not refused and may leave a stack's service with something else than it says."""
    beyond = unset_by_template(operation, parameters or {})
    if beyond and any(physical_ids(thing, ports.target()) for thing in touches):
        return f"The templates of apps say nothing of {', '.join(beyond)}: deployments leave it as it is set here."
    if not redirects(operation):
        return ""
    for thing in touches:
        try:
            stack = _owner(thing, ports)
        except TargetError as error:
            return f"Whether an app's stack owns {thing} could not be found out: {error.message}"
        if stack is not None:
            return (
                f"This is a deployment of the app {stack.owner_app}: its service may now run something else than the "
                f"stack {stack.name} says. {command('status')} shows it; {command('deploy')} brings both together."
            )
    return ""


def _leaves_template_true(operation: str, parameters: Mapping[str, Any] | None, stack: StackState) -> bool:
    return parameters is not None and is_update(operation) and not set_by_template(operation, parameters, stack)


def _owner(thing: AffectedResource, ports: OwnershipPorts) -> StackState | None:
    for physical_id in physical_ids(thing, ports.target()):
        stack_id = ports.stacks().stack_of(physical_id)
        stack = ports.stacks().describe(stack_id) if stack_id else None
        if stack is not None and stack.owner_app is not None:
            return stack
    return None


def _owned(
    operation: str, thing: AffectedResource, touches: Sequence[AffectedResource], stack: StackState
) -> RefusedError:
    app = stack.owner_app
    if deletes(operation):
        hint = f"Delete the whole app: {command('delete', app or '', mcp=f'with app_name {app}')}."
    else:
        hint = f"Change the definition of {app} and deploy it: {command('deploy')}."
    return RefusedError(
        "owned_by_stack",
        f"{thing} belongs to the stack {stack.name} of the app {app}; {operation} would make it "
        "differ from the stack's template. Nothing was changed.",
        hint,
        {"touches": [str(resource) for resource in touches], "stack_name": stack.name, "app_name": app},
    )


def _refuse_used(operation: str, definitions: Sequence[AffectedResource], ports: OwnershipPorts) -> None:
    services = ports.services()

    def used(app: _AppService) -> tuple[str, ...]:
        return tuple(_definitions_of(app.location, services))

    with ReadPool(_APPS_AT_ONCE, thread_name_prefix="apps") as pool:
        apps = list(_app_services(ports.stacks(), pool))
        for app, arns in zip(apps, pool.map(used, apps), strict=True):
            for definition in definitions:
                if any(same_definition(definition.name, arn) for arn in arns):
                    raise _used(operation, definition, definitions, app)


def _refuse_inhabited(operation: str, cluster: AffectedResource, ports: OwnershipPorts) -> None:
    """ECS refuses to delete a cluster with services as well, but says neither whose they are nor how they go."""
    with ReadPool(_APPS_AT_ONCE, thread_name_prefix="apps") as pool:
        apps = [app for app in _app_services(ports.stacks(), pool) if app.location.cluster == cluster.name]
    if apps:
        raise _inhabited(operation, cluster, apps)


def _app_services(stacks: Stacks, pool: ReadPool) -> Iterator[_AppService]:
    named = [name for name in stacks.names() if name.endswith(service_stack_name(""))]
    for stack in pool.map(stacks.describe, named):
        if stack is not None and stack.owner_app:
            yield _AppService(stack.owner_app, stack.name, service_location(stack.owner_app, stack))


def _definitions_of(location: ServiceLocation, services: Services) -> Iterator[str]:
    """ARNs of the task definitions that a service runs, is about to run, or goes back to when a deployment fails."""
    service = services.service(location.cluster, location.name)
    if service is not None:
        yield service.task_definition_arn
        yield from (rollout.task_definition_arn for rollout in service.rollouts)
    express = services.express_service(location.arn) if location.arn else None
    revisions = [configuration.revision_arn for configuration in express.configurations] if express else []
    deployments = services.newest_deployments(location.cluster, location.arn or location.name)
    for deployment in (*deployments[:1], *[deployment for deployment in deployments if deployment.successful][:1]):
        revisions += [deployment.target_revision_arn, deployment.rollback_revision_arn]
    asked = [arn for arn in dict.fromkeys(revisions) if arn]
    yield from (revision.task_definition_arn for revision in services.revisions(asked) if revision.task_definition_arn)


def _used(
    operation: str, thing: AffectedResource, touches: Sequence[AffectedResource], app: _AppService
) -> RefusedError:
    return RefusedError(
        "used_by_app",
        f"The service {app.location.name} of the app {app.app} runs {thing}, or goes back to it when a deployment "
        f"fails; {operation} would delete it. Nothing was changed.",
        f"Deploy another version first ({command('deploy')}), or delete the whole app: "
        f"{command('delete', app.app, mcp=f'with app_name {app.app}')}.",
        {"touches": [str(resource) for resource in touches], "stack_name": app.stack_name, "app_name": app.app},
    )


def _inhabited(operation: str, cluster: AffectedResource, apps: Sequence[_AppService]) -> RefusedError:
    names = [app.app for app in apps]
    listed = f"the app{'s' if len(names) > 1 else ''} {', '.join(names)}"
    services = [str(AffectedResource("service", app.location.name, cluster.name)) for app in apps]
    return RefusedError(
        "used_by_app",
        f"Cluster {cluster.name} is in use by {listed}; {operation} would delete it while they are running. "
        "Nothing was changed.",
        f"Delete these apps first: {command('delete', mcp='with each app_name')}, or leave the cluster: an empty "
        "one costs nothing.",
        {
            "touches": [str(cluster), *services],
            "stack_name": apps[0].stack_name,
            "app_name": names[0],
            "app_names": names,
        },
    )
