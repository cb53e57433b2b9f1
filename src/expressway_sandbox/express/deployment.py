"""Carries out service deployments, and keeps services at their desired count afterwards.

A deployment starts new tasks next to the old ones and shifts the traffic when they are healthy. A task that dies after
its deployment is replaced, as by ECS's service scheduler: the replacement gets requests when it passes its health
check. A service that keeps crashing is retried at growing intervals, as ECS throttles it.

Order and statuses follow "Amazon ECS service deployments" and the API reference of ServiceDeployment. The canary's two
steps happen at once, since tests cannot wait six minutes. The old revision still answers every request until the new
one has passed its health checks.
"""

import dataclasses
import logging
import threading
import time

from expressway_sandbox import emulator
from expressway_sandbox.ecs import runtime, tasks
from expressway_sandbox.ecs.tasks import DeploymentCancelledError, DeploymentFailedError, TaskWatch
from expressway_sandbox.elb import ingress
from expressway_sandbox.elb.health import BOARD, Address
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.express import resources
from expressway_sandbox.services.model import STORE, Revision, Service, ServiceDeployment
from expressway_sandbox.settings import Settings, read_settings

_LOG = logging.getLogger("expressway_sandbox")
_LOOK_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 60.0
BREAKER_TRIGGERED = "Service deployment rolled back because the circuit breaker threshold was exceeded."
NO_ROLLBACK_CANDIDATE = "No rollback candidate was found to run the rollback."


def start(service: Service, deployment: ServiceDeployment) -> threading.Thread:
    """Carry out `deployment` on a thread of its own, after any deployment that it supersedes has stopped."""
    thread = threading.Thread(
        target=_carry_out, args=(service, deployment), daemon=True, name=f"expressway-deploy-{service.name}"
    )
    thread.start()
    return thread


def _carry_out(service: Service, deployment: ServiceDeployment) -> None:
    with emulator.scope(service.account, service.region):
        try:
            for earlier in service.deployments:
                if earlier is not deployment:
                    earlier.done.wait()
            deployment.source = service.active
            deployment.target.target_group_index = 1 - service.active.target_group_index if service.active else 0
            _Deployer(service, deployment, read_settings()).run()
        except Exception:  # noqa: BLE001 - the last frame of a thread: whatever happens must end the deployment
            _LOG.exception("deployment of %s broke", service.arn)
            deployment.cause = "Internal error of the sandbox; see its log."
            deployment.move("ROLLBACK_FAILED", deployment.cause)
        finally:
            deployment.finished_at = deployment.finished_at or emulator.now()
            deployment.done.set()


class Supervisor:
    """Looks at every service once a second."""

    def __init__(self) -> None:
        self._pauses: dict[str, tuple[float, float]] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="expressway-supervisor").start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            for service in STORE.everywhere():
                try:
                    with emulator.scope(service.account, service.region):
                        self._look_at(service)
                except Exception:  # noqa: BLE001 - one service's trouble must not end the watch over the others
                    _LOG.exception("looking after %s broke", service.arn)

    def _look_at(self, service: Service) -> None:
        current = service.current
        if service.status != "ACTIVE" or service.active is None or current is None or not current.has_ended:
            return
        alive = sum(not state.is_stopped for state in tasks.service_tasks(service))
        missing = service.desired_count - alive
        not_before, pause = self._pauses.get(service.arn, (0.0, _LOOK_SECONDS))
        if missing <= 0 or time.monotonic() < not_before:
            return
        self._pauses[service.arn] = (time.monotonic() + pause, min(pause * 2, _MAX_PAUSE_SECONDS))
        _replace_tasks(service, service.active, missing, read_settings())


def _replace_tasks(service: Service, revision: Revision, count: int, settings: Settings) -> None:
    """Start `count` tasks in the place of tasks that died, and send them requests when they are healthy."""
    if service.current is None:
        return
    # The record of the deployment that succeeded stays as it is; only its cancellation is shared.
    deployment = dataclasses.replace(service.current, failed_tasks=0)
    healthy = [a for t in tasks.service_tasks(service) if t.is_running and (a := tasks.address(t.arn, revision))]
    _set_targets(service, revision, healthy)
    watch = TaskWatch(
        service, deployment, revision, settings, lambda new: _set_targets(service, revision, healthy + new)
    )
    try:
        watch.until_healthy(count)
    except DeploymentFailedError as failure:
        _LOG.warning("%s: %s", service.arn, failure)
        tasks.stop(service, watch.arns, str(failure))
        _set_targets(service, revision, healthy)
    except DeploymentCancelledError:
        tasks.stop(service, watch.arns, "Service deployment stopped")


class _Deployer:
    def __init__(self, service: Service, deployment: ServiceDeployment, settings: Settings) -> None:
        self._service = service
        self._deployment = deployment
        self._revision = deployment.target
        self._settings = settings
        self._watch = TaskWatch(service, deployment, deployment.target, settings, self._publish)
        self._published: list[Address] = []

    def run(self) -> None:
        deployment = self._deployment
        deployment.started_at = emulator.now()
        deployment.move("IN_PROGRESS")
        try:
            self._deploy()
        except DeploymentCancelledError:
            self._cancel()
        except AwsFault as fault:
            self._roll_back(fault.message)
        except DeploymentFailedError as failure:
            deployment.breaker_triggered = True
            self._roll_back(str(failure))

    def _deploy(self) -> None:
        service, deployment, revision = self._service, self._deployment, self._revision
        self._stage("PRE_SCALE_UP")
        resources.provision(service, revision)
        if not revision.task_definition_arn:
            tasks.register_task_definition(service, revision)
        self._stage("SCALE_UP")
        wanted = revision.configuration.scaling.min_task_count
        self._watch.until_healthy(wanted)
        reference = runtime.local_reference(revision.image, self._settings.gateway_port)
        client = emulator.module("services.ecs")._get_docker()
        revision.image_digest = runtime.digest_of(client, revision.image, reference)
        self._stage("PRODUCTION_TRAFFIC_SHIFT")
        with service.lock:
            if deployment.cancelled.is_set():
                raise DeploymentCancelledError
            old = service.active
            resources.shift_traffic(service, revision)
            service.active = revision
            service.desired_count = wanted
            service.updated_at = emulator.now()
        self._stage("CLEAN_UP")
        if old is not None:
            self._retire(old)
        deployment.finished_at = emulator.now()
        deployment.move("SUCCESSFUL", "Service deployment completed successfully.")
        service.say(f"(deployment {deployment.ecs_id}) deployment completed.")
        service.say("has reached a steady state.")

    def _retire(self, old: Revision) -> None:
        """Let requests finish on the old tasks, then stop them."""
        service = self._service
        ingress.TRAFFIC.drain(service.endpoint, self._settings.drain_seconds)
        own = self._watch.arns
        arns = [t.arn for t in tasks.service_tasks(service) if not t.is_stopped and t.arn not in own]
        if arns:
            service.say(f"has stopped {len(arns)} running tasks.")
        tasks.stop(service, arns, "Scaling activity initiated by deployment")
        if old.target_group_index != self._revision.target_group_index:
            _set_targets(service, old, [])

    def _roll_back(self, cause: str) -> None:
        service, deployment = self._service, self._deployment
        deployment.cause = cause
        deployment.rollback_started_at = emulator.now()
        deployment.rollback_reason = f"{BREAKER_TRIGGERED} {cause}" if deployment.breaker_triggered else cause
        deployment.move("ROLLBACK_IN_PROGRESS", deployment.rollback_reason)
        service.say(f"(deployment {deployment.ecs_id}) deployment failed: tasks failed to start.")
        self._discard(cause)
        deployment.finished_at = emulator.now()
        if service.active is None:
            deployment.move("ROLLBACK_FAILED", f"{deployment.rollback_reason.rstrip('.')}. {NO_ROLLBACK_CANDIDATE}")
            service.status_reason = cause
            return
        previous = next(d.ecs_id for d in reversed(service.deployments) if d.target is service.active)
        service.say(f"rolling back to deployment {previous}.")
        deployment.move("ROLLBACK_SUCCESSFUL", deployment.rollback_reason)
        service.say("has reached a steady state.")

    def _cancel(self) -> None:
        if self._deployment.stop_type == "ROLLBACK":
            self._roll_back("The service deployment was stopped by its user")
            return
        self._discard("Service deployment stopped")
        self._deployment.stopped_at = emulator.now()
        self._deployment.move("STOPPED", "Service deployment was stopped, superseded, or its service is being deleted.")

    def _discard(self, reason: str) -> None:
        """Take the new tasks away again; nothing was ever sent to them."""
        active = self._service.active
        if active is None or active.target_group_index != self._revision.target_group_index:
            self._publish([])
        unhealthy = reason.startswith("Task failed ELB")
        tasks.stop(self._service, self._watch.arns, reason if unhealthy else "Service deployment rolled back")

    def _publish(self, addresses: list[Address]) -> None:
        for gone in set(self._published) - set(addresses):
            BOARD.pop(gone, None)
        new = set(addresses) - set(self._published)
        if new:
            group = self._service.resources.target_groups[self._revision.target_group_index].arn
            self._service.say(f"registered {len(new)} targets in (target-group {group}).")
        self._published = addresses
        _set_targets(self._service, self._revision, addresses)

    def _stage(self, stage: str) -> None:
        self._deployment.lifecycle_stage = stage
        self._deployment.updated_at = emulator.now()


def _set_targets(service: Service, revision: Revision, addresses: list[Address]) -> None:
    """Make `addresses` the only targets of the revision's group, in one step.

    RegisterTargets of ministack tells targets apart by address alone, and all published ports share one; the
    function that its own ECS uses takes a whole list.
    """
    arn = service.resources.target_groups[revision.target_group_index].arn
    alb = emulator.module("services.alb")
    before = [target["Id"] for target in alb._targets.get(arn, [])]
    alb.set_targets_for_group(arn, [(a.host, a.port) for a in addresses], before)
