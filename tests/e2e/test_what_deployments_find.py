"""What a deployment finds in the account: kept resources, a lost service, prebuilt images, a rollback before it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.session import open_session
from expressway.errors import ExpresswayError, RefusedError, ServiceError
from expressway.toolkit import AppSource, Toolkit, inline_source
from tests.e2e.loaded_tools import LoadedTools
from tests.shared import provide_images

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

SERVE = ["sh", "-c", "mkdir /www; echo served > /www/index.html; exec httpd -f -p 8080 -h /www"]


@pytest.fixture
def toolkit(embedded_aws: "SandboxInfo", engine_host: str, tools: LoadedTools, tmp_path: Path) -> Toolkit:
    return tools.toolkit(embedded_aws.endpoint_url, engine_host, tmp_path / "state")


@pytest.fixture
def ecs(embedded_aws: "SandboxInfo") -> Any:
    return open_session(sandbox_url=embedded_aws.endpoint_url).client("ecs")


def source(folder: Path, name: str, engine_host: str, **more: Any) -> AppSource:
    from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE

    provide_images(engine_host, [BUSYBOX_IMAGE])
    folder = folder / "app"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f"FROM {BUSYBOX_IMAGE}\nLABEL app={name}\n")
    definition = {"name": name, "build": ".", "command": SERVE, **more}
    return inline_source(definition, folder)


def test_an_app_that_kept_its_images_takes_them_over_when_it_comes_back(
    toolkit: Toolkit, tmp_path: Path, engine_host: str
) -> None:
    app = source(tmp_path, "kept-app", engine_host, removal_policy="retain")
    first = toolkit.deploy(app)
    assert toolkit.delete("kept-app").errors == ()
    assert toolkit.leftovers("kept-app") == ("repository kept-app-repo", "log group /expressway/kept-app")

    for attempt in (toolkit.diff, toolkit.deploy):
        with pytest.raises(RefusedError) as refused:
            attempt(app)
        assert refused.value.code == "name_taken"
        assert "--adopt" in refused.value.hint
    assert toolkit.leftovers("kept-app") == ("repository kept-app-repo", "log group /expressway/kept-app")

    plan = toolkit.diff(app, adopt=True)
    assert {one.logical_id for stack in plan.stacks for one in stack.imports} == {"Repository", "LogGroup"}
    assert plan.image is not None
    assert plan.image.uri == first.image_uri, "the image is still there"
    again = toolkit.deploy(app, adopt=True, approved_plan=plan.digest)
    assert (again.status, again.image_uri) == ("deployed", first.image_uri)
    assert toolkit.fetch(again.endpoint) == 200
    assert toolkit.deploy(app).status == "unchanged"

    gone = source(tmp_path, "kept-app", engine_host)
    toolkit.deploy(gone)
    assert toolkit.delete("kept-app").errors == ()
    assert toolkit.leftovers("kept-app") == ()


def test_a_first_deployment_that_fails_keeps_nothing_in_the_way_of_the_next(
    toolkit: Toolkit, tmp_path: Path, engine_host: str
) -> None:
    broken = source(tmp_path, "kept-not", engine_host, removal_policy="retain")
    broken = AppSource(broken.definition.model_copy(update={"command": ("sh", "-c", "exit 1")}), broken.base_dir)
    with pytest.raises(ExpresswayError) as failed:
        toolkit.deploy(broken)
    assert failed.value.code == "deployment_failed"
    assert toolkit.deploy(source(tmp_path, "kept-not", engine_host)).status == "deployed"
    assert toolkit.delete("kept-not").errors == ()
    assert toolkit.leftovers("kept-not") == ()


def test_a_service_that_somebody_deleted_is_noticed_and_the_way_out_works(
    toolkit: Toolkit, ecs: Any, tmp_path: Path, engine_host: str
) -> None:
    app = source(tmp_path, "taken-away", engine_host)
    deployed = toolkit.deploy(app)
    ecs.delete_express_gateway_service(serviceArn=deployed.service_arn)
    ecs.get_waiter("services_inactive").wait(
        cluster="default", services=["taken-away"], WaiterConfig={"Delay": 1, "MaxAttempts": 200}
    )

    assert toolkit.diff(app).to_dict()["missing_service"] == deployed.service_arn
    with pytest.raises(ServiceError) as missing:
        toolkit.deploy(app)
    assert missing.value.code == "service_missing"

    assert toolkit.delete("taken-away").errors == ()
    assert toolkit.deploy(app).status == "deployed"
    assert toolkit.delete("taken-away").errors == ()
    assert toolkit.leftovers("taken-away") == ()


def test_a_stack_that_never_had_a_service_is_adopted_and_protection_is_switched_as_planned(
    toolkit: Toolkit, embedded_aws: "SandboxInfo", tmp_path: Path, engine_host: str
) -> None:
    cloudformation = open_session(sandbox_url=embedded_aws.endpoint_url).client("cloudformation")
    name = "adopting-express-service"
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "adopting-topic"}}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    app = source(tmp_path, "adopting", engine_host, termination_protection=True)
    plan = toolkit.diff(app, adopt=True)
    assert plan.missing_service is None
    made = toolkit.deploy(app, adopt=True, approved_plan=plan.digest)
    assert made.stacks[name] == "updated"
    assert toolkit.fetch(made.endpoint) == 200
    with pytest.raises(RefusedError) as refused:
        toolkit.delete("adopting")
    assert refused.value.code == "stack_protected"

    unprotected = source(tmp_path, "adopting", engine_host)
    shown = toolkit.diff(unprotected)
    assert not shown.is_empty
    result = toolkit.deploy(unprotected, approved_plan=shown.digest)
    assert (result.status, set(result.termination_protection.values())) == ("deployed", {"off"})
    assert toolkit.diff(unprotected).is_empty
    assert toolkit.delete("adopting").errors == ()
    assert toolkit.leftovers("adopting") == ()


def test_a_prebuilt_image_is_deployed_by_its_digest_and_must_exist(
    toolkit: Toolkit, ecs: Any, embedded_aws: "SandboxInfo", tmp_path: Path, engine_host: str
) -> None:
    built = toolkit.build("ready-src", str(source(tmp_path, "ready-src", engine_host).base_dir), "v1")
    definition = {"name": "ready-img", "image": built["full_image_uri"], "command": SERVE}
    app = inline_source(definition, tmp_path)
    wrong = inline_source({**definition, "image": built["repository_uri"] + ":v2"}, tmp_path)

    for attempt in (toolkit.diff, toolkit.deploy):
        with pytest.raises(ExpresswayError) as missing:
            attempt(wrong)
        assert missing.value.code == "image_not_found"
    assert toolkit.leftovers("ready-img") == ()

    deployed = toolkit.deploy(app)
    assert deployed.image_uri.startswith(built["repository_uri"] + "@sha256:")
    running = ecs.describe_express_gateway_service(serviceArn=deployed.service_arn)["service"]
    assert running["activeConfigurations"][0]["primaryContainer"]["image"] == deployed.image_uri
    assert toolkit.deploy(app).status == "unchanged"
    by_digest = inline_source({**definition, "image": deployed.image_uri}, tmp_path)
    assert toolkit.diff(by_digest).is_empty
    assert toolkit.deploy(by_digest).status == "unchanged"
    for name in ("ready-img", "ready-src"):
        assert toolkit.delete(name).errors == ()
        assert toolkit.leftovers(name) == ()


def test_an_unsuitable_task_definition_is_refused_before_anything_is_made(
    toolkit: Toolkit, ecs: Any, tmp_path: Path
) -> None:
    container = {"name": "web", "image": "public.ecr.aws/docker/library/busybox:1.37", "memory": 128}
    registered = ecs.register_task_definition(family="unsuitable", containerDefinitions=[container])
    arn = registered["taskDefinition"]["taskDefinitionArn"]
    for task_definition_arn, said in ((arn, "no container named Main"), (arn + "99", "does not exist")):
        app = inline_source({"name": "unsuited", "task_definition_arn": task_definition_arn}, tmp_path)
        with pytest.raises(ServiceError) as refused:
            toolkit.deploy(app)
        assert refused.value.code == "task_definition_unsuitable"
        assert said in refused.value.message
    assert toolkit.leftovers("unsuited") == ()


def test_what_a_definition_names_and_nobody_has_is_told_at_once_before_anything_is_made(
    toolkit: Toolkit, embedded_aws: "SandboxInfo", tmp_path: Path, engine_host: str
) -> None:
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    subnets = session.client("ec2").describe_subnets()["Subnets"]
    present = [one["SubnetId"] for one in subnets if one["DefaultForAz"]][:2]
    secret = session.client("secretsmanager").create_secret(Name="named/present", SecretString="x")["ARN"]
    parameter = "arn:aws:ssm:us-east-1:000000000000:parameter/named/missing"
    app = source(
        tmp_path,
        "named-app",
        engine_host,
        cluster="nowhere",
        roles={"execution": "arn:aws:iam::000000000000:role/nobody"},
        network={"subnets": [present[0], "subnet-0123456789abcdef0"], "security_groups": ["sg-0123456789abcdef0"]},
        secrets={"PRESENT": secret, "MISSING": parameter},
    )
    with pytest.raises(ExpresswayError) as refused:
        toolkit.deploy(app)
    assert refused.value.code == "prerequisites_missing"
    assert [problem["path"] for problem in refused.value.details["problems"]] == [
        "cluster",
        "roles.execution",
        "network.subnets[1]",
        "network.security_groups[0]",
        "secrets.MISSING",
    ]
    assert toolkit.leftovers("named-app") == ()
    assert toolkit.status("named-app").status == "absent"

    there = source(tmp_path, "named-app", engine_host, network={"subnets": present}, secrets={"PRESENT": secret})
    assert toolkit.deploy(there).status == "deployed"
    session.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    assert toolkit.deploy(there).status == "unchanged"
    later = source(tmp_path, "named-app", engine_host, secrets={"PRESENT": secret}, environment={"A": "b"})
    with pytest.raises(ExpresswayError) as lost:
        toolkit.deploy(later)
    assert [problem["path"] for problem in lost.value.details["problems"]] == ["secrets.PRESENT"]
    assert toolkit.delete("named-app").errors == ()


def test_what_cannot_be_replaced_under_its_name_is_refused_before_anything_is_changed(
    toolkit: Toolkit, tmp_path: Path, engine_host: str
) -> None:
    toolkit.deploy(source(tmp_path, "fixed-name", engine_host))
    before = toolkit.status("fixed-name").service
    for change in (
        {"roles": {"infrastructure": "arn:aws:iam::000000000000:role/fixed-name-express-infrastructure"}},
        {"repository": {"encryption": "KMS"}},
    ):
        with pytest.raises(RefusedError) as refused:
            toolkit.deploy(source(tmp_path, "fixed-name", engine_host, **change), allow_replacement=True)
        assert refused.value.code == "replacement_impossible"
    assert toolkit.status("fixed-name").service == before
    assert toolkit.delete("fixed-name").errors == ()


def test_after_a_rollback_status_tells_what_serves_and_why_until_a_deployment_ends_well(
    toolkit: Toolkit, tmp_path: Path, engine_host: str
) -> None:
    good = source(tmp_path, "rolled-app", engine_host)
    crash = ["sh", "-c", "echo 'ValueError: no setting' >&2; exit 3"]
    broken = source(tmp_path, "rolled-app", engine_host, command=crash)
    toolkit.deploy(good)
    before = toolkit.status("rolled-app")
    with pytest.raises(ExpresswayError) as failed:
        toolkit.deploy(broken)
    assert failed.value.code == "deployment_failed"

    after = toolkit.status("rolled-app")
    assert after.status == "ready", after.to_dict()
    assert after.message.startswith("It serves the previous version: the last deployment was rolled back (")
    assert after.last_error is not None
    assert "ValueError: no setting" in after.last_error["message"]
    assert (after.tasks["running"], after.tasks["healthy"]) == (1, 1)
    assert after.service["serving_revision"] == before.service["serving_revision"]
    assert after.service["url_answers"] == 200

    assert toolkit.deploy(good).status == "unchanged"
    again = toolkit.status("rolled-app")
    assert (again.status, again.last_error) == ("ready", None), again.to_dict()
    assert "previous version" not in again.message
    assert toolkit.delete("rolled-app").errors == ()
