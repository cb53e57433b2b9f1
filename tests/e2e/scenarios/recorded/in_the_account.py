"""Capacity, quotas, scaling, roles, stacks, and asking in the wrong place."""

from tests.e2e.scenarios.recorded.collection import recorded
from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.healthy_service import INFRASTRUCTURE_ACTIONS
from tests.e2e.scenarios.recorded.names import SERVICE, allow
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record, arn
from tests.e2e.scenarios.scenario import Question

_FAILING = "tasks_missing deployment_in_progress deployment_stuck deployment_failed"


@recorded(
    "AWS has no capacity", finds="capacity_unavailable", also=_FAILING, words=r"capacity is unavailable|no capacity"
)
def no_capacity(situation: Situation) -> None:
    situation.stop_serving()
    situation.say(
        f"(service {SERVICE}) was unable to place a task. Reason: Capacity is unavailable at this time. Please try "
        "again later or in a different availability zone. For more information, see the Troubleshooting section of "
        "the Amazon ECS Developer Guide."
    )


@recorded(
    "the quota of vCPUs is used up",
    finds="quota_exceeded",
    also=_FAILING,
    words=r"limit on the number of vcpus|quota",
)
def vcpu_quota(situation: Situation) -> None:
    situation.stop_serving()
    situation.say(
        f"(service {SERVICE}) was unable to place a task. Reason: You've reached the limit on the number of vCPUs "
        "you can run concurrently."
    )


@recorded(
    "autoscaling is at its maximum",
    finds="scaling_at_maximum",
    words=r"at (?:its|the) max|max(?:imum)? capacity",
    symptoms="it is slow under load",
)
def scaling_at_maximum(situation: Situation) -> None:
    situation.service.update(desiredCount=4, runningCount=4)
    situation.service["deployments"][0].update(desiredCount=4, runningCount=4)
    situation.service["currentServiceRevisions"][0].update(requestedTaskCount=4, runningTaskCount=4)
    situation.deployment["targetServiceRevision"].update(requestedTaskCount=4, runningTaskCount=4)
    for _ in range(3):
        situation.add_task(running=True)
    resource = f"service/{situation.name}/{SERVICE}"
    alarm = f"TargetTracking-{resource}-AlarmHigh-{situation.id('alarm', length=12)}"
    common = {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": "ecs:service:DesiredCount"}
    reasons = [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4}]
    situation.world.add(
        "scaling.activities",
        {
            **common,
            "ActivityId": situation.id("activity", length=32),
            "Description": "Attempting to scale due to alarm triggered",
            "Cause": f"monitor alarm {alarm} in state ALARM triggered policy",
            "StartTime": situation.ago(3),
            "EndTime": situation.ago(3),
            "StatusCode": "Unfulfilled",
            "StatusMessage": "",
            "NotScaledReasons": reasons,
        },
    )
    situation.world.all("scaling.policies")[0]["Alarms"] = [
        {"AlarmName": alarm, "AlarmARN": arn("cloudwatch", f"alarm:{alarm}")}
    ]
    situation.world.add(
        "cloudwatch.alarms",
        {
            "AlarmName": alarm,
            "AlarmArn": arn("cloudwatch", f"alarm:{alarm}"),
            "StateValue": "ALARM",
            "StateReason": "Threshold Crossed: 3 datapoints",
            "MetricName": "CPUUtilization",
            "Namespace": "AWS/ECS",
            "Threshold": 60.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 3,
        },
    )


@recorded(
    "provisioning waits for a permission of the infrastructure role",
    finds="infrastructure_role_lacks_permission",
    also=f"{_FAILING} infrastructure_failed permission_denied",
    words=r"DescribeAccountAttributes",
)
def stuck_provisioning(situation: Situation) -> None:
    actions = [one for one in INFRASTRUCTURE_ACTIONS if one != "ec2:DescribeAccountAttributes"]
    situation.world.all("iam.policies")[1]["Version"]["Document"] = allow(actions)
    situation.stop_serving()
    denied = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{situation.infrastructure_role}/ECSExpress is not authorized to "
        "perform: ec2:DescribeAccountAttributes because no identity-based policy allows the "
        "ec2:DescribeAccountAttributes action"
    )
    path = situation.revision["ecsManagedResources"]["ingressPaths"][0]
    path["loadBalancer"] = {"status": "PROVISIONING", "statusReason": denied, "updatedAt": situation.ago(8)}
    for waiting in ("listener", "rule"):
        path[waiting] = {"status": "PROVISIONING", "updatedAt": situation.ago(8)}
    for gone in ("elbv2.load_balancers", "elbv2.listeners", "elbv2.rules"):
        situation.world.remove(gone)
    situation.world.one("elbv2.target_groups")["LoadBalancerArns"] = []
    situation.deployment["lifecycleStage"] = "PRE_SCALE_UP"


@recorded(
    "the service was deleted", finds="service_inactive", also="service_deleted", words=r"inactive|was deleted|not found"
)
def service_inactive(situation: Situation) -> None:
    situation.stop_serving()
    situation.service.update(status="INACTIVE", desiredCount=0, deployments=[])
    situation.world.one("ecs.express_services")["status"] = {"statusCode": "INACTIVE"}


@recorded(
    "the service is being deleted",
    finds="service_draining",
    also="tasks_missing deployment_in_progress",
    words=r"draining|being deleted",
)
def service_draining(situation: Situation) -> None:
    situation.service.update(status="DRAINING", desiredCount=0)
    situation.world.one("ecs.express_services")["status"] = {"statusCode": "DRAINING"}


@recorded(
    "no cluster of that name", finds="cluster_not_found", cluster="shpo", words=r"cluster '?[\w-]+'? (?:was )?not found"
)
def cluster_misspelt(_situation: Situation) -> None:
    """The healthy service's cluster is asked for by a wrong name."""


@recorded(
    "no service of that name",
    finds="service_not_found",
    service="wbe",
    words=r"service [\w'\"]+ (?:was )?not found|no service",
)
def service_misspelt(_situation: Situation) -> None:
    """The healthy service is asked for by a wrong name."""


@recorded(
    "the cluster's ARN is of another region",
    finds="wrong_account_or_region",
    also="cluster_not_found",
    cluster=f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/elsewhere",
    words=r"eu-west-1[^\"]{0,80}(?:us-east-1|region)|(?:wrong|another|other) region",
)
def wrong_region(situation: Situation) -> None:
    situation.world.kinds.clear()


@recorded(
    "the cluster's ARN is of another account",
    finds="wrong_account_or_region",
    also="cluster_not_found",
    cluster=f"arn:aws:ecs:{REGION}:123456789012:cluster/elsewhere",
    words=r"123456789012[^\"]{0,80}account|(?:wrong|another|other) account",
)
def wrong_account(situation: Situation) -> None:
    situation.world.kinds.clear()


@recorded(
    "healthy, and the network may not be read",
    finds="",
    words=r"no issues|healthy|steady",
    symptoms="the network seems to be slow",
)
def reads_denied(situation: Situation) -> None:
    network = situation.network
    for operation in ("DescribeSubnets", "DescribeRouteTables", "DescribeSecurityGroups", "DescribeVpcEndpoints"):
        for word in (network.vpc, network.subnets[0], network.task_group):
            situation.world.denied.append((f"ec2:{operation}", word))
    situation.world.denied.append(("application-autoscaling:DescribeScalableTargets", situation.name))


# -- stacks -------------------------------------------------------------------------------------------------
def _stack(situation: Situation, name: str, status: str, *, parent: str = "") -> str:
    stack_id = arn("cloudformation", f"stack/{name}/{situation.id(name, length=32)}")
    stack: Record = {"StackId": stack_id, "StackName": name, "StackStatus": status, "CreationTime": situation.ago(9)}
    situation.world.add("cloudformation.stacks", stack | ({"ParentId": parent, "RootId": parent} if parent else {}))
    return stack_id


def _event(
    situation: Situation,
    stack_id: str,
    logical_id: str,
    kind: str,
    status: str,
    *,
    reason: str = "",
    minutes: float,
    physical_id: str = "",
) -> None:
    event = {
        "StackId": stack_id,
        "EventId": situation.id(stack_id, logical_id, status, length=32),
        "StackName": stack_id.split("/")[1],
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "PhysicalResourceId": physical_id,
        "Timestamp": situation.ago(minutes),
        "ResourceStatus": status,
    }
    event |= {"ResourceStatusReason": reason} if reason else {}
    situation.world.kinds.setdefault("cloudformation.events", []).insert(0, event)
    if status.endswith(("FAILED", "COMPLETE")) and logical_id != stack_id.split("/")[1]:
        kept = (
            "StackId",
            "StackName",
            "LogicalResourceId",
            "PhysicalResourceId",
            "ResourceType",
            "Timestamp",
            "ResourceStatus",
            "ResourceStatusReason",
        )
        known = situation.world.all("cloudformation.resources")
        if all((one["StackId"], one["LogicalResourceId"]) != (stack_id, logical_id) for one in known):
            situation.world.add("cloudformation.resources", {key: event[key] for key in kept if key in event})


_STACK = "AWS::CloudFormation::Stack"


@recorded(
    "a nested stack's role fails",
    finds="resource_exists",
    also="stack_must_be_deleted",
    words=r"worker-role already exists",
    more=(Question("fetch_cloudformation_status", {"cfn_stack_name": "worker-app"}),),
)
def stack_fails_nested(situation: Situation) -> None:
    parent = _stack(situation, "worker-app", "ROLLBACK_COMPLETE")
    child = _stack(situation, "worker-app-Roles-1AB2C3", "DELETE_COMPLETE", parent=parent)
    begin = {"logical_id": "worker-app", "kind": _STACK}
    _event(
        situation, parent, **begin, status="CREATE_IN_PROGRESS", reason="User Initiated", minutes=9, physical_id=parent
    )
    _event(situation, parent, "Roles", _STACK, "CREATE_IN_PROGRESS", minutes=8.9, physical_id=child)
    own = child.split("/")[1]
    _event(situation, child, own, _STACK, "CREATE_IN_PROGRESS", reason="User Initiated", minutes=8.8, physical_id=child)
    _event(
        situation,
        child,
        "WorkerRole",
        "AWS::IAM::Role",
        "CREATE_FAILED",
        minutes=8.5,
        reason='Resource handler returned message: "worker-role already exists" (HandlerErrorCode: AlreadyExists)',
    )
    _event(
        situation,
        child,
        "OtherRole",
        "AWS::IAM::Role",
        "CREATE_FAILED",
        minutes=8.4,
        reason="Resource creation cancelled",
    )
    _event(
        situation,
        child,
        own,
        _STACK,
        "ROLLBACK_IN_PROGRESS",
        minutes=8.3,
        physical_id=child,
        reason="The following resource(s) failed to create: [WorkerRole, OtherRole]. Rollback requested by user.",
    )
    _event(
        situation,
        parent,
        "Roles",
        _STACK,
        "CREATE_FAILED",
        minutes=8.2,
        physical_id=child,
        reason=f"Embedded stack {child} was not successfully created: The following resource(s) failed to create: "
        "[WorkerRole, OtherRole].",
    )
    _event(
        situation,
        parent,
        "Cluster",
        "AWS::ECS::Cluster",
        "CREATE_FAILED",
        minutes=8.1,
        reason="Resource creation cancelled",
    )
    _event(
        situation,
        parent,
        **begin,
        status="ROLLBACK_IN_PROGRESS",
        minutes=8,
        physical_id=parent,
        reason="The following resource(s) failed to create: [Roles, Cluster]. Rollback requested by user.",
    )
    _event(situation, parent, **begin, status="ROLLBACK_COMPLETE", minutes=7, physical_id=parent)


@recorded(
    "a hook refuses a bucket",
    finds="hook_failed",
    also="stack_must_be_deleted",
    words=r"S3BucketEncryptionHook|hook[^.]{0,60}failed",
    more=(Question("fetch_cloudformation_status", {"cfn_stack_name": "uploads-app"}),),
)
def stack_fails_at_hook(situation: Situation) -> None:
    stack = _stack(situation, "uploads-app", "ROLLBACK_COMPLETE")
    reason = "The following hook(s) failed: [Example::Security::S3BucketEncryptionHook]"
    _event(
        situation,
        stack,
        "uploads-app",
        _STACK,
        "CREATE_IN_PROGRESS",
        reason="User Initiated",
        minutes=9,
        physical_id=stack,
    )
    _event(situation, stack, "Uploads", "AWS::S3::Bucket", "CREATE_IN_PROGRESS", minutes=8.9)
    hook = situation.world.all("cloudformation.events")
    _event(situation, stack, "Uploads", "AWS::S3::Bucket", "CREATE_FAILED", reason=reason, minutes=8.5)
    hook[0].update(
        HookType="Example::Security::S3BucketEncryptionHook",
        HookStatus="HOOK_COMPLETE_FAILED",
        HookFailureMode="FAIL",
        HookInvocationPoint="PRE_PROVISION",
        HookStatusReason="Hook failed with message: the bucket's server-side encryption must be aws:kms",
    )
    _event(
        situation,
        stack,
        "uploads-app",
        _STACK,
        "ROLLBACK_IN_PROGRESS",
        minutes=8,
        physical_id=stack,
        reason="The following resource(s) failed to create: [Uploads]. Rollback requested by user.",
    )
    _event(situation, stack, "uploads-app", _STACK, "ROLLBACK_COMPLETE", minutes=7, physical_id=stack)
