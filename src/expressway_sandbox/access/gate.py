"""What every request passes before the emulator sees it: where it comes from, who signed it, which service it is for.

A browser sends any page's requests to loopback ports, with its cookies or without, and lets a page choose a host name
that leads here (DNS rebinding). So nothing is served for a foreign Host, nor for a request with an Origin; the
emulated APIs take only requests signed with a key of this sandbox, the registry only tokens of its ECR, and the
emulator's own paths only the private token of its starter. The data plane of deployed apps is not behind it
(see `ingress`).
"""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from expressway.core.sandbox_key import SandboxKey
from expressway.errors import SandboxError
from expressway_sandbox import emulator
from expressway_sandbox.access import signatures
from expressway_sandbox.access.signatures import Failure, SignedRequest
from expressway_sandbox.ecr.tokens import TOKENS
from expressway_sandbox.emulator import Application, AwsFault, Receive, Scope, Send

PRIVATE_TOKEN_HEADER = "x-expressway-sandbox-token"  # noqa: S105 - a header's name
_LARGEST_BODY_BYTES = 256 * 1024 * 1024


def private_token(key: SandboxKey) -> str:
    """The token for the emulator's own paths (``/_ministack/…``), which clients of the APIs never send."""
    return hmac.new(key.secret_access_key.encode(), b"expressway-sandbox", hashlib.sha256).hexdigest()


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
    """Which emulated services are on: those that Expressway and the CDK's command line use, and those that were named.

    The others could run code of whoever holds a key (Lambda functions, instances, databases in containers …), so they
    are off in the API and in CloudFormation until ``expressway sandbox start --services`` names them.
    """

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
            ec2 = emulator.module("services.ec2")
            actions: dict[str, Any] = ec2._ACTION_MAP
            sentence = _sentence("EC2 instances", INSTANCES)

            def refused(_parameters: Any) -> Any:
                return ec2._error("ServiceSwitchedOff", sentence, 403)

            actions.update(dict.fromkeys(actions.keys() & _STARTING_INSTANCES, refused))
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


@dataclass(frozen=True)
class Gate:
    """Decides on each request to the emulator at 127.0.0.1:`port`."""

    application: Application
    port: int
    key: SandboxKey
    switches: Switches

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
        elif scope["type"] == "websocket":
            await emulator.refuse_websocket(receive, send)
        elif refusal := self._foreign(scope):
            await emulator.plain(send, 403, refusal)
        else:
            await self._authenticated(scope, receive, _without_cors(send))

    def _foreign(self, scope: Scope) -> str | None:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name.lower() == b"host"]
        own = [f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        if len(hosts) != 1 or not set(own).issuperset(hosts):
            return f"This sandbox answers only requests with one of these Host headers: {', '.join(own)}."
        if any(name.lower() == b"origin" for name, _ in scope["headers"]):
            return "This sandbox answers no requests of web pages: this one has an Origin header."
        return None

    async def _authenticated(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        token = emulator.header_fields(scope).get(PRIVATE_TOKEN_HEADER, "")
        if hmac.compare_digest(token.encode(), private_token(self.key).encode()):
            await self.application(scope, receive, send)
        elif emulator.module("app")._is_ecr_registry_path(path):
            await self._registry(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _registry(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"").decode("latin-1")
        reads = scope["method"] in ("GET", "HEAD")
        if TOKENS.accepts(emulator.header_fields(scope).get("authorization", "")) or (
            reads and TOKENS.accepts_download(scope["path"], query)
        ):
            await self.application(scope, receive, send)
            return
        error = {"code": "UNAUTHORIZED", "message": "a login is needed: aws ecr get-login-password"}
        realm = f'Basic realm="http://127.0.0.1:{self.port}/",service="ecr.amazonaws.com"'
        headers = {
            "Content-Type": "application/json",
            "WWW-Authenticate": realm,
            "Docker-Distribution-Api-Version": "registry/2.0",
        }
        body = json.dumps({"errors": [error]}).encode()
        await emulator.module("app")._send_response(send, 401, headers, body)

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        failure = signatures.early_failure(request, self.key)
        if failure is None:
            body = await emulator.read_body(receive, _LARGEST_BODY_BYTES)
            if body is None:
                await emulator.plain(send, 413, f"A request has at most {_LARGEST_BODY_BYTES} bytes.")
                return
            request = replace(request, body=body)
            failure = signatures.failure(request, self.key)
        service = _service(scope, request)
        if failure is None and not self.switches.serves(service, scope["path"]):
            fault = switched_off(service)
            failure = Failure(fault.code, fault.message)
        if failure is not None:
            known = service if self.switches.is_on(service) or failure != signatures.UNSIGNED else "sts"
            await emulator.module("app")._send_response(send, *_refusal(known, failure, request))
            return
        await self.application(scope, emulator.replayed(request.body, receive), send)


def _request(scope: Scope) -> SignedRequest:
    raw_path = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"").decode("latin-1")
    return SignedRequest(scope["method"], raw_path.decode("latin-1"), query, emulator.header_fields(scope))


def _service(scope: Scope, request: SignedRequest) -> str:
    """The service to which ministack would give the request."""
    path, headers, app = scope["path"], dict(request.headers), emulator.module("app")
    parameters = app._routing_params(request.method, path, headers, request.body, request.parameters)
    return str(emulator.module("core.router").detect_service(request.method, path, headers, parameters))


def _refusal(service: str, failure: Failure, request: SignedRequest) -> emulator.Answer:
    """The failure in the protocol of the service, with its status and content type."""
    app, identifier = emulator.module("app"), str(uuid.uuid4())
    status, headers, body = app._credential_failure(service, "", identifier, failure, dict(request.headers))
    return status, {**headers, "x-amzn-requestid": identifier}, body


def _without_cors(send: Send) -> Send:
    """`send` without the CORS headers by which ministack lets any page read every answer."""

    async def send_without(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if not pair[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": headers}
        await send(message)

    return send_without
