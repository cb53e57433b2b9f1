"""The image, the roles, the service and its scaling of a healthy service."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests.e2e.scenarios.recorded.names import PORT, SERVICE, allow
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, Record, arn

if TYPE_CHECKING:
    from tests.e2e.scenarios.recorded.healthy import Situation

IMAGE_DIGEST = "sha256:" + hashlib.sha256(b"recorded image").hexdigest()
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_INFRASTRUCTURE_POLICY = "AmazonECSInfrastructureRoleforExpressGatewayServices"
_EXECUTION_POLICY = "AmazonECSTaskExecutionRolePolicy"
_EXECUTION_ACTIONS = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)
INFRASTRUCTURE_ACTIONS = (
    "elasticloadbalancing:*",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroup*",
    "ec2:RevokeSecurityGroup*",
    "ec2:DeleteSecurityGroup",
    "ec2:CreateTags",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeAccountAttributes",
    "acm:*",
    "application-autoscaling:*",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DeleteAlarms",
    "logs:CreateLogGroup",
    "logs:DescribeLogGroups",
    "iam:CreateServiceLinkedRole",
)


def add_registry(situation: Situation) -> None:
    world, name = situation.world, situation.repository
    uri = situation.image.rpartition(":")[0]
    world.add(
        "ecr.repositories",
        {
            "repositoryName": name,
            "repositoryUri": uri,
            "registryId": ACCOUNT,
            "repositoryArn": arn("ecr", f"repository/{name}"),
            "imageTagMutability": "IMMUTABLE",
        },
    )
    configuration = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": IMAGE_DIGEST}
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": configuration, "layers": []}
    world.add(
        "ecr.images",
        {
            "repositoryName": name,
            "registryId": ACCOUNT,
            "imageDigest": IMAGE_DIGEST,
            "imageTags": ["v1"],
            "imageSizeInBytes": 2048,
            "imagePushedAt": situation.ago(300),
            "imageManifestMediaType": _MANIFEST,
            "manifest": json.dumps(manifest),
        },
    )
    world.add(
        "logs.groups",
        {
            "logGroupName": situation.log_group,
            "storedBytes": 100,
            "arn": arn("logs", f"log-group:{situation.log_group}:*"),
        },
    )


def add_roles(situation: Situation) -> None:
    for name, trusted, policy, actions in (
        (situation.execution_role, "ecs-tasks.amazonaws.com", _EXECUTION_POLICY, _EXECUTION_ACTIONS),
        (situation.infrastructure_role, "ecs.amazonaws.com", _INFRASTRUCTURE_POLICY, INFRASTRUCTURE_ACTIONS),
    ):
        statement = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        # A policy of the scenario's own in the place of AWS's, so that one scenario can narrow it.
        policy_arn = arn("iam", f"policy/{situation.name}/{policy}")
        situation.world.add(
            "iam.roles",
            {
                "Role": {
                    "RoleName": name,
                    "Arn": arn("iam", f"role/{name}"),
                    "Path": "/",
                    "RoleId": "AROAEXAMPLE",
                    "CreateDate": situation.ago(3000),
                    "AssumeRolePolicyDocument": trust,
                },
                "Attached": [{"PolicyName": policy, "PolicyArn": policy_arn}],
                "Inline": {},
            },
        )
        version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": allow(actions)}
        situation.world.add(
            "iam.policies",
            {"Policy": {"PolicyName": policy, "Arn": policy_arn, "DefaultVersionId": "v1"}, "Version": version},
        )


def add_service(situation: Situation) -> None:
    network, created = situation.network, situation.ago(10)
    task_definition_arn = arn("ecs", f"task-definition/{situation.family}:1")
    revision_arn = arn("ecs", f"service-revision/{situation.name}/{SERVICE}/{int(situation.id('rev', length=12), 16)}")
    logs = {"awslogs-group": situation.log_group, "awslogs-stream-prefix": "ecs", "awslogs-region": REGION}
    vpc = {"subnets": network.subnets, "securityGroups": [network.task_group], "assignPublicIp": "ENABLED"}
    balancer = {"targetGroupArn": network.target_group_arn, "containerName": "Main", "containerPort": PORT}
    world = situation.world
    world.add(
        "ecs.clusters",
        {
            "clusterArn": situation.cluster_arn,
            "clusterName": situation.name,
            "status": "ACTIVE",
            "activeServicesCount": 1,
            "runningTasksCount": 1,
            "pendingTasksCount": 0,
            "registeredContainerInstancesCount": 0,
        },
    )
    container: Record = {
        "name": "Main",
        "image": situation.image,
        "essential": True,
        "environment": [],
        "cpu": 0,
        "portMappings": [{"containerPort": PORT, "hostPort": PORT, "protocol": "tcp", "name": "main"}],
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
    }
    world.add(
        "ecs.task_definitions",
        {
            "taskDefinitionArn": task_definition_arn,
            "family": situation.family,
            "revision": 1,
            "status": "ACTIVE",
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "requiresCompatibilities": ["FARGATE"],
            "compatibilities": ["EC2", "FARGATE"],
            "containerDefinitions": [container],
            "executionRoleArn": arn("iam", f"role/{situation.execution_role}"),
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        },
    )
    rollout = {
        "id": situation.deployment_id,
        "status": "PRIMARY",
        "taskDefinition": task_definition_arn,
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": created,
        "updatedAt": situation.ago(5),
        "launchType": "FARGATE",
        "rolloutState": "COMPLETED",
        "rolloutStateReason": f"ECS deployment {situation.deployment_id} completed.",
        "networkConfiguration": {"awsvpcConfiguration": vpc},
    }
    current = {"arn": revision_arn, "requestedTaskCount": 1, "runningTaskCount": 1, "pendingTaskCount": 0}
    steady = {
        "id": situation.id("steady", length=32),
        "createdAt": situation.ago(5),
        "message": f"(service {SERVICE}) has reached a steady state.",
    }
    world.add(
        "ecs.services",
        {
            "serviceArn": situation.service_arn,
            "serviceName": SERVICE,
            "status": "ACTIVE",
            "clusterArn": situation.cluster_arn,
            "desiredCount": 1,
            "runningCount": 1,
            "pendingCount": 0,
            "launchType": "FARGATE",
            "taskDefinition": task_definition_arn,
            "deployments": [rollout],
            "events": [steady],
            "createdAt": created,
            "loadBalancers": [balancer],
            "healthCheckGracePeriodSeconds": 0,
            "networkConfiguration": {"awsvpcConfiguration": vpc},
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "resourceManagementType": "ECS",
            "currentServiceRevisions": [current],
        },
    )
    deployment_arn = arn("ecs", f"service-deployment/{situation.name}/{SERVICE}/{situation.id('sd', length=20)}")
    world.add(
        "ecs.deployments",
        {
            "serviceDeploymentArn": deployment_arn,
            "serviceArn": situation.service_arn,
            "clusterArn": situation.cluster_arn,
            "createdAt": created,
            "startedAt": created,
            "updatedAt": situation.ago(5),
            "finishedAt": situation.ago(5),
            "status": "SUCCESSFUL",
            "lifecycleStage": "CLEAN_UP",
            "statusReason": "Service deployment completed successfully.",
            "sourceServiceRevisions": [],
            "targetServiceRevision": dict(current),
            "deploymentCircuitBreaker": {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3},
            "alarms": {"status": "MONITORING_COMPLETE", "alarmNames": [_alarm(situation)], "triggeredAlarmNames": []},
        },
    )
    world.add(
        "ecs.revisions",
        {
            "serviceRevisionArn": revision_arn,
            "serviceArn": situation.service_arn,
            "clusterArn": situation.cluster_arn,
            "taskDefinition": task_definition_arn,
            "launchType": "FARGATE",
            "createdAt": created,
            "loadBalancers": [balancer],
            "networkConfiguration": {"awsvpcConfiguration": vpc},
            "containerImages": [{"containerName": "Main", "image": situation.image, "imageDigest": IMAGE_DIGEST}],
            "ecsManagedResources": _managed(situation),
        },
    )
    _add_express(situation, revision_arn, task_definition_arn)
    _add_scaling(situation)


def _add_express(situation: Situation, revision_arn: str, task_definition_arn: str) -> None:
    network = situation.network
    configuration = {
        "serviceRevisionArn": revision_arn,
        "executionRoleArn": arn("iam", f"role/{situation.execution_role}"),
        "taskDefinitionArn": task_definition_arn,
        "cpu": "256",
        "memory": "512",
        "networkConfiguration": {"securityGroups": [network.task_group], "subnets": network.subnets},
        "healthCheckPath": "/",
        "primaryContainer": {
            "image": situation.image,
            "containerPort": PORT,
            "awsLogsConfiguration": {"logGroup": situation.log_group, "logStreamPrefix": "ecs"},
        },
        "scalingTarget": {
            "minTaskCount": 1,
            "maxTaskCount": 4,
            "autoScalingMetric": "AVERAGE_CPU",
            "autoScalingTargetValue": 60,
        },
        "ingressPaths": [{"accessType": "PUBLIC", "endpoint": network.endpoint}],
        "createdAt": situation.ago(10),
    }
    situation.world.add(
        "ecs.express_services",
        {
            "cluster": situation.name,
            "serviceName": SERVICE,
            "serviceArn": situation.service_arn,
            "infrastructureRoleArn": arn("iam", f"role/{situation.infrastructure_role}"),
            "status": {"statusCode": "ACTIVE"},
            "activeConfigurations": [configuration],
            "createdAt": situation.ago(10),
            "updatedAt": situation.ago(10),
        },
    )


def _managed(situation: Situation) -> Record:
    network = situation.network

    def made(resource_arn: str, **more: Any) -> Record:
        return {"arn": resource_arn, "status": "ACTIVE", "updatedAt": situation.ago(9), **more}

    def group(group_id: str) -> Record:
        return made(arn("ec2", f"security-group/{group_id}"))

    ingress = {
        "accessType": "PUBLIC",
        "endpoint": network.endpoint,
        "loadBalancer": made(
            network.load_balancer_arn,
            scheme="internet-facing",
            subnetIds=network.subnets,
            securityGroupIds=[network.balancer_group],
        ),
        "loadBalancerSecurityGroups": [group(network.balancer_group)],
        "certificate": made(arn("acm", f"certificate/{situation.id('cert', length=32)}"), domainName=network.endpoint),
        "listener": made(network.listener_arn),
        "rule": made(network.rule_arn),
        "targetGroups": [made(network.target_group_arn, healthCheckPath="/", healthCheckPort=PORT, port=PORT)],
    }
    scalable = made(
        arn("application-autoscaling", f"scalable-target/{situation.id('scale')}"), minCapacity=1, maxCapacity=4
    )
    return {
        "ingressPaths": [ingress],
        "autoScaling": {"scalableTarget": scalable, "applicationAutoScalingPolicies": []},
        "metricAlarms": [made(arn("cloudwatch", f"alarm:{_alarm(situation)}"))],
        "serviceSecurityGroups": [group(network.task_group)],
        "logGroups": [made(arn("logs", f"log-group:{situation.log_group}"), logGroupName=situation.log_group)],
    }


def _alarm(situation: Situation) -> str:
    return f"ecs-express-{situation.name}-4xx-5xx"


def _add_scaling(situation: Situation) -> None:
    resource = f"service/{situation.name}/{SERVICE}"
    common = {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": "ecs:service:DesiredCount"}
    situation.world.add(
        "scaling.targets",
        {
            **common,
            "MinCapacity": 1,
            "MaxCapacity": 4,
            "CreationTime": situation.ago(9),
            "RoleARN": arn("iam", "role/AWSServiceRoleForECS"),
        },
    )
    policy = {
        "TargetValue": 60.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    }
    situation.world.add(
        "scaling.policies",
        {
            **common,
            "PolicyName": f"{situation.name}-cpu",
            "PolicyType": "TargetTrackingScaling",
            "PolicyARN": arn("autoscaling", f"scalingPolicy:{situation.name}"),
            "TargetTrackingScalingPolicyConfiguration": policy,
            "CreationTime": situation.ago(9),
        },
    )
    situation.world.add(
        "cloudwatch.alarms",
        {
            "AlarmName": _alarm(situation),
            "StateValue": "OK",
            "AlarmArn": arn("cloudwatch", f"alarm:{_alarm(situation)}"),
            "Metrics": _error_share(situation),
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
        },
    )


def _error_share(situation: Situation) -> list[Record]:
    """The metrics of the rollback alarm: the share of answers with 4xx and 5xx, in percent."""
    group = situation.network.target_group_arn.rpartition(":")[2]
    names = {"m4": "HTTPCode_Target_4XX_Count", "m5": "HTTPCode_Target_5XX_Count", "all": "RequestCount"}
    dimensions = [{"Name": "TargetGroup", "Value": group}]
    counts: list[Record] = [
        {
            "Id": key,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for key, name in names.items()
    ]
    return [{"Id": "share", "Expression": "100*(m4+m5)/all", "ReturnData": True}, *counts]
