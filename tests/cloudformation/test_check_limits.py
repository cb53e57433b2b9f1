"""What AWS would refuse for its size is refused before anything is changed: at each limit, and one beyond it."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest

from expressway.app.definition import AppDefinition
from expressway.app.names import app_names
from expressway.app.parse import parse_definition
from expressway.aws.values import limits as aws_limits
from expressway.aws.values.limits import LIMITS, Limit
from expressway.cloudformation.limits import check_limits, problems_of_size
from expressway.cloudformation.template import AppTemplates, Template
from expressway.errors import DefinitionError, StackError
from expressway.synth.stacks import add_app_stacks
from expressway.synth.synth import synth_app
from tests.expressway_constructs import conftest as _node  # noqa: F401 - the CDK runs on the Node that it sets
from tests.golden.limits_page import LIMITS_PAGE, limits_page

pytestmark = pytest.mark.process

ACCOUNT = "111122223333"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role", f"arn:aws:iam::{ACCOUNT}:user"
LONGEST_NAME = "a-name-of-20-letters"


class Kernel:
    """The CDK in this process, as the kernel has it in its own."""

    def synthesize(self, definition: AppDefinition) -> AppTemplates:
        app = cdk.App(analytics_reporting=False, builtin_cloud_formation_validation=False)
        stacks = add_app_stacks(app, definition)
        made = app.synth()

        def template(stack: cdk.Stack) -> Template:
            document = made.get_stack_by_name(stack.stack_name).template
            return Template(stack.stack_name, json.dumps(document, indent=1, ensure_ascii=False))

        return AppTemplates(*(template(stack) if stack else None for stack in stacks))


def synthesized(**settings: Any) -> AppTemplates:
    source = {} if {"build", "image"} & settings.keys() else {"image": "nginx:1"}
    definition = parse_definition({"name": "shop"} | source | settings)
    return synth_app(definition, synthesize=Kernel().synthesize, linter=None).templates


def problem_paths(**settings: Any) -> dict[str, str]:
    source = {} if {"build", "image", "task_definition_arn"} & settings.keys() else {"image": "nginx:1"}
    try:
        parse_definition({"name": "shop"} | source | settings)
    except DefinitionError as error:
        paths = {problem["path"]: problem["expected"] for problem in error.details["problems"]}
        return {path.replace("⟪", "").replace("⟫", ""): expected for path, expected in paths.items()}  # unquoted names
    return {}


# -- single values ----------------------------------------------------------------------------------------------
def networks(key: str, prefix: str) -> Callable[[int], dict[str, Any]]:
    return lambda count: {"network": {key: [f"{prefix}-{number:08x}" for number in range(count)]}}


def path_of(length: int) -> str:
    """A path of that many characters, with both slashes."""
    return "/" + "p" * (length - 2) + "/"


ECR = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/"
DIGEST = "@sha256:" + "0" * 64
VALUES: list[tuple[Limit, str, Callable[[int], dict[str, Any]]]] = [
    (aws_limits.CLUSTER_NAME, "cluster", lambda n: {"cluster": "c" * n}),
    (aws_limits.CLUSTER_NAME, "cluster", lambda n: {"cluster": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/" + "c" * n}),
    (
        aws_limits.TASK_FAMILY,
        "task_definition_arn",
        lambda n: {"task_definition_arn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/{'f' * n}:3"},
    ),
    *(
        (limit, f"roles.{role}", lambda n, role=role, arn=arn: {"roles": {role: arn(n)}})
        for role in ("execution", "infrastructure", "task")
        for limit, arn in (
            (aws_limits.ROLE_NAME, lambda n: f"{ROLE}/{'r' * n}"),
            (aws_limits.ROLE_NAME, lambda n: f"{ROLE}/team/{'r' * n}"),
            (aws_limits.ROLE_PATH, lambda n: f"{ROLE}{path_of(n)}role"),
        )
    ),
    *(
        (
            limit,
            "repository.push_principals[0]",
            lambda n, arn=arn: {"build": ".", "repository": {"push_principals": [arn(n)]}},
        )
        for limit, arn in (
            (aws_limits.ROLE_NAME, lambda n: f"{USER}/{'u' * n}"),
            (aws_limits.ROLE_PATH, lambda n: f"{USER}{path_of(n)}user"),
        )
    ),
    (aws_limits.IMAGE, "image", lambda n: {"image": "registry.test/" + "i" * (n - 16) + ":1"}),
    (aws_limits.IMAGE, "image", lambda n: {"image": "registry.test/" + "i" * (n - 14) + DIGEST}),
    (aws_limits.IMAGE, "image", lambda n: {"image": ECR + "i" * (n - len(ECR) - 2) + ":1" + DIGEST}),
    (aws_limits.HEALTH_CHECK_PATH, "health_check_path", lambda n: {"health_check_path": "/" + "h" * (n - 1)}),
    (aws_limits.SUBNETS, "network.subnets", networks("subnets", "subnet")),
    (aws_limits.SECURITY_GROUPS, "network.security_groups", networks("security_groups", "sg")),
    (aws_limits.SECRET_NAME, "secrets.A", lambda n: {"secrets": {"A": SECRET + "s" * n}}),
    (aws_limits.SECRET_NAME, "secrets.A", lambda n: {"secrets": {"A": f"{SECRET}{'s' * n}-631cfd:key::"}}),
    (
        aws_limits.PARAMETER_ARN,
        "secrets.A",
        lambda n: {"secrets": {"A": (f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/" + "s" * n)[:n]}},
    ),
    (
        aws_limits.KEY_ALIAS,
        "repository.kms_key_arn",
        lambda n: {
            "build": ".",
            "repository": {
                "encryption": "KMS",
                "kms_key_arn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:" + ("alias/" + "k" * n)[:n],
            },
        },
    ),
    (
        aws_limits.SCALING_TARGET,
        "scaling.target",
        lambda n: {"scaling": {"metric": "REQUEST_COUNT_PER_TARGET", "target": n}},
    ),
]


@pytest.mark.parametrize(("limit", "path", "settings"), VALUES)
def test_a_value_at_its_limit_is_taken_and_one_beyond_it_is_refused(
    limit: Limit, path: str, settings: Callable[[int], dict[str, Any]]
) -> None:
    assert problem_paths(**settings(limit.maximum)) == {}
    assert problem_paths(**settings(limit.maximum + 1)).keys() == {path}


def test_the_name_of_an_ecr_repository_is_shorter_than_its_image() -> None:
    assert aws_limits.REPOSITORY_NAME.maximum > aws_limits.IMAGE.maximum - len(ECR)


# -- templates --------------------------------------------------------------------------------------------------
def document(size: int) -> dict[str, Any]:
    """A JSON document of that many characters without whitespace, and with some."""
    return {"A": "x " + "x" * (size - len('{"A":"x"}'))}


def template(resource_type: str = "", properties: Any = None, **sections: Any) -> Template:
    resources = {"R": {"Type": resource_type, "Properties": properties}} if resource_type else {}
    return Template("shop-express-service", json.dumps({"Resources": resources} | sections))


def role(**properties: Any) -> Template:
    return template("AWS::IAM::Role", properties)


def lifecycle(text: str) -> Template:
    return template("AWS::ECR::Repository", {"LifecyclePolicy": {"LifecyclePolicyText": text}})


def many(section: str) -> Callable[[int], Template]:
    return lambda n: template(**{section: {f"X{number}": {} for number in range(n)}})


def image_of(length: int) -> tuple[Template, dict[str, str]]:
    return template(Parameters={"ImageUri": {}}), {"ImageUri": "i" * length + DIGEST}


TEMPLATES: list[tuple[Limit, Callable[[int], Any]]] = [
    (aws_limits.INLINE_POLICIES, lambda n: role(Policies=[{"PolicyDocument": document(n)}])),
    (
        aws_limits.INLINE_POLICIES,
        lambda n: role(Policies=[{"PolicyDocument": document(n - 100)}, {"PolicyDocument": document(100)}]),
    ),
    (aws_limits.TRUST_POLICY, lambda n: role(AssumeRolePolicyDocument=document(n))),
    (aws_limits.ATTACHED_POLICIES, lambda n: role(ManagedPolicyArns=[{"Ref": "X"}] * n)),
    (aws_limits.ROLE_DESCRIPTION, lambda n: role(Description="d" * n)),
    (aws_limits.MANAGED_POLICY, lambda n: template("AWS::IAM::ManagedPolicy", {"PolicyDocument": document(n)})),
    (aws_limits.LIFECYCLE_POLICY, lambda n: lifecycle(json.dumps({"a": "x" * (n - 9)}))),
    (aws_limits.LIFECYCLE_RULES, lambda n: lifecycle(json.dumps({"rules": [{}] * n}))),
    (aws_limits.RESOURCES, lambda n: template(Resources={f"R{i}": {"Type": "T"} for i in range(n)})),
    (aws_limits.OUTPUTS, many("Outputs")),
    (aws_limits.PARAMETERS, many("Parameters")),
    (aws_limits.TEMPLATE_DESCRIPTION, lambda n: template(Description="ä" * (n // 2) + "d" * (n % 2))),
    (aws_limits.PARAMETER_VALUE, lambda n: (template(), {"PusherArn": "p" * n})),
    (aws_limits.IMAGE, image_of),
    (aws_limits.TEMPLATE_BODY, lambda n: Template("s", '{"M":"' + "ä" * ((n - 8) // 2) + "x" * (n % 2) + '"}')),
]


@pytest.mark.parametrize(("limit", "make"), TEMPLATES)
def test_a_template_at_a_limit_is_taken_and_one_beyond_it_is_refused(limit: Limit, make: Callable[[int], Any]) -> None:
    for size, broken in ((limit.maximum, []), (limit.maximum + 1, [limit])):
        made = make(size)
        given, parameters = made if isinstance(made, tuple) else (made, {})
        found = problems_of_size(given, parameters)
        assert [f"({one.what} in" in problem.expected for one, problem in zip(broken, found, strict=True)] == [
            True for _ in broken
        ]
        assert all(problem.got == f"{size:,}" for problem in found)


def test_the_task_definition_has_more_room_than_the_template_that_holds_it() -> None:
    assert aws_limits.TASK_DEFINITION.maximum > aws_limits.TEMPLATE_BODY.maximum


@pytest.mark.parametrize("letter", ["x", "ä", "€", "\\", '"', "\n"])
def test_an_environment_that_fills_the_template_is_deployable_to_the_last_byte(letter: str) -> None:
    """Some letters take several bytes, some are escaped."""
    size = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    room = aws_limits.TEMPLATE_BODY.maximum - compact_size(synthesized(environment={"A": ""}))
    fitting = synthesized(environment={"A": letter * (room // size)})
    assert aws_limits.TEMPLATE_BODY.maximum - size < compact_size(fitting) <= aws_limits.TEMPLATE_BODY.maximum
    assert len(fitting.service.sent_body.encode()) <= aws_limits.TEMPLATE_BODY.maximum
    assert json.loads(fitting.service.sent_body) == fitting.service.document
    with pytest.raises(StackError, match="environment, command, secrets") as error:
        synthesized(environment={"A": letter * (room // size + 1)})
    assert error.value.code == "template_too_large"


def compact_size(templates: AppTemplates) -> int:
    return len(json.dumps(templates.service.document, ensure_ascii=False, separators=(",", ":")).encode())


def test_three_hundred_short_variables_fit_without_the_whitespace_and_a_thousand_do_not() -> None:
    made = synthesized(environment={f"VARIABLE_{number}": "a value that is rather long" * 4 for number in range(300)})
    assert len(made.service.body) > len(made.service.sent_body)
    with pytest.raises(StackError, match="51,200 bytes") as error:
        synthesized(environment={f"SOME_VARIABLE_{number}": "a value of some length" for number in range(1000)})
    assert error.value.code == "template_too_large"


def principals(count: int) -> dict[str, Any]:
    return {
        "build": ".",
        "repository": {"push_principals": [f"{ROLE}/pipeline-{number:03}" for number in range(count)]},
    }


def test_as_many_principals_may_push_as_fit_into_a_trust_policy() -> None:
    most = max(count for count in range(25, 60) if is_taken(count))
    assert 30 < most < 55
    with pytest.raises(StackError, match=r"repository.push_principals: expected at most 2,048 characters") as error:
        synthesized(**principals(most + 1))
    assert error.value.code == "limit_exceeded"
    assert "let them assume one role" in error.value.details["problems"][0]["message"]


def is_taken(count: int) -> bool:
    try:
        synthesized(**principals(count))
    except StackError:
        return False
    return True


def test_the_identity_that_deploys_counts_in_the_trust_policy_once_it_is_known() -> None:
    most = max(count for count in range(25, 60) if is_taken(count))
    repository = synthesized(**principals(most)).repository
    assert repository is not None
    check_limits(repository)
    parameters = {"PusherArn": f"{ROLE}/{'p' * 500}/{'r' * 64}", "PusherPermissionSet": ""}
    with pytest.raises(StackError, match="trust policy of a role"):
        check_limits(repository, parameters=parameters)
    fewer = synthesized(**principals(20)).repository
    assert fewer is not None
    check_limits(fewer, parameters=parameters)


@pytest.mark.parametrize("count", [1, 25, 60, 100, 140, 300])
def test_secrets_are_taken_until_the_template_is_full(count: int) -> None:
    secrets = {f"S{number}": f"{SECRET}shop/production-{number:04}-631cfd" for number in range(count)}
    if count > 140:
        with pytest.raises(StackError) as error:
            synthesized(secrets=secrets, complete_secret_arns=True)
        assert error.value.code == "template_too_large"
    else:
        assert problems_of_size(synthesized(secrets=secrets, complete_secret_arns=True).service) == ()


def test_every_problem_is_told_at_once() -> None:
    crowded = template("AWS::IAM::Role", {"AssumeRolePolicyDocument": document(3000), "Description": "d" * 2000})
    with pytest.raises(StackError) as error:
        check_limits(crowded, crowded)
    assert len(error.value.details["problems"]) == 4


# -- names that are made of the app's, and the table itself -----------------------------------------------------
def test_what_is_made_of_the_longest_app_name_stays_below_every_limit() -> None:
    names = app_names(LONGEST_NAME)
    assert len(LONGEST_NAME) == 20
    assert all(len(each) <= aws_limits.ROLE_NAME.maximum for each in names.roles)
    assert all(len(each) <= aws_limits.STACK_NAME.maximum for each in names.stacks)
    assert len(names.repository) <= aws_limits.REPOSITORY_NAME.maximum
    assert len(names.log_group) <= aws_limits.LOG_GROUP_NAME.maximum
    assert len(LONGEST_NAME) <= aws_limits.SERVICE_NAME.maximum
    most = AppDefinition.model_json_schema()["$defs"]["ScalingSettings"]["properties"]["max"]["maximum"]
    assert most <= aws_limits.TASKS.maximum
    for template in synthesized(name=LONGEST_NAME, build="."):
        assert problems_of_size(template) == ()


def test_every_limit_that_a_definition_reaches_is_tested_at_its_edge() -> None:
    tested = {limit.what for limit, *_ in (*VALUES, *TEMPLATES)} | {aws_limits.REPOSITORY_NAME.what}
    assert {limit.what for limit in LIMITS if limit.setting} <= tested


def test_the_page_of_limits_is_the_table() -> None:
    assert LIMITS_PAGE.read_text(encoding="utf-8") == limits_page()
    assert all(limit.source.startswith("https://docs.aws.amazon.com/") for limit in LIMITS)
    assert len({limit.what for limit in LIMITS}) == len(LIMITS)
