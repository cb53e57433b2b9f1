"""Which emulated services are on: those that Expressway and the CDK's command line use, and those that were named.

The others could run code of whoever holds a key (Lambda functions, instances, databases in containers …), so they are
switched off in the API and in CloudFormation until ``expressway sandbox start --services`` names them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from expressway.errors import SandboxError
from expressway_sandbox import emulator
from expressway_sandbox.emulator import AwsFault

USED = frozenset(
    {
        *("acm", "application-autoscaling", "cloudformation", "ec2", "ecr", "ecs", "elasticloadbalancing", "iam"),
        *("kms", "logs", "monitoring", "route53", "secretsmanager", "servicediscovery", "sns", "ssm", "sts"),
    }
)
INSTANCES = "ec2-instances"
"""EC2's instances, which are containers of registered images: a switch of their own within ``ec2``."""

# The paths at which the used services answer: query and JSON protocols at the root, Route 53 and CloudWatch (CBOR)
# below their own. ministack serves further things by path alone, whatever a request is signed for.
_USED_PATHS = re.compile(r"/|/2013-04-01/.*|/service/GraniteServiceVersion20100801/operation/[A-Za-z]+", re.DOTALL)
_STARTING_INSTANCES = {"RunInstances", "StartInstances", "RunScheduledInstances", "RequestSpotInstances", "CreateFleet"}
_CUSTOM_RESOURCE = "AWS::CloudFormation::CustomResource"
_RECORDS = frozenset({"AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::RDS::DBParameterGroup"})
"""Types of services that are off which a stack may have all the same: as records, with no container behind them."""

_OF_NAMESPACE = {
    "CDK": "cloudformation",
    "CertificateManager": "acm",
    "CloudWatch": "monitoring",
    "Cognito": "cognito-idp",
    "DocDB": "documentdb",
    "EFS": "elasticfilesystem",
    "ElasticLoadBalancingV2": "elasticloadbalancing",
    "KinesisFirehose": "firehose",
    "OpenSearchService": "opensearch",
    "S3ObjectLambda": "s3",
    "StepFunctions": "states",
    "ApiGatewayV2": "apigateway",
    "ApplicationAutoScaling": "application-autoscaling",
}


class Switches:
    """The services that are on."""

    def __init__(self, named: Collection[str] = ()) -> None:
        app = emulator.module("app")
        aliases: Mapping[str, str] = app.SERVICE_NAME_ALIASES
        wanted = {aliases.get(name, name) for name in named}
        known = {*app.SERVICE_REGISTRY, INSTANCES}
        unknown = sorted(wanted - known)
        if unknown:
            raise SandboxError(
                "unknown_service",
                f"The sandbox cannot emulate {', '.join(unknown)}.",
                f"Choose from: {', '.join(sorted(known - USED))}.",
                {"unknown": unknown},
            )
        self.on = USED | wanted

    def is_on(self, service: str) -> bool:
        return service in self.on

    def serves(self, service: str, path: str) -> bool:
        """Whether a request for `service` at `path` may reach the emulator."""
        return self.is_on(service) and (self.on != USED or _USED_PATHS.fullmatch(path) is not None)

    def hook(self) -> None:
        """Switch off, within services that are on, what starts those that are off."""
        if not self.is_on(INSTANCES):
            actions: dict[str, Any] = emulator.module("services.ec2")._ACTION_MAP
            actions.update(dict.fromkeys(actions.keys() & _STARTING_INSTANCES, _refusing_instances))
        provisioners = emulator.module("services.cloudformation.provisioners")
        handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
        for resource_type, handler in list(handlers.items()):
            service = service_of(resource_type)
            if not self.is_on(service) and resource_type not in _RECORDS:
                handlers[resource_type] = {**handler, "create": _refusing(resource_type, service)}
        if not self.is_on("lambda"):
            provisioners._custom_resource_create = _refusing("a custom resource", "lambda")


def service_of(resource_type: str) -> str:
    """The service that must be on for a resource type: custom resources are functions of Lambda."""
    namespace = resource_type.split("::")[1] if resource_type.count("::") == 2 else ""
    if not namespace or resource_type == _CUSTOM_RESOURCE:
        return "lambda"
    return _OF_NAMESPACE.get(namespace, namespace.lower())


def switched_off(service: str) -> AwsFault:
    """The answer to a request for a service that is off."""
    return AwsFault("ServiceSwitchedOff", _sentence(f"the service {service}", service), 403)


def _sentence(what: str, service: str) -> str:
    return (
        f"This sandbox does not run {what}: only what Expressway and the cdk command use is on. "
        f"Start it with: expressway sandbox start --services {service}"
    )


def _refusing(resource_type: str, service: str) -> Callable[..., Any]:
    def create(*_arguments: Any, **_options: Any) -> Any:
        raise ValueError(_sentence(resource_type, service))

    return create


def _refusing_instances(_parameters: Any) -> Any:
    return emulator.module("services.ec2")._error("ServiceSwitchedOff", _sentence("EC2 instances", INSTANCES), 403)
