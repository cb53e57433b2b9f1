"""Who gets past the sandbox's gate: holders of its key and of its registry's tokens, and nobody's web page."""

import base64
import http.client
import json
import os
import random
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import docker
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from expressway.core.child_environment import NETWORK, child_environment
from expressway.core.sandbox_key import SandboxKey, find_key, new_key
from expressway.errors import SandboxError
from expressway_sandbox import lifecycle
from expressway_sandbox.ecr.tokens import RegistryTokens
from expressway_sandbox.lifecycle import SandboxInfo
from expressway_sandbox.server import emulator_environment
from tests.expressway_sandbox.conftest import Cloud, endpoint_of, wait_for_deployment
from tests.sandbox_clients import client, registry_login, signed

pytestmark = pytest.mark.sandbox

PATHS = (
    *("/", "/health", "/_ministack/health", "/_ministack/ready", "/_ministack/reset", "/_ministack/config"),
    *(
        "/_localstack/health",
        "/2015-03-31/functions",
        "/v4/token",
        "/v2/credentials/x",
        "/latest/meta-data/",
        "/bucket",
    ),
    *("/_ministack/rds/iam-auth", "/_ministack/lambda-code/x", "/.well-known/jwks.json", "/oauth2/token"),
    *("/_ministack/cfn-response/x", "/_ministack/cfn-signal/x", "/_aws/execute-api/a/b", "/v2/email/identities"),
    *("/_ministack/eks-auth/x", "/restapis", "/graphql", "/Execute", "/%2e%2e/_ministack/reset", "//_ministack/reset"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
LIST_CLUSTERS = {
    "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
    "Content-Type": "application/x-amz-json-1.1",
}


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxInfo]:
    """A sandbox that needs no engine."""
    started = lifecycle.start(state_dir=tmp_path_factory.mktemp("gate"))
    yield started
    lifecycle.stop(started.state_dir)


def send(
    info: SandboxInfo, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", info.port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def hosts(port: int) -> list[str]:
    """Host names of strangers: plain ones, lookalikes of loopback, hosts of AWS, and no name at all."""
    named = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost", "0.0.0.0", "[::]"]
    named += ["sts.amazonaws.com", "lambda.us-east-1.amazonaws.com", "000000000000.dkr.ecr.us-east-1.amazonaws.com"]
    named += [
        "api.execute-api.localhost",
        "bucket.s3.localhost",
        "x.lambda-url.us-east-1.localhost",
        "127.1",
        "2130706433",
    ]
    named += [
        "ex-0.ecs.us-east-1.localhost.evil.example",
        "127.0.0.1@evil.example",
        "localhost.",
        "host.docker.internal",
    ]
    return [
        "",
        f"127.0.0.1:{port % 65535 + 1}",
        "127.0.0.1",
        "localhost",
        *(f"{name}:{port}" for name in named),
        *named,
    ]


def test_a_foreign_host_is_refused_signed_or_not_before_the_emulator_runs(info: SandboxInfo) -> None:
    for host in hosts(info.port):
        signature = signed(
            info.endpoint_url, info.key, service="ecs", headers=LIST_CLUSTERS | {"Host": host}, body=b"{}"
        )
        for headers in ({"Host": host}, {**signature, "Host": host}):
            status, answered, text = send(info, "POST", "/", headers, b"{}")
            assert status in (400, 403), (host, status, text)
            assert not any(name.startswith(("access-control-", "x-amzn-")) for name in answered), host


def test_its_own_names_are_taken(info: SandboxInfo) -> None:
    for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
        url = f"http://{name}:{info.port}/"
        headers = signed(
            url, info.key, service="ecs", headers=LIST_CLUSTERS | {"Host": urlsplit(url).netloc}, body=b"{}"
        )
        assert send(info, "POST", "/", headers, b"{}")[0] == 200, name


def test_two_host_headers_are_refused(info: SandboxInfo) -> None:
    with socket.create_connection(("127.0.0.1", info.port), timeout=30) as raw:
        own = f"127.0.0.1:{info.port}"
        raw.sendall(f"GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
        assert raw.recv(64).split()[1] in (b"400", b"403")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "", "SELF"])
def test_a_request_with_an_origin_is_refused_even_signed_and_preflight_gets_no_permission(
    info: SandboxInfo, origin: str
) -> None:
    told = info.endpoint_url if origin == "SELF" else origin
    signature = signed(info.endpoint_url, info.key, service="ecs", headers=LIST_CLUSTERS, body=b"{}")
    assert send(info, "POST", "/", {**signature, "Origin": told}, b"{}")[0] == 403
    for method in METHODS:
        for path in ("/", "/v2/", "/_ministack/ready", "/2015-03-31/functions"):
            asked = {"Origin": told, "Access-Control-Request-Method": "POST"}
            status, headers, text = send(info, method, path, asked)
            assert status == 403, (method, path)
            assert not any(name.startswith("access-control-") for name in headers)
            assert method == "HEAD" or b"Origin" in text


def test_nothing_unsigned_is_answered_and_signed_answers_are_for_no_page(info: SandboxInfo) -> None:
    for path in PATHS:
        for method in METHODS:
            for headers in ({}, LIST_CLUSTERS, {"Content-Type": "text/plain"}):
                status, answered, text = send(info, method, path, headers, b"{}" if method in ("POST", "PUT") else None)
                assert status in (400, 401, 403), (method, path, status, text[:200])
                assert not any(name.startswith("access-control-") for name in answered), path
    signature = signed(info.endpoint_url, info.key, service="ecs", headers=LIST_CLUSTERS, body=b"{}")
    status, answered, _ = send(info, "POST", "/", signature, b"{}")
    assert status == 200
    assert not any(name.startswith("access-control-") for name in answered)


def test_a_websocket_is_refused(info: SandboxInfo) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    for path in ("/", "/mqtt", "/_aws/execute-api/a/b"):
        assert send(info, "GET", path, {**upgrade, "Sec-WebSocket-Key": base64.b64encode(b"0" * 16).decode()})[0] == 403


def test_the_private_token_opens_what_the_api_key_does_not(info: SandboxInfo) -> None:
    signature = signed(f"{info.endpoint_url}/_ministack/health", info.key, service="ecs")
    assert send(info, "GET", "/_ministack/health", signature)[0] == 403
    for wrong in ("", "x", info.key.secret_access_key, "é"):
        assert send(info, "GET", "/_ministack/health", {"X-Expressway-Sandbox-Token": wrong})[0] == 403
    lifecycle.reset(info.state_dir)


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("cloudformation", "list_stacks", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("ecs", "list_clusters", "UnrecognizedClientException", "InvalidSignatureException"),
        ("logs", "describe_log_groups", "UnrecognizedClientException", "InvalidSignatureException"),
        ("ec2", "describe_vpcs", "AuthFailure", "AuthFailure"),
        ("route53", "list_hosted_zones", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys_get_the_answer_of_aws(
    info: SandboxInfo, service: str, operation: str, unknown: str, wrong: str
) -> None:
    def answer(key: SandboxKey) -> str:
        made: Any = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=info.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )
        try:
            getattr(made, operation)()
        except ClientError as exc:
            return str(exc.response.get("Error", {}).get("Code"))
        return "accepted"

    assert answer(info.key) == "accepted"
    assert answer(new_key()) == unknown
    for known in ("test", "", "AKIAIOSFODNN7EXAMPLE"):
        assert answer(SandboxKey(known or "x", "test")) == unknown
    assert answer(SandboxKey(info.key.access_key_id, "test")) == wrong
    assert answer(SandboxKey("000000000000", "test")) == wrong


Sent = tuple[str, str, dict[str, str], bytes]


def _other_body(sent: Sent, chance: random.Random) -> Sent:
    method, path, headers, body = sent
    at = chance.randrange(len(body))
    return method, path, headers, body[:at] + bytes([body[at] ^ (1 << chance.randrange(5))]) + body[at + 1 :]


def _other_line(sent: Sent, chance: random.Random) -> Sent:
    method, path = chance.choice(("PUT", "PATCH", "POST")), "/" + "".join(chance.choices("abc/%20?=&", k=3)) + "x"
    return method, path, sent[2], sent[3]


def _other_header(sent: Sent, chance: random.Random) -> Sent:
    operation = chance.choice(("RunTask", "ListTasks", "RegisterTaskDefinition"))
    changed = chance.choice(
        (
            {"X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"},
            {f"X-Amz-Other-{chance.randrange(9)}": "1"},
            {"X-Amz-Date": f"20{chance.randrange(10, 25)}{sent[2]['X-Amz-Date'][4:]}"},
            {"X-Amz-Date": "x"},
            {"X-Amz-Security-Token": "x"},
        )
    )
    return sent[0], sent[1], {**sent[2], **changed}, sent[3]


def _other_signature(sent: Sent, chance: random.Random) -> Sent:
    text = sent[2]["Authorization"]
    at = chance.randrange(text.index("Credential"), len(text))
    letter = chance.choice([letter for letter in "abcdef0123456789XYZ" if letter != text[at]])
    return sent[0], sent[1], {**sent[2], "Authorization": text[:at] + letter + text[at + 1 :]}, sent[3]


def test_a_signature_holds_for_one_request_only(info: SandboxInfo) -> None:
    """Whatever is changed about a signed request, it is refused: 200 changes, always the same."""
    chance, body = random.Random(7), b'{"maxResults": 10}'
    made = signed(info.endpoint_url, info.key, service="ecs", headers=LIST_CLUSTERS, body=body)
    sent: Sent = ("POST", "/", made, body)
    assert send(info, *sent)[0] == 200
    for _ in range(200):
        change = chance.choice((_other_body, _other_line, _other_header, _other_signature))
        changed = change(sent, chance)
        assert send(info, *changed)[0] in (400, 401, 403), changed


def test_a_claimed_body_hash_is_compared_with_the_body(info: SandboxInfo) -> None:
    for told in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64):
        made = signed(
            info.endpoint_url,
            info.key,
            service="ecs",
            headers=LIST_CLUSTERS | {"X-Amz-Content-SHA256": told},
            body=b"{}",
        )
        assert send(info, "POST", "/", made, b"{}")[0] in (400, 403)


def test_a_signature_of_another_time_is_refused(info: SandboxInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    import botocore.auth

    for minutes, accepted in ((0, True), (-4, True), (4, True), (-20, False), (20, False), (60 * 24 * 365, False)):
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment)
        made = signed(info.endpoint_url, info.key, service="ecs", headers=LIST_CLUSTERS, body=b"{}")
        assert (send(info, "POST", "/", made, b"{}")[0] == 200) == accepted, minutes


def test_presigned_requests_are_verified(info: SandboxInfo) -> None:
    def presigned(key: SandboxKey, seconds: int = 60) -> str:
        url = f"{info.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url)
        credentials = Credentials(key.access_key_id, key.secret_access_key)
        SigV4QueryAuth(credentials, "sts", "us-east-1", expires=seconds).add_auth(request)
        return str(request.url).removeprefix(info.endpoint_url)

    path = presigned(info.key)
    status, _, text = send(info, "GET", path)
    assert status == 200
    assert b"000000000000" in text
    for changed in (
        path.replace("GetCallerIdentity", "GetSessionToken"),
        path.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        path[:-1] + ("0" if path[-1] != "0" else "1"),
        path + "&DurationSeconds=900",
        presigned(new_key()),
        presigned(SandboxKey(info.key.access_key_id, "test")),
        presigned(info.key, seconds=0),
        presigned(info.key, seconds=10**9),
    ):
        assert send(info, "GET", changed)[0] in (400, 403), changed


def test_sessions_and_users_keys_work_as_long_as_they_are_there(info: SandboxInfo) -> None:
    sts, iam = client(info, "sts"), client(info, "iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="gate", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    session = sts.assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]

    def caller(key_id: str, secret: str, token: str | None = None) -> str:
        made = boto3.client(
            "sts",
            endpoint_url=info.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )
        try:
            return str(made.get_caller_identity()["Arn"])
        except ClientError as exc:
            return str(exc.response.get("Error", {}).get("Code"))

    key_id, secret, token = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    assert caller(key_id, secret, token) == "arn:aws:sts::000000000000:assumed-role/gate/one"
    assert caller(key_id, secret) == "InvalidClientTokenId"
    assert caller(key_id, secret, token[:-2] + "xx") == "InvalidClientTokenId"
    assert caller(key_id, "x" + secret[1:], token) == "SignatureDoesNotMatch"
    iam.create_user(UserName="gate")
    made = iam.create_access_key(UserName="gate")["AccessKey"]
    assert caller(made["AccessKeyId"], made["SecretAccessKey"]) == "arn:aws:iam::000000000000:user/gate"
    iam.delete_access_key(UserName="gate", AccessKeyId=made["AccessKeyId"])
    assert caller(made["AccessKeyId"], made["SecretAccessKey"]) == "InvalidClientTokenId"
    assert caller("111122223333", info.key.secret_access_key) == "arn:aws:iam::111122223333:root"


def test_the_registry_takes_only_tokens_that_ecr_gave_out(info: SandboxInfo) -> None:
    login = registry_login(info)
    paths = ("/v2", "/v2/", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/manifests/x", "/v2/a/blobs/sha256:0")

    def basic(user: str, password: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    refused: list[dict[str, str]] = [
        {},
        basic("AWS", "ministack-auth-token"),
        basic("AWS", ""),
        basic("aws", login["password"]),
        basic(info.key.access_key_id, info.key.secret_access_key),
        {"Authorization": "Basic !!!"},
        {"Authorization": f"Bearer {login['password']}"},
        signed(info.endpoint_url + "/v2/", info.key, service="ecr"),
    ]
    for path in paths:
        for headers in refused:
            status, answered, _ = send(info, "GET", path, headers)
            assert status == 401, (path, headers)
            assert answered["www-authenticate"].startswith(f'Basic realm="http://127.0.0.1:{info.port}/"')
        assert send(info, "GET", path, basic("AWS", login["password"]))[0] in (200, 404)


def test_tokens_of_the_registry_expire_and_a_download_is_for_one_layer() -> None:
    now = [1000.0]
    tokens = RegistryTokens(clock=lambda: now[0])
    password, expiry = tokens.issue()
    header = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()
    assert tokens.accepts(header)
    assert expiry == 1000 + 12 * 3600
    now[0] = expiry
    assert not tokens.accepts(header)
    url = urlsplit(tokens.sign_download("https://registry/v2/a/blobs/sha256:1"))
    assert tokens.accepts_download(url.path, url.query)
    assert not tokens.accepts_download("/v2/a/blobs/sha256:2", url.query)
    assert not tokens.accepts_download(url.path, "")


def test_services_that_nothing_here_needs_are_off_unless_named(info: SandboxInfo) -> None:
    def code(call: Callable[[], object]) -> str:
        with pytest.raises(ClientError) as caught:
            call()
        error: Any = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    for service, operation in (
        ("lambda", "list_functions"),
        ("s3", "list_buckets"),
        ("sqs", "list_queues"),
        ("dynamodb", "list_tables"),
        ("rds", "describe_db_instances"),
        ("stepfunctions", "list_state_machines"),
        ("codebuild", "list_projects"),
        ("apigateway", "get_rest_apis"),
        ("eks", "list_clusters"),
        ("batch", "describe_job_queues"),
    ):
        told = code(getattr(client(info, service), operation))
        assert told.startswith("ServiceSwitchedOff"), told
        assert "expressway sandbox start --services" in told
    run = {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}
    assert "--services ec2-instances" in code(lambda: client(info, "ec2").run_instances(**run))


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"Runtime": "python3.12", "Handler": "index.x", "Role": "r", "Code": {"ZipFile": "x = print"}},
}


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        (FUNCTION, "lambda"),
        (
            {"Type": "Custom::Anything", "Properties": {"ServiceToken": "arn:aws:lambda:x"}},
            "lambda",
        ),
        ({"Type": "AWS::CloudFormation::CustomResource", "Properties": {"ServiceToken": "arn:x"}}, "lambda"),
        ({"Type": "AWS::S3::Bucket"}, "s3"),
    ],
)
def test_a_stack_does_not_switch_a_service_on(info: SandboxInfo, resource: dict[str, Any], service: str) -> None:
    cloudformation, name = client(info, "cloudformation"), "off-" + resource["Type"].replace("::", "-")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"It": resource}}))
    with pytest.raises(Exception, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
        )
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events if event["LogicalResourceId"] == "It"]
    assert any(f"--services {service}" in reason for reason in reasons), reasons


def test_a_named_service_is_on_and_is_told(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    info = lifecycle.start(state_dir=directory, services=("lambda", "s3"))
    try:
        client(info, "s3").create_bucket(Bucket="mine")
        client(info, "s3").put_object(Bucket="mine", Key="a/b c", Body=b"x" * 70_000)
        assert client(info, "s3").get_object(Bucket="mine", Key="a/b c")["Body"].read() == b"x" * 70_000
        assert client(info, "lambda").list_functions()["Functions"] == []
        assert lifecycle.start(state_dir=directory, services=("s3",)) == info
        with pytest.raises(SandboxError) as caught:
            lifecycle.start(state_dir=directory, services=("s3", "sqs"))
        assert caught.value.code == "sandbox_runs_without"
        assert "sqs" in caught.value.message
    finally:
        lifecycle.stop(directory)
    with pytest.raises(SandboxError) as caught:
        lifecycle.start(state_dir=directory, services=("nonsense",))
    assert caught.value.code == "unknown_service"
    assert lifecycle.status(directory) is None


def test_every_sandbox_has_a_key_of_its_own_that_only_its_user_reads(info: SandboxInfo, tmp_path: Path) -> None:
    directory = tmp_path / "state"
    other = lifecycle.start(state_dir=directory)
    lifecycle.stop(directory)
    assert stat.S_IMODE((info.state_dir / "sandbox.json").stat().st_mode) == 0o600
    assert info.key.access_key_id != other.key.access_key_id
    assert len(info.key.secret_access_key) >= 40
    for shown in (repr(info), json.dumps(info.to_dict(), default=str), (info.state_dir / "sandbox.log").read_text()):
        assert info.key.secret_access_key not in shown
    assert find_key(info.endpoint_url, {}) == info.key
    assert find_key(other.endpoint_url, {"EXPRESSWAY_HOME": str(tmp_path)}).access_key_id == "AKIASANDBOXKEYUNKNOWN"
    told = lifecycle.environment(other)
    assert find_key(other.endpoint_url, told) == other.key
    assert find_key("http://127.0.0.1:1", told) != other.key


SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "a-real-secret",
    "AWS_SESSION_TOKEN": "a-real-token",
    "AWS_PROFILE": "production",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/x",
    "GITHUB_TOKEN": "ghp_real",
    "NPM_TOKEN": "npm_real",
    "DATABASE_URL": "postgres://me:secret@db/x",
    "MY_PASSWORD": "hunter2",
    "SSH_AUTH_SOCK": "/tmp/agent",
}


def test_the_emulator_starts_without_the_starters_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    info = lifecycle.start(state_dir=tmp_path / "state")
    try:
        told = Path(f"/proc/{info.pid}/environ").read_bytes().decode().split("\0")
        variables = dict(entry.split("=", 1) for entry in told if "=" in entry)
    finally:
        lifecycle.stop(tmp_path / "state")
    assert variables.pop("AWS_ACCESS_KEY_ID") == info.key.access_key_id
    assert variables.pop("AWS_SECRET_ACCESS_KEY") == info.key.secret_access_key
    assert not set(variables) & set(SECRETS)
    assert not set(variables.values()) & set(SECRETS.values())


def test_no_process_of_the_sandbox_gets_what_it_does_not_need() -> None:
    environ = SECRETS | {"HOME": "/home/me", "LC_ALL": "C", "https_proxy": "http://proxy:3128", "PATH": "/opt/bin"}
    for made in (child_environment(environ, also=NETWORK), emulator_environment(environ)):
        assert not set(made) & set(SECRETS)
        assert made["HOME"] == "/home/me"
        assert made["PATH"].split(os.pathsep)[0] == "/opt/bin"
        assert "/usr/sbin" in made["PATH"].split(os.pathsep)
    assert "https_proxy" not in emulator_environment(environ)


@pytest.mark.engine
def test_an_app_gets_what_names_its_host_and_reaches_no_api(
    cloud: Cloud, engine: docker.DockerClient, service_request: Callable[..., dict[str, Any]]
) -> None:
    ecs = cloud.client("ecs")
    arn = ecs.create_express_gateway_service(**service_request("gate-app"))["service"]["serviceArn"]
    try:
        assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
        endpoint = endpoint_of(cloud, arn)
        for path, text in (("/", b"version 1"), ("/health", b"ok"), ("/v2/page", b"below v2")):
            page = {"Host": f"{endpoint}:{cloud.info.port}", "Origin": "http://evil.example"}
            status, headers, body = send(cloud.info, "GET", path, page)
            assert (status, body) == (200, text)
            assert not any(name.startswith("access-control-") for name in headers)
        preflight = {"Host": endpoint, "Origin": "http://a.example", "Access-Control-Request-Method": "PUT"}
        status, headers, _ = send(cloud.info, "OPTIONS", "/", preflight)
        assert status == 501, "the app's own answer: busybox httpd knows no OPTIONS"
        ask = f"/bin/busybox wget -q -O - http://127.0.0.1:{cloud.info.port}/_ministack/health 2>&1; true"
        image = f"127.0.0.1:{cloud.info.port}/team/web:v1"
        told = engine.containers.run(image, ["/bin/sh", "-c", ask], network_mode="host", remove=True)
        assert b"403" in told
    finally:
        ecs.delete_express_gateway_service(serviceArn=arn)
