"""What deploying each golden definition would do: at first, and after a change to it."""

import json
from pathlib import Path

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition, parse_definition_text
from expressway.app.yaml_text import load_yaml
from expressway.aws.values.service import ServiceState
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackState, owner_of, template_resources
from expressway.cloudformation.template import AppTemplates, Template
from expressway.image.values import PlannedImage
from expressway.plan.plan import Plan
from expressway.plan.planner import plan_app, stack_parameters
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.existing_resources import template_policies
from expressway.synth.synthesizer import Synthesizer

FOLDER = Path(__file__).resolve().parent
TARGET = Target("111122223333", "us-east-1", caller_arn="arn:aws:sts::111122223333:assumed-role/deployer/session")


def definition_text(name: str) -> str:
    return (FOLDER / "definitions" / f"{name}.yaml").read_text(encoding="utf-8")


def change_text(name: str) -> str:
    """The keys of a definition that its change sets anew, as YAML."""
    return (FOLDER / "changes" / f"{name}.yaml").read_text(encoding="utf-8")


def definition(name: str) -> AppDefinition:
    return parse_definition_text(definition_text(name))


def changed_definition(name: str) -> AppDefinition:
    before, change = load_yaml(definition_text(name)), load_yaml(change_text(name))
    assert isinstance(before, dict)
    assert isinstance(change, dict)
    return parse_definition(before | change)


def plan_files(name: str, synthesizer: Synthesizer) -> dict[Path, str]:
    """The plans of one definition: of its first deployment, of deploying it again, and of its change."""
    first, changed = definition(name), changed_definition(name)
    templates = synthesizer.synthesize(first)
    deployed = Deployed(templates, image(first, "published"), termination_protection=first.termination_protection)
    plans = {
        "first": plan(first, templates, Deployed(None, None), image(first, "to_build")),
        "again": plan(first, templates, deployed, image(first, "published")),
        "change": plan(changed, synthesizer.synthesize(changed), deployed, image(changed, "published")),
    }
    return {
        FOLDER / "plans" / name / f"{when}.json": json.dumps(each.to_dict(), indent=1, ensure_ascii=False) + "\n"
        for when, each in plans.items()
    }


def plan(app: AppDefinition, templates: AppTemplates, deployed: "Deployed", planned_image: PlannedImage | None) -> Plan:
    account = AccountReads(lambda: deployed, lambda: deployed, lambda: deployed, lambda: deployed)
    return plan_app(
        app.name,
        templates,
        target=TARGET,
        stacks=deployed,
        account=account,
        image=planned_image,
        termination_protection=app.termination_protection,
    )


def image(app: AppDefinition, built: str) -> PlannedImage | None:
    """The image that an app would run; `built` says whether one that is built here is there already."""
    if app.image is not None:
        return PlannedImage("given", app.image)
    if app.build is None:
        return None
    if built == "to_build":
        return PlannedImage("to_build", None, "content-0123456789ab")
    uri = f"{TARGET.registry_host}/{app.name}-repo@sha256:{'1' * 64}"
    return PlannedImage("published", uri, "content-0123456789ab")


class Deployed:
    """An account in which an app's stacks stand as they were once deployed; nothing else is there."""

    def __init__(
        self,
        templates: AppTemplates | None,
        planned_image: PlannedImage | None,
        *,
        termination_protection: bool = False,
    ) -> None:
        self._protected = termination_protection
        self._stacks = {each.stack_name: self._stack(each, planned_image) for each in templates or ()}

    def _stack(self, template: Template, planned_image: PlannedImage | None) -> StackState:
        return StackState(
            template.stack_name,
            f"arn:aws:cloudformation:us-east-1:111122223333:stack/{template.stack_name}/1",
            "CREATE_COMPLETE",
            owner_app=owner_of(template.document),
            termination_protection=self._protected,
            parameters=stack_parameters(template, None, target=TARGET, image=planned_image),
            template=template.body,
        )

    def describe(self, stack_name: str) -> StackState | None:
        return self._stacks.get(stack_name)

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        return ServiceState(service_name, "arn", cluster, "ACTIVE") if self._stacks else None

    def role(self, role_name: str) -> str | None:
        return self._held(role_name)

    def policy_names(self, role_name: str) -> frozenset[str] | None:
        resources = [one for stack in self._stacks.values() for one in template_resources(stack).values()]
        properties = [one.get("Properties", {}) for one in resources]
        return next((template_policies(one) for one in properties if one.get("RoleName") == role_name), None)

    def group(self, log_group: str) -> str | None:
        return self._held(log_group)

    def describe_repository(self, name: str) -> str | None:
        return self._held(name)

    def _held(self, name: str) -> str | None:
        """Nothing stands outside the stacks."""
        return name if any(f'"{name}"' in stack.template for stack in self._stacks.values()) else None
