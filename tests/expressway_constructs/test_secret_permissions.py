"""What the execution role may read: exactly the secrets named, however many, under whatever their ARNs are."""

import fnmatch
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from expressway_constructs.errors import ConstructError
from expressway_constructs.secret_permissions import CompleteArn, secret_policies
from expressway_constructs.service.gateway_service import ExpressGatewayService

pytestmark = pytest.mark.process

ACCOUNT, REGION = "111122223333", "eu-west-1"
PREFIX = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
PARAMETERS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/"
OTHER_PLACE = "arn:aws-cn:secretsmanager:cn-north-1:444455556666:secret:"
INLINE, MANAGED, ATTACHED = 10_240, 6_144, 10
"""Source: "IAM and AWS STS quotas"."""


def service_template(secrets: Mapping[str, str], *, complete: bool = False) -> dict[str, Any]:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Shop")
    given = {name: CompleteArn(arn) if complete else arn for name, arn in secrets.items()}
    service = ExpressGatewayService(stack, "Service", image="nginx:1", secrets=given)
    role: Any = service.execution_role
    for logical_id, made in (("Service", service.resource), ("ExecutionRole", role.node.default_child)):
        made.override_logical_id(logical_id)
    return app.synth().get_stack_by_name(stack.stack_name).template


def policies(template: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The inline policies of the execution role, and the managed policies made for it."""
    resources = template["Resources"]
    role = resources["ExecutionRole"]["Properties"]
    attached = [each["Ref"] for each in role["ManagedPolicyArns"] if "Ref" in each]
    inline = [each["PolicyDocument"] for each in role.get("Policies", [])]
    return inline, [resources[name]["Properties"]["PolicyDocument"] for name in attached]


def statements(template: Mapping[str, Any], action: str) -> Iterator[dict[str, Any]]:
    inline, managed = policies(template)
    for document in (*inline, *managed):
        yield from (each for each in document["Statement"] if each["Action"] == action)


def texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def may_read(template: Mapping[str, Any], arn: str) -> bool:
    action = "ssm:GetParameters" if ":ssm:" in arn else "secretsmanager:GetSecretValue"
    patterns = [pattern for each in statements(template, action) for pattern in texts(each["Resource"])]
    return any(fnmatch.fnmatchcase(arn, pattern) for pattern in patterns)


def may_decrypt(template: Mapping[str, Any], arn: str, *, key: str, via: str) -> bool:
    """As IAM evaluates it: resource, every operator and every key must match."""
    key_of_context = "PARAMETER_ARN" if ":ssm:" in arn else "SecretARN"
    request = {"kms:ViaService": via, f"kms:EncryptionContext:{key_of_context}": arn}
    return any(
        fnmatch.fnmatchcase(key, each["Resource"]) and _holds(each["Condition"], request)
        for each in statements(template, "kms:Decrypt")
    )


def _holds(condition: Mapping[str, Mapping[str, Any]], request: Mapping[str, str]) -> bool:
    return all(
        any(
            fnmatch.fnmatchcase(request.get(key, ""), one) if operator == "StringLike" else request.get(key) == one
            for one in texts(wanted)
        )
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def characters(document: Any) -> int:
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


@pytest.mark.parametrize(
    ("written", "real", "others"),
    [
        ("shop/api", ["shop/api-631cfd"], ["shop/api", "shop/api-x-631cfd", "shop/apis-631cfd", "shop/ap-631cfd"]),
        ("shop/api-secret", ["shop/api-secret-631cfd", "shop/api-secret"], ["shop/api-secrets-631cfd"]),
        ("db-AbCdEf", ["db-AbCdEf", "db-AbCdEf-631cfd"], ["db-631cfd", "db-AbCdEfx", "db-AbCdEf-631cfdx"]),
        ("db-AbCdEf:password::", ["db-AbCdEf"], ["db", "db-AbCdEf:password::"]),
        ("shop/api::AWSPREVIOUS:", ["shop/api-631cfd"], ["shop/api::AWSPREVIOUS:"]),
        ("shop/api-secret:key:stage:0123", ["shop/api-secret-631cfd"], []),
    ],
)
def test_a_secret_can_be_read_whether_or_not_its_arn_is_complete(
    written: str, real: list[str], others: list[str]
) -> None:
    template = service_template({"A": PREFIX + written})
    key, via = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234", f"secretsmanager.{REGION}.amazonaws.com"
    for name in real:
        assert may_read(template, PREFIX + name)
        assert may_decrypt(template, PREFIX + name, key=key, via=via)
    for name in others:
        assert not may_read(template, PREFIX + name)
        assert not may_decrypt(template, PREFIX + name, key=key, via=via)


def test_of_arns_that_are_known_to_be_complete_only_these_can_be_read() -> None:
    template = service_template({"A": f"{PREFIX}shop/api-secret-631cfd:key::"}, complete=True)
    (read,) = statements(template, "secretsmanager:GetSecretValue")
    (decrypt,) = statements(template, "kms:Decrypt")
    assert read["Resource"] == f"{PREFIX}shop/api-secret-631cfd"
    assert decrypt["Condition"]["StringEquals"] == {"kms:EncryptionContext:SecretARN": read["Resource"]}
    container = template["Resources"]["Service"]["Properties"]["PrimaryContainer"]
    assert container["Secrets"] == [{"Name": "A", "ValueFrom": f"{PREFIX}shop/api-secret-631cfd:key::"}]


def test_keys_decrypt_only_through_the_service_of_the_secret_in_its_account_and_region() -> None:
    arns = {"A": f"{PREFIX}a-AbCdEf", "B": f"{PARAMETERS}b", "C": f"{OTHER_PLACE}c-AbCdEf"}
    template = service_template(arns)
    for name, service, region, account, domain, partition in [
        ("A", "secretsmanager", REGION, ACCOUNT, "amazonaws.com", "aws"),
        ("B", "ssm", REGION, ACCOUNT, "amazonaws.com", "aws"),
        ("C", "secretsmanager", "cn-north-1", "444455556666", "amazonaws.com.cn", "aws-cn"),
    ]:
        key, via = f"arn:{partition}:kms:{region}:{account}:key/1234", f"{service}.{region}.{domain}"
        assert may_decrypt(template, arns[name], key=key, via=via)
        assert not may_decrypt(template, arns[name], key=key.replace(account, "777788889999"), via=via)
        assert not may_decrypt(template, arns[name], key=key.replace(region, "us-east-2"), via=via)
        assert not may_decrypt(template, arns[name], key=key.replace(partition, "aws-x", 1), via=via)
        assert not may_decrypt(template, arns[name], key=key, via=via.replace(service, "s3"))
        assert not may_decrypt(template, arns[name], key=key, via=via.replace(region, "us-east-2"))
        assert not may_decrypt(template, arns[name], key=key, via="")
        assert not may_decrypt(template, arns[name] + "x", key=key, via=via)


@pytest.mark.parametrize(
    ("count", "complete"),
    [
        *((count, True) for count in (1, 20, 23, 25, 59, 60, 100, 130, 200)),
        (1, False),
        (25, False),
        (60, False),
        (100, False),
    ],
)
def test_any_number_of_secrets_fits_into_what_a_role_may_hold(count: int, complete: bool) -> None:
    names = random.Random(count).sample(range(1000), count)
    secrets = {f"S{each}": f"{PREFIX}shop/production/service-{each:04}-631cfd" for each in names}
    template = service_template(secrets, complete=complete)
    inline, managed = policies(template)
    assert sum(characters(document) for document in inline) <= INLINE
    assert all(characters(document) <= MANAGED for document in managed)
    assert len(template["Resources"]["ExecutionRole"]["Properties"]["ManagedPolicyArns"]) <= ATTACHED
    assert all(may_read(template, arn) for arn in secrets.values())
    assert all(
        may_decrypt(
            template, arn, key=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1", via=f"secretsmanager.{REGION}.amazonaws.com"
        )
        for arn in secrets.values()
    )
    assert not may_read(template, f"{PREFIX}shop/production/service-1001-631cfd")


def test_several_places_and_long_names_stay_within_the_policies() -> None:
    chosen = random.Random(7)
    prefixes = (PREFIX, OTHER_PLACE, PREFIX.replace(REGION, "us-east-1"), PARAMETERS)
    secrets = {f"S{each}": chosen.choice(prefixes) + "x" * chosen.randint(1, 400) + f"{each}" for each in range(60)}
    inline, managed = policies(service_template(secrets))
    assert not inline
    assert managed
    assert all(characters(document) <= MANAGED for document in managed)


def test_variables_of_one_secret_name_it_once() -> None:
    template = service_template({f"S{each}": f"{PREFIX}shop-631cfd:key{each}::" for each in range(50)})
    (read,) = statements(template, "secretsmanager:GetSecretValue")
    assert read["Resource"] == [f"{PREFIX}shop-631cfd", f"{PREFIX}shop-631cfd-??????"]


@pytest.mark.parametrize(
    "wrong", ["arn:aws:s3:::bucket", "arn:aws:sqs:eu-west-1:1:q", "name", "arn:aws", "arn:aws:ssm"]
)
def test_what_is_no_secret_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ConstructError, match="expected the ARN of a Secrets Manager secret") as error:
        secret_policies([wrong])
    assert error.value.code == "invalid_secret"
    assert wrong in error.value.message


def test_no_secrets_need_no_policy() -> None:
    assert secret_policies([]) == []
    assert len(secret_policies([CompleteArn(f"{PREFIX}a-AbCdEf")])) == 1


def test_secrets_beyond_one_policy_of_a_role_that_was_given_come_before_the_service_too() -> None:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Foreign")
    principal: Any = iam.ServicePrincipal("ecs-tasks.amazonaws.com")
    role: Any = iam.Role(stack, "Role", assumed_by=principal)
    secrets = {f"S{each}": f"{PREFIX}shop/production/service-{each:04}-631cfd" for each in range(100)}
    ExpressGatewayService(stack, "Service", image="nginx:1", execution_role=role, secrets=secrets)
    template = app.synth().get_stack_by_name("Foreign").template
    made = {name: each for name, each in template["Resources"].items() if "Policy" in each["Type"]}
    (inline,) = (name for name, each in made.items() if each["Type"] == "AWS::IAM::Policy")
    (service,) = (each for each in template["Resources"].values() if "Express" in each["Type"])
    documents = [each["Properties"]["PolicyDocument"] for each in made.values()]
    assert all(characters(document) <= MANAGED for document in documents)
    assert all(arn in json.dumps(documents) for arn in secrets.values())
    assert inline in service["DependsOn"]
    assert set(made[inline]["DependsOn"]) == made.keys() - {inline}


def test_keys_of_a_secret_whose_arn_is_known_at_deploy_time_are_those_of_its_own_place() -> None:
    stack = cdk.Stack()
    given = cdk.CfnParameter(stack, "Arn").value_as_string
    (policy,) = secret_policies([f"{given}:password::"])
    _, decrypt = (stack.resolve(statement.to_statement_json()) for statement in policy)
    parts = [{"Fn::Select": [index, {"Fn::Split": [":", {"Ref": "Arn"}]}]} for index in (1, 3, 4)]
    partition, region, account = parts
    key = ["arn:", partition, ":kms:", region, ":", account, ":key/*"]
    assert decrypt["Resource"] == {"Fn::Join": ["", key]}
    via = {"Fn::Join": ["", ["secretsmanager.", region, ".*"]]}
    assert decrypt["Condition"]["StringLike"]["kms:ViaService"] == via


@pytest.mark.parametrize(
    ("behind", "services"),
    [("", {"secretsmanager", "ssm"}), (":password", {"secretsmanager"}), (":password::", {"secretsmanager"})],
)
def test_only_a_secret_of_secrets_manager_has_a_json_key(behind: str, services: set[str]) -> None:
    given = cdk.CfnParameter(cdk.Stack(), "Arn").value_as_string
    (statements,) = secret_policies([f"{given}{behind}"])
    actions = {action.partition(":")[0] for statement in statements for action in statement.actions}
    assert actions - {"kms"} == services
