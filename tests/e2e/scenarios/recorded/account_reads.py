"""Everything besides ECS that needs more than a list: targets, policies, images, secrets, logs, stacks."""

import json
from collections.abc import Mapping
from typing import Any

from tests.e2e.scenarios.recorded.lookups import RefusedCallError
from tests.e2e.scenarios.recorded.world import ACCOUNT, Record, World

Asked = Mapping[str, Any]


def describe_target_health(world: World, asked: Asked) -> Record:
    groups = {one["TargetGroupArn"] for one in world.all("elbv2.target_groups")}
    if asked["TargetGroupArn"] not in groups:
        raise RefusedCallError("TargetGroupNotFound", f"Target group '{asked['TargetGroupArn']}' not found")
    found = [one for one in world.all("elbv2.targets") if one["TargetGroupArn"] == asked["TargetGroupArn"]]
    return {"TargetHealthDescriptions": [one["Description"] for one in found]}


def describe_rules(world: World, asked: Asked) -> Record:
    arns = asked.get("RuleArns")
    rules = world.all("elbv2.rules")
    found = [
        one for one in rules if one["ListenerArn"] == asked.get("ListenerArn") or one["Rule"]["RuleArn"] in (arns or ())
    ]
    return {"Rules": [one["Rule"] for one in found]}


def describe_vpc_attribute(world: World, asked: Asked) -> Record:
    attribute = asked["Attribute"]
    off = {(one["VpcId"], one["Attribute"]) for one in world.all("ec2.vpc_attributes_off")}
    name = attribute[:1].upper() + attribute[1:]
    return {"VpcId": asked["VpcId"], name: {"Value": (asked["VpcId"], attribute) not in off}}


def _role(world: World, asked: Asked) -> Record:
    for one in world.all("iam.roles"):
        if one["Role"]["RoleName"] == asked["RoleName"]:
            return one
    raise RefusedCallError("NoSuchEntity", f"The role with name {asked['RoleName']} cannot be found.")


def get_role_policy(world: World, asked: Asked) -> Record:
    inline: Mapping[str, str] = _role(world, asked)["Inline"]
    if asked["PolicyName"] not in inline:
        raise RefusedCallError("NoSuchEntity", f"The role policy with name {asked['PolicyName']} cannot be found.")
    return {
        "RoleName": asked["RoleName"],
        "PolicyName": asked["PolicyName"],
        "PolicyDocument": inline[asked["PolicyName"]],
    }


def _policy(world: World, asked: Asked) -> Record:
    for one in world.all("iam.policies"):
        if one["Policy"]["Arn"] == asked["PolicyArn"]:
            return one
    raise RefusedCallError("NoSuchEntity", f"Policy {asked['PolicyArn']} does not exist or is not attachable.")


def _repository(world: World, name: str) -> None:
    if all(one["repositoryName"] != name for one in world.all("ecr.repositories")):
        text = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
        raise RefusedCallError("RepositoryNotFoundException", text)


def _images(world: World, asked: Asked) -> tuple[list[Record], list[Record]]:
    """The images that were asked for, and the ids that no image has."""
    name = asked["repositoryName"]
    _repository(world, name)
    images = [one for one in world.all("ecr.images") if one["repositoryName"] == name]
    if "imageIds" not in asked:
        return images, []
    found: list[Record] = []
    missing: list[Record] = []
    for wanted in asked["imageIds"]:
        matching = [one for one in images if _is_image(one, wanted)]
        found += matching
        missing += [] if matching else [wanted]
    return found, missing


def _is_image(image: Record, wanted: Mapping[str, str]) -> bool:
    return wanted.get("imageDigest") == image["imageDigest"] or wanted.get("imageTag") in image.get("imageTags", [])


def describe_images(world: World, asked: Asked) -> Record:
    found, missing = _images(world, asked)
    if missing:
        text = f"The image with imageId {missing[0]} does not exist within the repository '{asked['repositoryName']}'"
        raise RefusedCallError("ImageNotFoundException", text)
    return {"imageDetails": [{key: value for key, value in one.items() if key != "manifest"} for one in found]}


def batch_get_image(world: World, asked: Asked) -> Record:
    found, missing = _images(world, asked)
    name = asked["repositoryName"]
    images = [
        {
            "registryId": ACCOUNT,
            "repositoryName": name,
            "imageManifest": one["manifest"],
            "imageId": {"imageDigest": one["imageDigest"]},
            "imageManifestMediaType": one["imageManifestMediaType"],
        }
        for one in found
    ]
    failures = [
        {"imageId": one, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
        for one in missing
    ]
    return {"images": images, "failures": failures}


def get_repository_policy(world: World, asked: Asked) -> Record:
    _repository(world, asked["repositoryName"])
    text = f"Repository policy does not exist for the repository with name '{asked['repositoryName']}'"
    raise RefusedCallError("RepositoryPolicyNotFoundException", text)


def describe_secret(world: World, asked: Asked) -> Record:
    for one in world.all("secretsmanager.secrets"):
        if asked["SecretId"] in {one["ARN"], one["Name"], one["ARN"].rpartition("-")[0]}:
            return one
    raise RefusedCallError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def describe_key(world: World, asked: Asked) -> Record:
    for one in world.all("kms.keys"):
        if asked["KeyId"] in {one["Arn"], one["KeyId"]}:
            return {"KeyMetadata": one}
    raise RefusedCallError("NotFoundException", f"Key '{asked['KeyId']}' does not exist")


def get_key_policy(world: World, asked: Asked) -> Record:
    """The policy that a key gets where nobody writes one: the account's own policies decide."""
    describe_key(world, asked)
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "PolicyName": "default"}


def _log_group(world: World, asked: Asked) -> str:
    name = asked.get("logGroupName") or _short_log_group(asked["logGroupIdentifier"])
    if all(one["logGroupName"] != name for one in world.all("logs.groups")):
        raise RefusedCallError("ResourceNotFoundException", "The specified log group does not exist.")
    return name


def _short_log_group(identifier: str) -> str:
    return identifier.rpartition(":log-group:")[2].removesuffix(":*")


def describe_log_streams(world: World, asked: Asked) -> Record:
    group, prefix = _log_group(world, asked), asked.get("logStreamNamePrefix", "")
    streams = [one for one in world.all("logs.streams") if one["group"] == group and one["name"].startswith(prefix)]
    return {"logStreams": [{"logStreamName": one["name"]} for one in streams]}


def get_log_events(world: World, asked: Asked) -> Record:
    group = _log_group(world, asked)
    for one in world.all("logs.streams"):
        if one["group"] == group and one["name"] == asked["logStreamName"]:
            events = [{**event, "ingestionTime": event["timestamp"]} for event in one["events"]]
            token = "f/end"
            return {"events": events, "nextForwardToken": token, "nextBackwardToken": "b/end"}
    raise RefusedCallError("ResourceNotFoundException", "The specified log stream does not exist.")


def filter_log_events(world: World, asked: Asked) -> Record:
    group, names = _log_group(world, asked), asked.get("logStreamNames")
    prefix, pattern = asked.get("logStreamNamePrefix", ""), asked.get("filterPattern", "").strip('"')
    events = [
        {"logStreamName": one["name"], "eventId": f"{one['name']}-{number}", **event}
        for one in world.all("logs.streams")
        if one["group"] == group and one["name"].startswith(prefix) and (not names or one["name"] in names)
        for number, event in enumerate(one["events"])
        if pattern in event["message"] and _is_within(asked, event["timestamp"])
    ]
    return {"events": events}


def _is_within(asked: Asked, timestamp: int) -> bool:
    """Whether an event is between the moments that a search names, in milliseconds."""
    return asked.get("startTime", 0) <= timestamp <= asked.get("endTime", timestamp)


def _stack(world: World, asked: Asked) -> Record:
    name = asked["StackName"]
    for one in world.all("cloudformation.stacks"):
        if name in {one["StackId"], one["StackName"]}:
            return one
    raise RefusedCallError("ValidationError", f"Stack with id {name} does not exist")


def _of_stack(world: World, asked: Asked, kind: str) -> list[Record]:
    stack_id = _stack(world, asked)["StackId"]
    return [one for one in world.all(kind) if one["StackId"] == stack_id]


def describe_stacks(world: World, asked: Asked) -> Record:
    return {"Stacks": [_stack(world, asked)] if "StackName" in asked else world.all("cloudformation.stacks")}


def list_stack_resources(world: World, asked: Asked) -> Record:
    resources = _of_stack(world, asked, "cloudformation.resources")
    kept = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus", "ResourceStatusReason")
    brief = [
        {key: one[key] for key in kept if key in one} | {"LastUpdatedTimestamp": one["Timestamp"]} for one in resources
    ]
    return {"StackResourceSummaries": brief}


def describe_events(world: World, asked: Asked) -> Record:
    """The stack's events as DescribeEvents shows them: a failed hook is an event of a type of its own."""
    events = [_operation_event(one) for one in _of_stack(world, asked, "cloudformation.events")]
    only_failed = (asked.get("Filters") or {}).get("FailedEvents")
    return {"OperationEvents": [one for one in events if not only_failed or _has_failed(one)]}


def _operation_event(event: Record) -> Record:
    kind = "HOOK_INVOCATION_ERROR" if event.get("HookStatus", "").endswith("FAILED") else "STACK_EVENT"
    return {name: value for name, value in event.items() if name != "StackName"} | {"EventType": kind}


def _has_failed(event: Record) -> bool:
    return event["EventType"] != "STACK_EVENT" or event["ResourceStatus"].endswith("FAILED")


HANDLERS = {
    "elbv2:DescribeTargetHealth": describe_target_health,
    "elbv2:DescribeRules": describe_rules,
    "ec2:DescribeVpcAttribute": describe_vpc_attribute,
    "iam:GetRole": lambda world, asked: {"Role": _role(world, asked)["Role"]},
    "iam:ListAttachedRolePolicies": lambda world, asked: {
        "AttachedPolicies": _role(world, asked)["Attached"],
        "IsTruncated": False,
    },
    "iam:ListRolePolicies": lambda world, asked: {
        "PolicyNames": list(_role(world, asked)["Inline"]),
        "IsTruncated": False,
    },
    "iam:GetRolePolicy": get_role_policy,
    "iam:GetPolicy": lambda world, asked: {"Policy": _policy(world, asked)["Policy"]},
    "iam:GetPolicyVersion": lambda world, asked: {"PolicyVersion": _policy(world, asked)["Version"]},
    "ecr:DescribeImages": describe_images,
    "ecr:BatchGetImage": batch_get_image,
    "ecr:GetRepositoryPolicy": get_repository_policy,
    "secretsmanager:DescribeSecret": describe_secret,
    "kms:DescribeKey": describe_key,
    "kms:GetKeyPolicy": get_key_policy,
    "logs:DescribeLogStreams": describe_log_streams,
    "logs:GetLogEvents": get_log_events,
    "logs:FilterLogEvents": filter_log_events,
    "cloudformation:DescribeStacks": describe_stacks,
    "cloudformation:DescribeStackEvents": lambda world, asked: {
        "StackEvents": _of_stack(world, asked, "cloudformation.events")
    },
    "cloudformation:DescribeEvents": describe_events,
    "cloudformation:DescribeStackResources": lambda world, asked: {
        "StackResources": _of_stack(world, asked, "cloudformation.resources")
    },
    "cloudformation:ListStackResources": list_stack_resources,
}
