"""Deployments on the local AWS sandbox: ours beside the ``cdk`` command line and beside CloudFormation itself."""

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import boto3

from benchmarks.commands import MeasurementFailed, run
from benchmarks.measure import Contender, Goal, Row, Series, interleaved, times_faster
from benchmarks.workbench import CdkProject, Workbench
from expressway.cloudformation.template import AppTemplates
from expressway.core.system_clock import SystemClock
from expressway.image.values import PlannedImage
from expressway.toolkit import Toolkit

ROUNDS = 3
_REPEATS = 5
_POLL_SECONDS = 0.02
_STACK_SECONDS = 120.0


def measure_unchanged(bench: Workbench) -> list[Row]:
    """An app that is deployed as its definition says."""
    app, home = bench.app("bench"), bench.fresh_folder("home")
    source = bench.source(app)
    project = bench.cdk_project(app)
    with bench.toolkit() as toolkit:
        toolkit.deploy(source)
        bench.expressway("deploy", app, home=home)

        def deploy(_: int) -> None:
            _expect("unchanged", toolkit.deploy(source).status)

        def diff(_: int) -> None:
            _expect(True, toolkit.diff(source).is_empty)

        contenders = [
            Contender("diff, warm", diff, repeat=_REPEATS),
            Contender("cdk diff", lambda _: project.cdk("diff", "--fail")),
            Contender("deploy, warm", deploy, repeat=_REPEATS),
            Contender("cdk deploy", lambda _: project.deploy("--all")),
            Contender("expressway deploy", lambda _: bench.expressway("deploy", app, home=home)),
        ]
        taken = interleaved(contenders, rounds=ROUNDS)
    cdk_diff, cdk_deploy = taken["cdk diff"], taken["cdk deploy"]
    diffed, warm, cold = taken["diff, warm"], taken["deploy, warm"], taken["expressway deploy"]
    return [
        Row("synth + lint + diff of an unchanged app, warm", diffed, cdk_diff, (times_faster(diffed, cdk_diff, 30),)),
        Row("deploy with nothing to change, warm", warm, cdk_deploy, (times_faster(warm, cdk_deploy, 10),)),
        Row("… in a cold process", cold, cdk_deploy, (times_faster(cold, cdk_deploy, 10),)),
    ]


def measure_first(bench: Workbench) -> list[Row]:
    """First deployments, each of an app with a name of its own; the image is in a registry already.

    Ours was reviewed with a diff before, and ends when the URL answers; the cdk's and CloudFormation's own end with
    the stacks.
    """
    image = _pushed_image(bench)
    with bench.toolkit(_toolkit_with_image(image)) as toolkit:
        ours = [bench.source(bench.app(f"bench-ours-{n}")) for n in range(ROUNDS)]
        cdk = [bench.cdk_project(bench.app(f"bench-cdk-{n}")) for n in range(ROUNDS)]
        raw = [bench.source(bench.app(f"bench-raw-{n}")) for n in range(ROUNDS)]
        templates = [toolkit.synth(source).templates for source in raw]
        contenders = [
            Contender("CloudFormation itself", lambda n: _create_stacks(bench, templates[n], image)),
            Contender(
                "deploy, warm",
                lambda n: _expect("deployed", toolkit.deploy(ours[n]).status),
                prepare=lambda n: toolkit.diff(ours[n]),
            ),
            Contender("cdk deploy", lambda n: _cdk_deploy_all(cdk[n], f"bench-cdk-{n}", image)),
        ]
        taken = interleaved(contenders, rounds=ROUNDS)
    warm, peer, itself = taken["deploy, warm"], taken["cdk deploy"], taken["CloudFormation itself"]
    return [
        Row("first deploy of both stacks, image pushed", warm, peer, (times_faster(warm, peer, 3),)),
        Row("… over what the sandbox itself takes", warm, itself, (_overhead(warm, itself, 1.0),)),
    ]


def measure_from_folder(bench: Workbench) -> list[Row]:
    """The whole way from a folder, cold: ours in one command, theirs in the four that do the same."""
    rounds = 2
    ours = [bench.app(f"bench-way-{n}") for n in range(rounds)]
    theirs = [bench.app(f"bench-four-{n}") for n in range(rounds)]
    projects = [bench.cdk_project(app) for app in theirs]
    contenders = [
        Contender("expressway deploy", lambda n: bench.expressway("deploy", ours[n])),
        Contender("cdk, docker, docker, cdk", lambda n: _four_commands(bench, projects[n], theirs[n])),
    ]
    taken = interleaved(contenders, rounds=rounds)
    mine, four = taken.values()
    return [Row("… from a folder, with build and push, cold", mine, four)]


def _expect(wanted: object, came: object) -> None:
    if wanted != came:
        raise MeasurementFailed(f"expected {wanted!r}, got {came!r}")


def _overhead(ours: Series, itself: Series, bound_seconds: float) -> Goal:
    return Goal(bound_seconds, ours.median - itself.median, " s over it", at_most=True)


def _pushed_image(bench: Workbench) -> str:
    """The URI, by digest, of an image in a repository that no measured app has."""
    with bench.toolkit() as toolkit:
        built = toolkit.build("bench-image", str(bench.app("bench-image")), "v1")
        client = _client(bench, "ecr")
        found = client.describe_images(repositoryName="bench-image-repo", imageIds=[{"imageTag": "v1"}])
    return f"{built['repository_uri']}@{found['imageDetails'][0]['imageDigest']}"


def _toolkit_with_image(uri: str) -> type[Toolkit]:
    """A toolkit that checks an app's folder and repository as ever, and then takes this image for the app's own."""
    from expressway.image.app_image import AppImages, CheckedAppImage

    class PushedImages(AppImages):
        def check(self, *given: Any, **named: Any) -> CheckedAppImage:
            image = super().check(*given, **named | {"with_engine": False})
            return image.as_planned(PlannedImage("published", uri, "v1"))

    class WithImage(Toolkit):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            own = self._wiring.images
            self._wiring.images = PushedImages(**{each.name: getattr(own, each.name) for each in fields(own)})

    return WithImage


def _cdk_deploy_all(project: CdkProject, app_name: str, image: str) -> None:
    project.deploy("--all", "--parameters", f"{app_name}-express-service:ImageUri={image}")


def _four_commands(bench: Workbench, project: CdkProject, app: Path) -> None:
    name = app.name
    project.deploy(f"{name}-ecr-infrastructure")
    address = f"127.0.0.1:{bench.sandbox.port}/{name}-repo:v1"
    for arguments in (["build", "-t", address, str(app)], ["push", address]):
        run([bench.docker, *arguments], cwd=app, environment=project.variables)
    image = f"{bench.sandbox.account_id}.dkr.ecr.{bench.sandbox.region}.amazonaws.com/{name}-repo:v1"
    project.deploy(f"{name}-express-service", "--exclusively", "--parameters", f"ImageUri={image}")


def _create_stacks(bench: Workbench, templates: AppTemplates, image: str) -> None:
    """Both stacks by CreateStack, one after the other, each polled without a pause that would count."""
    client = _client(bench, "cloudformation")
    for template in templates:
        parameters = {"PusherArn": ""} if template is templates.repository else {"ImageUri": image}
        client.create_stack(
            StackName=template.stack_name,
            TemplateBody=template.body,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _await_stack(client, template.stack_name)


def _await_stack(client: Any, name: str) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + _STACK_SECONDS
    while (status := client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]) == "CREATE_IN_PROGRESS":
        if clock.monotonic() > deadline:
            raise MeasurementFailed(f"{name} is still {status} after {_STACK_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    _expect("CREATE_COMPLETE", status)


def _client(bench: Workbench, service: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=bench.sandbox.endpoint_url,
        region_name=bench.sandbox.region,
        aws_access_key_id=bench.sandbox.key.access_key_id,
        aws_secret_access_key=bench.sandbox.key.secret_access_key,
    )
