"""A service in good health as AWS describes it, with the network, roles and image around it.

Shapes follow the API reference; texts that ECS writes follow the ECS developer guide ("Service event messages").
"""

from datetime import datetime, timedelta
from typing import Any

from tests.e2e.scenarios.recorded.healthy_network import Network
from tests.e2e.scenarios.recorded.healthy_service import add_registry, add_roles, add_service
from tests.e2e.scenarios.recorded.names import PORT, SERVICE, hex_id
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record, World, arn


class Situation:
    """The records of one service in a cluster `name` and a VPC of its own.

    A scenario is made by changing them. Times are counted back from `now`, which windows of time are held against.
    """

    def __init__(self, name: str, now: datetime) -> None:
        self.name = name
        self.now = now
        self.world = World()
        self.cluster_arn = arn("ecs", f"cluster/{name}")
        self.service_arn = arn("ecs", f"service/{name}/{SERVICE}")
        self.family = f"{name}-{SERVICE}"
        self.log_group = f"/aws/ecs/{name}/{SERVICE}"
        self.repository = f"{name}-repo"
        self.image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{self.repository}:v1"
        self.execution_role = f"{name}-execution"
        self.infrastructure_role = f"{name}-infrastructure"
        self.deployment_id = f"ecs-svc/{int(hex_id(name, 'deployment', length=15), 16)}"
        self.network = Network(self)
        add_registry(self)
        add_roles(self)
        add_service(self)
        self.add_task(running=True)

    # -- time and names -------------------------------------------------------------------------------------
    def ago(self, minutes: float) -> datetime:
        return self.now - timedelta(minutes=minutes)

    def id(self, *words: str, length: int = 17) -> str:
        return hex_id(self.name, *words, length=length)

    # -- the records most often changed ---------------------------------------------------------------------
    @property
    def service(self) -> Record:
        return self.world.one("ecs.services")

    @property
    def deployment(self) -> Record:
        return self.world.all("ecs.deployments")[0]

    @property
    def revision(self) -> Record:
        return self.world.all("ecs.revisions")[0]

    @property
    def configuration(self) -> Record:
        return self.world.one("ecs.express_services")["activeConfigurations"][0]

    @property
    def container(self) -> Record:
        return self.world.all("ecs.task_definitions")[0]["containerDefinitions"][0]

    def role(self, name: str) -> Record:
        return next(one for one in self.world.all("iam.roles") if one["Role"]["RoleName"] == name)

    def use_image(self, image: str) -> None:
        self.container["image"] = image
        self.configuration["primaryContainer"]["image"] = image
        self.revision["containerImages"] = [{"containerName": "Main", "image": image}]

    def use_secret(self, reference: str) -> None:
        secrets = [{"name": "DB_PASSWORD", "valueFrom": reference}]
        self.container["secrets"] = secrets
        self.configuration["primaryContainer"]["secrets"] = secrets

    def say(self, message: str, *, minutes_ago: float = 4) -> None:
        """An event of the service scheduler, the newest first as ECS lists them."""
        event = {"id": hex_id(self.name, message, length=32), "createdAt": self.ago(minutes_ago), "message": message}
        self.service["events"].insert(0, event)

    # -- tasks ----------------------------------------------------------------------------------------------
    def add_task(self, *, running: bool, **changes: Any) -> str:
        """A task of the service, RUNNING or STOPPED; `changes` are members of the task. Its id."""
        number = len(self.world.all("ecs.tasks"))
        task_id = self.id("task", str(number), length=32)
        ip = f"10.{self.network.number}.0.{20 + number}"
        container: Record = {
            "containerArn": arn("ecs", f"container/{self.name}/{task_id}/{self.id('container', length=32)}"),
            "taskArn": arn("ecs", f"task/{self.name}/{task_id}"),
            "name": "Main",
            "image": self.container["image"],
            "lastStatus": "RUNNING" if running else "STOPPED",
            "networkInterfaces": [{"attachmentId": self.id("eni", task_id), "privateIpv4Address": ip}],
            "healthStatus": "UNKNOWN",
            "cpu": "256",
        }
        task: Record = {
            "taskArn": container["taskArn"],
            "clusterArn": self.cluster_arn,
            "taskDefinitionArn": self.service["taskDefinition"],
            "group": f"service:{SERVICE}",
            "startedBy": self.deployment_id,
            "launchType": "FARGATE",
            "lastStatus": "RUNNING" if running else "STOPPED",
            "desiredStatus": "RUNNING" if running else "STOPPED",
            "cpu": "256",
            "memory": "512",
            "containers": [container],
            "createdAt": self.ago(9 - 0.1 * number),
            "startedAt": self.ago(8 - 0.1 * number),
            "healthStatus": "UNKNOWN",
            "attachments": [self.network.attachment(task_id, ip)],
            "version": 4,
        }
        self.world.add("ecs.tasks", task | changes)
        if running:
            self.add_target(ip)
        return task_id

    def add_target(
        self, ip: str, *, port: int = PORT, state: str = "healthy", reason: str = "", said: str = ""
    ) -> None:
        health = {"State": state} | ({"Reason": reason, "Description": said} if reason else {})
        description = {"Target": {"Id": ip, "Port": port}, "HealthCheckPort": str(port), "TargetHealth": health}
        group = self.network.target_group_arn
        self.world.add("elbv2.targets", {"TargetGroupArn": group, "Description": description})

    def log(self, task_id: str, *lines: str, minutes_ago: float = 7, container: str = "Main") -> None:
        """What a container of the task wrote."""
        start = int(self.ago(minutes_ago).timestamp() * 1000)
        events = [{"timestamp": start + 10 * number, "message": line} for number, line in enumerate(lines)]
        stream = {"group": self.log_group, "name": f"ecs/{container}/{task_id}", "events": events}
        self.world.add("logs.streams", stream)

    def tasks_fail(
        self,
        *,
        stopped_reason: str,
        stop_code: str = "TaskFailedToStart",
        exit_code: int | None = None,
        container_reason: str = "",
        log: tuple[str, ...] = (),
        count: int = 3,
    ) -> None:
        """The first deployment does not come up: every task that was started has stopped."""
        self.stop_serving()
        for number in range(count):
            task_id = self.add_task(
                running=False,
                stopCode=stop_code,
                stoppedReason=stopped_reason,
                stoppingAt=self.ago(6 - number),
                stoppedAt=self.ago(6 - number),
            )
            container = self.world.all("ecs.tasks")[-1]["containers"][0]
            if exit_code is not None:
                container["exitCode"] = exit_code
            if container_reason:
                container["reason"] = container_reason
            if log:
                self.log(task_id, *log)
        self.say(
            f"(service {SERVICE}) was unable to consistently start tasks successfully. For more information, see the "
            "Troubleshooting section."
        )

    def stop_serving(self) -> None:
        """No task runs, and the first deployment is still trying."""
        self.world.remove("ecs.tasks")
        self.world.remove("elbv2.targets")
        self.service.update(runningCount=0, pendingCount=0, events=[])
        self.service["deployments"][0].update(
            runningCount=0,
            failedTasks=3,
            rolloutState="IN_PROGRESS",
            rolloutStateReason=f"ECS deployment {self.deployment_id} in progress.",
        )
        self.deployment.update(status="IN_PROGRESS", lifecycleStage="SCALE_UP")
        self.deployment["targetServiceRevision"].update(runningTaskCount=0)
        for gone in ("finishedAt", "statusReason"):
            self.deployment.pop(gone, None)
        self.world.one("ecs.express_services")["currentDeployment"] = self.deployment["serviceDeploymentArn"]

    def fails_health_check(self, reason: str, description: str, *, event: str = "") -> None:
        """Tasks run, and the load balancer finds them unhealthy."""
        for target in self.world.all("elbv2.targets"):
            target["Description"]["TargetHealth"] = {
                "State": "unhealthy",
                "Reason": reason,
                "Description": description,
            }
        self.deployment.update(status="IN_PROGRESS", lifecycleStage="SCALE_UP")
        self.service["deployments"][0]["rolloutState"] = "IN_PROGRESS"
        for gone in ("finishedAt", "statusReason"):
            self.deployment.pop(gone, None)
        self.service["events"] = []
        if event:
            self.say(event)
