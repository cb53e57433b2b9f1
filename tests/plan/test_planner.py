"""A plan says what deploying would do, asks only reads, and leaves strangers' stacks alone."""

import json
from dataclasses import replace

import pytest

from expressway.aws.values.limits import TEMPLATE_BODY
from expressway.aws.values.service import ServiceState
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import AppTemplates, Template
from expressway.errors import RefusedError, StackError
from expressway.image.values import PlannedImage
from expressway.plan.plan import Plan
from expressway.plan.planner import deploying_identity, plan_app, stack_parameters
from expressway.plan.ports import AccountReads

TARGET = Target("111122223333", "us-east-1", caller_arn="arn:aws:iam::111122223333:user/first")
MARK = {"Expressway": {"App": "hello", "Schema": 1}}
REPOSITORY = Template(
    "hello-ecr-infrastructure",
    json.dumps(
        {
            "Metadata": MARK,
            "Parameters": {"PusherArn": {"Type": "String", "Default": ""}},
            "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"Trust": {"Ref": "PusherArn"}}}},
        }
    ),
)
SERVICE = Template(
    "hello-express-service",
    json.dumps(
        {
            "Metadata": MARK,
            "Parameters": {"ImageUri": {"Type": "String"}},
            "Resources": {"Service": {"Type": "AWS::ECS::ExpressGatewayService", "Properties": {"Cpu": "256"}}},
        }
    ),
)
TEMPLATES = AppTemplates(REPOSITORY, SERVICE)
PUBLISHED = PlannedImage("published", "repo@sha256:1", "content-1")


class Stacks(dict[str, StackState]):
    """Stacks to describe; nothing else can be asked."""

    def describe(self, stack_name: str) -> StackState | None:
        return self.get(stack_name)


def state(of: Template, status: str = "CREATE_COMPLETE", **fields: object) -> StackState:
    defaults: dict[str, object] = {"owner_app": "hello", "template": of.body}
    return StackState(of.stack_name, f"arn:{of.stack_name}", status, **(defaults | fields))  # type: ignore[arg-type]


def deployed(**parameters: str) -> Stacks:
    pusher = parameters.get("PusherArn", "arn:aws:iam::111122223333:user/first")
    return Stacks(
        {
            REPOSITORY.stack_name: state(REPOSITORY, parameters={"PusherArn": pusher}),
            SERVICE.stack_name: state(SERVICE, parameters={"ImageUri": "repo@sha256:1"}),
        }
    )


class Account:
    """An account that holds these names, and the services behind these stacks."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        return ServiceState(service_name, "arn", cluster, "ACTIVE") if service_name in self.names else None

    def _name(self, name: str) -> str | None:
        return name if name in self.names else None

    role = group = describe_repository = _name


def account(*names: str) -> AccountReads:
    held = Account(*names)
    return AccountReads(lambda: held, lambda: held, lambda: held, lambda: held)


def plan(stacks: Stacks, **options: object) -> Plan:
    given: dict[str, object] = {"target": TARGET, "image": PUBLISHED, "account": account("hello")}
    arguments = given | {"termination_protection": False} | options
    return plan_app("hello", TEMPLATES, stacks=stacks, **arguments)  # type: ignore[arg-type]


def test_a_digest_approves_what_the_deployment_may_do_besides() -> None:
    plans = [
        plan(deployed(), adopt=adopt, allow_replacement=replace) for adopt in (False, True) for replace in (False, True)
    ]
    assert len({one.digest for one in plans}) == 4
    assert [one.to_dict()["allows"] for one in plans] == [
        [],
        ["allow_replacement"],
        ["adopt"],
        ["adopt", "allow_replacement"],
    ]
    assert not plans[0].continues(plans[1].approval())


@pytest.mark.parametrize(
    ("caller", "identity"),
    [
        ("arn:aws:iam::111122223333:user/someone", "arn:aws:iam::111122223333:user/someone"),
        ("arn:aws:iam::111122223333:user/team/someone", "arn:aws:iam::111122223333:user/team/someone"),
        ("arn:aws:sts::111122223333:assumed-role/deployer/session", "arn:aws:iam::111122223333:role/deployer"),
        ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/someone", ""),
        ("arn:aws:sts::111122223333:federated-user/someone", ""),
        ("arn:aws:iam::111122223333:root", ""),
        (None, ""),
    ],
)
def test_the_deploying_identity_is_a_principal_that_iam_takes(caller: str | None, identity: str) -> None:
    assert deploying_identity(Target("111122223333", "us-east-1", caller_arn=caller)) == identity


def test_the_identity_of_another_partition_stays_in_it() -> None:
    caller = "arn:aws-cn:sts::111122223333:assumed-role/deployer/session"
    target = Target("111122223333", "cn-north-1", "aws-cn", caller_arn=caller)
    assert deploying_identity(target) == "arn:aws-cn:iam::111122223333:role/deployer"


def test_the_pusher_is_the_deploying_identity_at_first_and_kept_from_then_on() -> None:
    assert stack_parameters(REPOSITORY, None, target=TARGET, image=None) == {"PusherArn": TARGET.caller_arn}
    second = Target("111122223333", "us-east-1", caller_arn="arn:aws:iam::111122223333:user/second")
    existing = deployed()[REPOSITORY.stack_name]
    assert stack_parameters(REPOSITORY, existing, target=second, image=None) == {"PusherArn": TARGET.caller_arn}
    assert plan(deployed(), target=second).is_empty


def test_nothing_deployed_means_that_everything_is_created() -> None:
    result = plan(Stacks(), image=PlannedImage("to_build", None, "content-1"))
    assert [stack.is_new for stack in result.stacks] == [True, True]
    assert result.to_dict()["stacks"][1]["resources"][0]["action"] == "create"
    assert set(result.template_digests) == {REPOSITORY.stack_name, SERVICE.stack_name}


def test_what_stands_as_asked_for_is_an_empty_plan() -> None:
    assert plan(deployed()).is_empty


@pytest.mark.parametrize("wanted", [True, False])
def test_a_change_of_termination_protection_is_part_of_the_plan(wanted: bool) -> None:
    stacks = Stacks({name: replace(stack, termination_protection=not wanted) for name, stack in deployed().items()})
    result = plan(stacks, termination_protection=wanted)
    assert not result.is_empty
    assert result.digest != plan(stacks, termination_protection=not wanted).digest
    switched = {"path": "EnableTerminationProtection", "before": not wanted, "after": wanted}
    assert [stack["settings"] for stack in result.to_dict()["stacks"]] == [[switched], [switched]]
    assert plan(stacks, termination_protection=not wanted).is_empty


def test_protection_that_a_new_stack_would_get_is_part_of_the_plan() -> None:
    protected, unprotected = (plan(Stacks(), termination_protection=wanted) for wanted in (True, False))
    assert [change.after for change in protected.protection.values()] == [True, True]
    assert unprotected.protection == {}
    assert protected.digest != unprotected.digest


def test_an_image_to_build_is_named_by_its_tag() -> None:
    result = plan(deployed(), image=PlannedImage("to_build", None, "content-2"))
    (change,) = result.stacks[1].parameters
    assert change.after == "(built from this folder, tag content-2)"


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_IN_PROGRESS"])
@pytest.mark.parametrize("owner", [None, "other"])
def test_the_stack_of_a_stranger_is_refused_in_every_state(status: str, owner: str | None) -> None:
    stacks = deployed() | {SERVICE.stack_name: state(SERVICE, status, owner_app=owner)}
    with pytest.raises(RefusedError) as refused:
        plan(Stacks(stacks))
    assert refused.value.code == "stack_foreign"
    assert "--adopt" in refused.value.hint


def test_the_stack_of_a_stranger_can_be_adopted() -> None:
    stacks = deployed() | {SERVICE.stack_name: state(SERVICE, owner_app=None, parameters={"ImageUri": "repo@sha256:1"})}
    assert plan(Stacks(stacks), adopt=True).is_empty


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED"])
def test_what_will_be_made_anew_is_planned_as_new(status: str) -> None:
    template = "" if status == "REVIEW_IN_PROGRESS" else SERVICE.body
    owner = None if status == "REVIEW_IN_PROGRESS" else "hello"
    stacks = deployed() | {SERVICE.stack_name: state(SERVICE, status, template=template, owner_app=owner)}
    assert plan(Stacks(stacks)).stacks[1].is_new


def test_a_template_that_cannot_be_read_is_no_crash() -> None:
    stacks = deployed() | {SERVICE.stack_name: state(SERVICE, template="Resources: [", owner_app=None)}
    with pytest.raises(StackError) as failure:
        plan(Stacks(stacks), adopt=True)
    assert failure.value.code == "template_unreadable"


def test_an_oversized_template_is_refused_while_planning() -> None:
    huge = Template(SERVICE.stack_name, json.dumps({"Resources": {}, "Metadata": {"x": "x" * TEMPLATE_BODY.maximum}}))
    with pytest.raises(StackError) as failure:
        plan_app(
            "hello",
            AppTemplates(REPOSITORY, huge),
            target=TARGET,
            stacks=Stacks(),
            account=account(),
            image=PUBLISHED,
            termination_protection=False,
        )
    assert failure.value.code == "template_too_large"


def test_a_plan_warns_of_what_deploying_will_refuse() -> None:
    def service(role: str) -> Template:
        properties = {"ServiceName": "hello", "InfrastructureRoleArn": f"arn:aws:iam::000000000000:role/{role}"}
        resource = {"Type": "AWS::ECS::ExpressGatewayService", "Properties": properties}
        return Template(SERVICE.stack_name, json.dumps({"Metadata": MARK, "Resources": {"Service": resource}}))

    result = plan_app(
        "hello",
        AppTemplates(None, service("other")),
        target=TARGET,
        stacks=Stacks({SERVICE.stack_name: state(service("first"))}),
        account=account("hello"),
        image=PUBLISHED,
        termination_protection=False,
    )
    assert result.to_dict()["warnings"] == [
        "deploying will be refused: Service would have to be replaced (InfrastructureRoleArn), but CloudFormation "
        "makes the new one before it deletes the old one, and both would be called hello."
    ]


def test_what_would_be_taken_over_is_planned_as_an_import() -> None:
    body = json.dumps(
        {
            "Metadata": MARK,
            "Resources": {
                "Repository": {
                    "Type": "AWS::ECR::Repository",
                    "DeletionPolicy": "Retain",
                    "Properties": {"RepositoryName": "hello-repo"},
                }
            },
        }
    )
    templates = AppTemplates(Template(REPOSITORY.stack_name, body), SERVICE)
    result = plan_app(
        "hello",
        templates,
        target=TARGET,
        stacks=Stacks(),
        account=account("hello-repo"),
        image=PUBLISHED,
        termination_protection=False,
        adopt=True,
    )
    assert [(one.action, one.logical_id) for one in result.stacks[0].resources] == [("import", "Repository")]
    assert [one.action for one in result.stacks[1].resources] == ["create"]


def test_a_plan_names_the_service_that_was_deleted_by_other_means() -> None:
    result = plan(deployed(), account=account())
    assert not result.is_empty
    assert result.to_dict()["missing_service"] == "hello"
    assert result.to_dict()["nothing_to_do"] is False
    assert "missing_service" not in plan(deployed()).to_dict()


def given_image(service: Template = SERVICE) -> AppTemplates:
    """The templates of the app once it names an image instead of a folder."""
    named = service.body.replace('{"Type": "String"}', '{"Type": "String", "Default": "nginx:1"}')
    return AppTemplates(None, replace(service, body=named))


WITHOUT_PARAMETER = AppTemplates(None, replace(SERVICE, body=SERVICE.body.replace('"ImageUri"', '"Other"')))


class CountingStacks(Stacks):
    """Stacks that count how often they are described."""

    asked = 0

    def describe(self, stack_name: str) -> StackState | None:
        self.asked += 1
        return super().describe(stack_name)


def plan_without_build(stacks: Stacks, templates: AppTemplates) -> Plan:
    return plan_app(
        "hello",
        templates,
        target=TARGET,
        stacks=stacks,
        account=account("hello"),
        image=PlannedImage("given", "nginx:1") if templates != WITHOUT_PARAMETER else None,
        termination_protection=False,
    )


@pytest.mark.parametrize("templates", [given_image(), WITHOUT_PARAMETER])
def test_a_plan_that_stops_building_names_the_repository_that_stays(templates: AppTemplates) -> None:
    result = plan_without_build(deployed(), templates)
    assert result.to_dict()["unused_stacks"] == ["hello-ecr-infrastructure"]
    assert [change.stack_name for change in result.stacks] == ["hello-express-service"]
    assert "unused_stacks" not in plan(deployed()).to_dict()


def test_it_says_so_once_and_looks_for_it_only_then() -> None:
    named = given_image()
    repository = deployed()[REPOSITORY.stack_name]
    standing = state(named.service, parameters={"ImageUri": "nginx:1"})
    stacks = CountingStacks({repository.name: repository, standing.name: standing})
    assert plan_without_build(stacks, named).unused_stacks == ()
    assert stacks.asked == 1


def test_another_name_of_the_image_that_runs_leaves_nothing_to_do() -> None:
    named = given_image()
    other = named.service.body.replace('"Default": "nginx:1"', '"Default": "nginx@sha256:1"')
    for before in (other, SERVICE.body):
        standing = state(named.service, parameters={"ImageUri": "nginx:1"}, template=before)
        result = plan_without_build(Stacks({standing.name: standing}), named)
        assert result.to_dict()["nothing_to_do"]


@pytest.mark.parametrize("fields", [{"owner_app": "other"}, {"owner_app": None}, {"status": "DELETE_IN_PROGRESS"}])
def test_a_repository_that_is_not_the_apps_or_does_not_stay_is_not_named(fields: dict[str, object]) -> None:
    stacks = deployed()
    stacks[REPOSITORY.stack_name] = replace(stacks[REPOSITORY.stack_name], **fields)  # type: ignore[arg-type]
    assert plan_without_build(stacks, given_image()).unused_stacks == ()
    del stacks[REPOSITORY.stack_name]
    assert plan_without_build(stacks, given_image()).unused_stacks == ()
