"""An image without a service: as whom it is pushed, and what its definition says of the repository."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition
from expressway.aws.values.target import Target
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import NeverCancelled, Progress
from expressway.deploy.build import BuildPorts, BuiltImage, build_app_image
from expressway.errors import ImageError, StackError
from expressway.image.app_image import AppImages, registry_to_push
from expressway.image.check import BuildRequest
from expressway.image.context.excluded import ExcludedFiles
from tests.cloudformation.fakes import InMemoryCloudFormation, ManualClock
from tests.deploy.fakes import InMemoryAccount
from tests.image.fakes import MemoryEngine, MemoryRegistry

ROLE = "arn:aws:iam::111122223333:role/hello-ecr-push-pull-role"
THROUGH = {"push_through_role": True}


def a_definition(**settings: Any) -> AppDefinition:
    return parse_definition({"name": "hello", **settings})


class World:
    """A folder, an engine, a registry and stacks; `asked` has every definition that was synthesized."""

    def __init__(self, folder: Path) -> None:
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        self.folder = folder
        self.registry = MemoryRegistry()
        self.engine = MemoryEngine(self.registry)
        self.stacks = InMemoryCloudFormation(outputs={"PushPullRoleArn": ROLE})
        self.asked: list[AppDefinition] = []
        self.told: list[Progress] = []
        self.excluded: dict[str, ExcludedFiles] = {}

    def build(self, definition: AppDefinition | None, *, rebuild: bool = False) -> BuiltImage:
        ports = BuildPorts(
            target=Target("111122223333", "eu-west-1"),
            synthesize=self._synthesize,
            stacks=self.stacks,
            account=InMemoryAccount(self.stacks).reads(),
            engine=lambda: self.engine,
            registry=self.registry,
            clock=ManualClock(),
            record_excluded=lambda image, excluded_files, _warn: self.excluded.update({image: excluded_files}),
        )
        return build_app_image(
            BuildRequest("hello", self.folder, rebuild=rebuild),
            definition,
            ports=ports,
            progress=self.told.append,
            cancellation=NeverCancelled(),
        )

    def _synthesize(self, definition: AppDefinition) -> AppTemplates:
        self.asked.append(definition)
        body = json.dumps(
            {"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}, "Resources": {"R": {"Type": "T"}}}
        )
        repository = Template("hello-ecr-infrastructure", body) if definition.build is not None else None
        return AppTemplates(repository, Template("hello-express-service", body))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_is_pushed_as_the_role_of_the_repository_that_stands_when_asked(world: World) -> None:
    world.build(a_definition(build=".", repository=THROUGH))
    assert world.registry.roles == [(ROLE, "expressway-hello")]
    assert world.registry.tags


@pytest.mark.parametrize("definition", [None, a_definition(build=".")])
def test_it_is_pushed_as_the_caller_when_not_asked(world: World, definition: AppDefinition | None) -> None:
    assert world.build(definition).push_pull_role_arn == ROLE
    assert world.registry.roles == []


def test_an_image_is_built_again_when_asked_and_pushed_when_it_is_another_one(world: World) -> None:
    world.engine.base = "old"
    first = world.build(None)
    assert world.build(None, rebuild=True).image.digest == first.image.digest
    world.engine.base = "new"
    again = world.build(None, rebuild=True)
    assert again.image.digest != first.image.digest
    assert again.to_dict()["image_tag"].startswith(f"{first.image.tag}-")
    assert world.build(None, rebuild=True).image == replace(again.image, pushed=False)
    assert len(world.registry.tags) == 2


def test_a_repository_without_the_role_is_told_before_the_push(world: World) -> None:
    world.stacks.outputs = {}
    with pytest.raises(StackError) as caught:
        world.build(a_definition(build=".", repository=THROUGH))
    assert caught.value.code == "push_role_missing"
    assert world.registry.tags == {}


def test_a_deployment_pushes_as_the_role_too(world: World) -> None:
    definition = a_definition(build=".", repository=THROUGH)
    images = AppImages(
        engine=lambda: world.engine,
        registry=world.registry,
        repositories=lambda: pytest.fail("no image is named"),
        read_task_definition=lambda _: pytest.fail("no task definition is named"),
        clock=ManualClock(),
    )
    image = images.check(definition, world.folder, progress=world.told.append)
    never = NeverCancelled()
    image.build(progress=world.told.append, cancellation=never)
    assert world.registry.roles == []
    uri = image.push(stack_outputs={"PushPullRoleArn": ROLE}, progress=world.told.append, cancellation=never)
    assert "@sha256:" in uri
    assert world.registry.roles == [(ROLE, "expressway-hello")]


def test_what_was_kept_out_of_the_image_is_recorded_under_its_digest(world: World) -> None:
    (world.folder / "server.key").write_text("-----BEGIN " + "PRIVATE KEY-----")
    world.build(None)
    ((image, excluded_files),) = world.excluded.items()
    assert image.endswith(f"@{next(iter(world.registry.tags.values()))}")
    assert excluded_files == ExcludedFiles(("server.key",), ".dockerignore")
    world.build(None)
    assert len(world.excluded) == 1


def test_a_published_image_is_looked_for_again_by_its_digest(world: World) -> None:
    world.build(None)
    images = AppImages(
        engine=lambda: pytest.fail("nothing is built"),
        registry=world.registry,
        repositories=lambda: pytest.fail("no image is named"),
        read_task_definition=lambda _: pytest.fail("no task definition is named"),
        clock=ManualClock(),
    )
    image = images.check(a_definition(build="."), world.folder, progress=world.told.append)
    assert image.planned is not None
    assert image.planned.uri is not None
    assert image.is_there()
    world.registry.denied = True
    assert image.is_there(), "what may not be read is not called gone"
    world.registry.denied = False
    world.registry.tags = {"other": "sha256:" + "0" * 64}
    assert not image.is_there()
    world.registry.exists = False
    assert not image.is_there()


def test_a_definition_that_does_not_ask_leaves_the_registry_as_it_is(world: World) -> None:
    assert registry_to_push(world.registry, a_definition(build="."), {"PushPullRoleArn": ROLE}) is world.registry


def test_a_definition_that_runs_a_prebuilt_image_still_says_what_becomes_of_the_repository(world: World) -> None:
    world.build(a_definition(image="public.ecr.aws/docker/library/httpd:2.4", removal_policy="retain"))
    assert world.asked[0].removal_policy == "retain"
    assert "hello-ecr-infrastructure" in world.stacks.stacks


def test_what_was_kept_out_is_warned_of_also_when_the_content_is_published(world: World) -> None:
    (world.folder / ".env").write_text("SECRET=1")
    for _ in range(2):
        world.told.clear()
        world.build(None)
        assert [".env" in one.message for one in world.told if one.level == "warning"] == [True]
    assert len(world.engine.builds) == 1


def test_a_build_that_fails_makes_no_repository(world: World) -> None:
    world.engine.refusal = ImageError("buildkit_required", "m", "h")
    with pytest.raises(ImageError):
        world.build(None)
    assert world.stacks.stacks == {}
