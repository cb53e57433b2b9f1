"""What a service waits for: enough to start, and never something that waits for the service itself."""

import json
import random
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from expressway_constructs.image import ExpressImage
from expressway_constructs.service.gateway_service import RESOURCE_TYPE, ExpressGatewayService
from tests.expressway_constructs.conftest import Synth, resources
from tests.expressway_constructs.template_graph import before, circle

pytestmark = pytest.mark.process


def task_role(stack: cdk.Stack, name: str) -> iam.Role:
    return iam.Role(stack, name, assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))


def only_service(template: dict[str, Any], name: str) -> str:
    (found,) = [each for each in resources(template, RESOURCE_TYPE) if each.startswith(name)]
    return found


def granted_before(template: dict[str, Any], service: str) -> str:
    """All policies that stand before a service is made, as text."""
    policies = resources(template, "AWS::IAM::Policy")
    return json.dumps([policies[name] for name in sorted(before(template, service) & set(policies))])


def test_a_service_may_be_granted_to_its_own_task_role(stack: cdk.Stack, synth: Synth) -> None:
    role = task_role(stack, "Task")
    api = ExpressGatewayService(stack, "Api", image="nginx:1", task_role=role)
    api.grant_describe(role)
    assert circle(synth(stack)) == []


def test_a_service_may_be_granted_to_a_role_of_one_that_uses_its_url(stack: cdk.Stack, synth: Synth) -> None:
    role = task_role(stack, "Task")
    api = ExpressGatewayService(stack, "Api", image="nginx:1", task_role=role)
    web = ExpressGatewayService(stack, "Web", image="nginx:1", environment={"API": api.url})
    web.grant_update(role)
    assert circle(synth(stack)) == []


def test_one_role_may_start_the_service_run_it_and_look_at_it(stack: cdk.Stack, synth: Synth) -> None:
    role = task_role(stack, "Both")
    secret = secretsmanager.Secret(stack, "Secret", encryption_key=kms.Key(stack, "Key"))
    api = ExpressGatewayService(
        stack, "Api", image="nginx:1", execution_role=role, task_role=role, secrets={"TOKEN": secret}
    )
    api.grant_describe(role)
    template = synth(stack)
    assert circle(template) == []
    granted = granted_before(template, only_service(template, "Api"))
    assert "secretsmanager:GetSecretValue" in granted
    assert "ecs:Describe" not in granted
    (key,) = resources(template, "AWS::KMS::Key").values()
    (decrypt,) = [each for each in key["Properties"]["KeyPolicy"]["Statement"] if each["Action"] == "kms:Decrypt"]
    assert decrypt["Principal"] == {"AWS": stack.resolve(role.role_arn)}


def test_what_was_granted_by_hand_comes_before_the_service_unless_it_names_it(stack: cdk.Stack, synth: Synth) -> None:
    one, other = (ExpressGatewayService(stack, name, image="nginx:1") for name in ("One", "Other"))
    queue = "arn:aws:sqs:eu-west-1:111122223333:queue"
    for service, named in ((one, queue), (other, cdk.Fn.sub(f"${{{stack.resolve(other.service_arn)['Ref']}}}"))):
        for role in (service.infrastructure_role, service.execution_role):
            assert role is not None
            role.add_to_principal_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[named]))
    template = synth(stack)
    assert circle(template) == []
    assert granted_before(template, only_service(template, "One")).count("sqs:SendMessage") == 2
    assert "sqs:SendMessage" not in granted_before(template, only_service(template, "Other"))


def test_a_role_that_takes_no_policies_gets_none(stack: cdk.Stack, synth: Synth) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::111122223333:role/mine", mutable=False)
    ExpressGatewayService(
        stack, "Api", image="nginx:1", execution_role=role, secrets={"A": secretsmanager.Secret(stack, "Secret")}
    )
    assert resources(synth(stack), "AWS::IAM::Policy") == {}


def test_a_service_in_a_nested_stack_and_roles_around_it(stack: cdk.Stack, app: cdk.App) -> None:
    role = task_role(stack, "Task")
    nested = cdk.NestedStack(stack, "Nested")
    secret = secretsmanager.Secret(stack, "Secret")
    outer = ExpressGatewayService(stack, "Outer", image="nginx:1", execution_role=role, secrets={"A": secret})
    inner = ExpressGatewayService(
        nested, "Inner", image="nginx:1", task_role=role, secrets={"A": secret}, environment={"OUTER": outer.url}
    )
    inner.grant_describe(role)
    assembly = app.synth()
    assert circle(assembly.get_stack_by_name(stack.stack_name).template) == []


class _Generated:
    """A stack of services, roles and grants, all chosen at random; only the app's own references make no circle."""

    def __init__(self, stack: cdk.Stack, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stack = stack
        self.secret = secretsmanager.Secret(stack, "Secret")
        self.repository = ecr.Repository(stack, "Images")
        self.shared = [task_role(stack, f"Shared{number}") for number in range(2)]
        self.services: list[ExpressGatewayService] = []
        for number in range(self.chance.randint(1, 3)):
            self.services.append(self._service(number))
        for _ in range(self.chance.randint(1, 6)):
            self._grant()

    def _service(self, number: int) -> ExpressGatewayService:
        chance = self.chance
        roles = {name: self._role() for name in ("infrastructure_role", "execution_role", "task_role")}
        earlier = [each for each in self.services if chance.random() < 0.5]
        image = ExpressImage.from_ecr_repository(self.repository, "v1") if chance.random() < 0.5 else "nginx:1"
        return ExpressGatewayService(
            self.stack,
            f"Service{number}",
            image=image,
            secrets={"TOKEN": self.secret} if chance.random() < 0.6 else None,
            environment={f"URL{index}": each.url for index, each in enumerate(earlier)},
            **roles,
        )

    def _role(self) -> iam.IRole | None:
        return self.chance.choice([None, None, *self.shared])  # pyright: ignore[reportReturnType]

    def _grant(self) -> None:
        service = self.chance.choice(self.services)
        other = self.chance.choice(self.services)
        roles = [role for role in (other.task_role, other.execution_role, other.infrastructure_role) if role]
        role = self.chance.choice([*roles, *self.shared])
        kind = self.chance.randint(0, 4)
        if kind == 0:
            service.grant_describe(role)  # type: ignore[arg-type]
        elif kind == 1:
            service.grant_update(role)  # type: ignore[arg-type]
        elif kind == 2:
            statement = iam.PolicyStatement(actions=["ecs:List*"], resources=[f"{service.service_arn}/*"])
            role.add_to_principal_policy(statement)
        elif kind == 3:
            self.repository.grant_pull(role)  # type: ignore[arg-type]
        else:
            self._table(service).grant_read_data(role)  # type: ignore[arg-type]

    def _table(self, service: ExpressGatewayService) -> dynamodb.Table:
        """A table whose name leads back to a service."""
        name = f"Table{len(self.stack.node.children)}"
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        return dynamodb.Table(self.stack, name, partition_key=key, table_name=f"of-{service.service_name}")


@pytest.mark.parametrize("seed", range(40))
def test_no_combination_of_roles_and_grants_makes_a_circular_template(
    stack: cdk.Stack, synth: Synth, seed: int
) -> None:
    made = _Generated(stack, seed)
    template = synth(stack)
    assert circle(template) == []
    for number in range(len(made.services)):
        name = only_service(template, f"Service{number}")
        container = template["Resources"][name]["Properties"]["PrimaryContainer"]
        granted = granted_before(template, name)
        assert ("Secrets" not in container) or ("secretsmanager:GetSecretValue" in granted)
