"""Templates of the kind that Expressway's own stacks have, small enough to read."""

import json
from typing import Any

Resources = dict[str, Any]


def role(service: str, **properties: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **properties}}


def service_resources(name: str, image: str, **properties: Any) -> Resources:
    return {
        "Infrastructure": role("ecs.amazonaws.com"),
        "Execution": role("ecs-tasks.amazonaws.com"),
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/app/{name}", "RetentionInDays": 7}},
        "Service": {
            "Type": "AWS::ECS::ExpressGatewayService",
            "DependsOn": ["Logs"],
            "Properties": {
                "ServiceName": name,
                "InfrastructureRoleArn": {"Fn::GetAtt": ["Infrastructure", "Arn"]},
                "ExecutionRoleArn": {"Fn::GetAtt": ["Execution", "Arn"]},
                "Cpu": "256",
                "Memory": "512",
                "HealthCheckPath": "/health",
                "PrimaryContainer": {
                    "Image": image,
                    "ContainerPort": 8080,
                    "AwsLogsConfiguration": {"LogGroup": {"Ref": "Logs"}, "LogStreamPrefix": "web"},
                },
                **properties,
            },
        },
    }


def template(resources: Resources, outputs: dict[str, Any] | None = None) -> str:
    body: dict[str, Any] = {"Resources": resources}
    if outputs:
        body["Outputs"] = {name: {"Value": value} for name, value in outputs.items()}
    return json.dumps(body)
