"""An image is built again for a moved base: compared, pushed once under a tag of its own, deployed by digest, kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from expressway.cloudformation.template import IMAGE_PARAMETER
from expressway.core.progress import NeverCancelled, Progress, ProgressSink
from expressway.errors import ImageError, RefusedError
from expressway.image.app_image import AppImages
from expressway.image.check import BuildRequest, CheckedBuild, check_build
from expressway.image.context.values import CONTENT_TAG
from expressway.image.push import build_image, push_image
from tests.deploy.fakes import SERVICE, World, templates
from tests.deploy.test_build import ManualClock, a_definition
from tests.image.fakes import REPOSITORY, URI, FastClock, MemoryEngine, MemoryRegistry

NEVER = NeverCancelled()


# -- building and pushing ---------------------------------------------------------------------------------------
@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine(MemoryRegistry(), base="old")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\nCOPY --from=tools:1 /bin/x /\n")
    return tmp_path


def checked(engine: MemoryEngine, folder: Path, *, tag: str | None = None, rebuild: bool = True) -> CheckedBuild:
    return check_build(BuildRequest("hello", folder, tag=tag, rebuild=rebuild), engine=engine)


def push(build: CheckedBuild, engine: MemoryEngine) -> str:
    return push_image(
        build, engine=engine, registry=engine.registry, repository_name=REPOSITORY, clock=FastClock()
    ).image_uri


def rebuild(engine: MemoryEngine, folder: Path, *, tag: str | None = None) -> CheckedBuild:
    return build_image(
        checked(engine, folder, tag=tag), engine=engine, registry=engine.registry, repository_name=REPOSITORY
    )


def test_its_images_are_pulled_anew_only_when_that_is_asked_for(engine: MemoryEngine, folder: Path) -> None:
    push(checked(engine, folder, rebuild=False), engine)
    rebuild(engine, folder)
    assert [one.renewed_images for one in engine.builds] == [(), ("python:3.13", "tools:1")]


@pytest.mark.parametrize("store", ["configuration", "manifest"])
def test_an_image_that_is_the_same_is_published_already(engine: MemoryEngine, folder: Path, store: str) -> None:
    first = push(checked(engine, folder, rebuild=False), engine)
    if store == "manifest":  # engines with containerd's image store name images by their manifests
        digest = first.rpartition("@")[2]
        engine.registry.configurations.clear()
        engine.registry.tags = {
            name: engine.images[f"expressway/hello:{name}"].image_id for name in engine.registry.tags
        }
        first = first.replace(digest, next(iter(engine.registry.tags.values())))
    before = dict(engine.registry.tags)
    again = rebuild(engine, folder)
    assert push(again, engine) == first
    assert engine.registry.tags == before


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"])
def test_another_image_gets_a_tag_of_its_own_and_is_pushed_once(
    engine: MemoryEngine, folder: Path, mutability: str
) -> None:
    engine.registry.mutability = mutability
    first = push(checked(engine, folder, rebuild=False), engine)
    engine.base = "new"
    again = rebuild(engine, folder)
    second = push(again, engine)
    assert second != first
    own = checked(engine, folder).content_tag
    assert again.content_tag.startswith(f"{own}-")
    assert CONTENT_TAG.fullmatch(again.content_tag)
    assert engine.registry.tags[own] == first.rpartition("@")[2]

    pushes = len(engine.passwords)
    repeated = rebuild(engine, folder)
    assert repeated == again
    assert push(repeated, engine) == second
    assert len(engine.passwords) == pushes


def test_a_tag_that_was_asked_for_names_the_new_image(engine: MemoryEngine, folder: Path) -> None:
    engine.registry.mutability = "MUTABLE"
    push(checked(engine, folder, tag="v1", rebuild=False), engine)
    engine.base = "new"
    uri = push(rebuild(engine, folder, tag="v1"), engine)
    assert engine.registry.tags["v1"] == uri.rpartition("@")[2]


def test_a_manifest_that_may_not_be_read_makes_it_one_to_push(engine: MemoryEngine, folder: Path) -> None:
    first = push(checked(engine, folder, rebuild=False), engine)
    engine.registry.reads_denied = True
    assert push(rebuild(engine, folder), engine) == first, "the registry tells that it is the same"


def test_the_first_image_of_a_content_gets_its_plain_tag(engine: MemoryEngine, folder: Path) -> None:
    again = rebuild(engine, folder)
    assert again.content_tag == checked(engine, folder).content_tag
    engine.registry.exists = False
    assert rebuild(engine, folder).content_tag == again.content_tag


# -- the image of an app ----------------------------------------------------------------------------------------
def images(engine: MemoryEngine) -> AppImages:
    return AppImages(
        engine=lambda: engine,
        registry=engine.registry,
        repositories=lambda: pytest.fail("no image is named"),
        read_task_definition=lambda _: pytest.fail("no task definition is named"),
        clock=ManualClock(),
    )


def test_what_was_built_again_stays_when_the_same_content_is_deployed(engine: MemoryEngine, folder: Path) -> None:
    definition = a_definition(build=".")
    first = push(checked(engine, folder, rebuild=False), engine)
    engine.base = "new"
    image = images(engine).check(definition, folder, progress=lambda _: None, rebuild=True)
    assert image.planned is not None
    assert (image.planned.state, image.planned.uri) == ("to_rebuild", None)
    assert image.renewed(first) is None, "it is to be built again"
    built = image.build(progress=lambda _: None, cancellation=NEVER)
    second = built.push(stack_outputs={}, progress=lambda _: None, cancellation=NEVER)

    plain = images(engine).check(definition, folder, progress=lambda _: None, with_engine=False)
    assert plain.planned is not None
    assert plain.planned.uri == first
    stays = plain.renewed(second)
    assert stays is not None
    assert (stays.state, stays.uri) == ("published", second)
    assert plain.as_planned(stays).is_there()
    others = ["", first, f"{URI}:tag", f"{URI}@sha256:{'0' * 64}", second.replace("hello-repo", "other-repo")]
    assert [plain.renewed(uri) for uri in others] == [None] * len(others)
    (folder / "Dockerfile").write_text("FROM python:3.14\n")
    assert images(engine).check(definition, folder, progress=lambda _: None, with_engine=False).renewed(second) is None


@pytest.mark.parametrize("named", [{"image": "public.ecr.aws/x/y:1"}, {"task_definition_arn": "arn:aws:ecs:t/x:1"}])
def test_an_image_that_is_not_built_here_cannot_be_built_again(engine: MemoryEngine, named: dict[str, str]) -> None:
    definition = a_definition(build=".").model_copy(update={"build": None, **named})
    with pytest.raises(ImageError) as refusal:
        images(engine).check(definition, Path(), progress=lambda _: None, rebuild=True)
    assert refusal.value.code == "nothing_to_rebuild"
    assert next(iter(named.values())) in refusal.value.message


# -- deploying --------------------------------------------------------------------------------------------------
def deployed(base: str = "") -> World:
    world = World()
    world.deploy()
    world.images.base = base
    return world


def image_of(world: World) -> str:
    return world.stacks.stacks[SERVICE].parameters[IMAGE_PARAMETER]


def digest(world: World, *, rebuild: bool) -> str:
    with pytest.raises(RefusedError) as refusal:
        world.deploy(approved_plan="none", rebuild=rebuild)
    return str(refusal.value.details["current"])


def test_the_same_image_is_said_to_be_and_changes_nothing() -> None:
    world = deployed()
    before, pushes = dict(world.stacks.stacks), list(world.images.pushes)
    result = world.deploy(rebuild=True)
    assert result.status == "unchanged"
    assert "is the one that runs" in result.rebuilt
    assert result.to_dict()["rebuilt"] == result.rebuilt
    assert (world.stacks.stacks, world.images.pushes) == (before, pushes)
    assert "rebuilt" not in world.deploy().to_dict()


def test_another_image_is_deployed_and_stays_until_the_content_changes() -> None:
    world = deployed("moved")
    result = world.deploy(rebuild=True)
    assert (result.status, result.image_uri) == ("deployed", "repo@sha256:content-1-moved")
    assert "another one than ran before" in result.rebuilt
    assert world.deploy().status == "unchanged"
    assert image_of(world) == result.image_uri
    assert world.deploy(rebuild=True).status == "unchanged"
    world.images.content = "content-2"
    assert world.deploy().image_uri == "repo@sha256:content-2"


def test_a_build_that_fails_changes_nothing() -> None:
    world = deployed("moved")
    before = dict(world.stacks.stacks)
    world.images.fails = ImageError("base_image_unavailable", "m", "h")
    with pytest.raises(ImageError):
        world.deploy(rebuild=True)
    assert world.stacks.stacks == before


def test_building_again_is_part_of_what_is_approved() -> None:
    world = deployed("moved")
    plain, again = digest(world, rebuild=False), digest(world, rebuild=True)
    assert plain != again
    for approved, rebuild in ((plain, True), (again, False)):
        with pytest.raises(RefusedError) as refusal:
            world.deploy(approved_plan=approved, rebuild=rebuild)
        assert refusal.value.code == "plan_changed"
    assert world.deploy(approved_plan=again, rebuild=True).image_uri == "repo@sha256:content-1-moved"


class Killed(BaseException):
    """The process ends here."""


def killed_at(number: int) -> Callable[[ProgressSink], ProgressSink]:
    left = [number]

    def wrapped(sink: ProgressSink) -> ProgressSink:
        def told(event: Progress) -> None:
            sink(event)
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        return told

    return wrapped


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("also", [False, True])
def test_an_approved_one_that_is_killed_anywhere_is_finished_by_repeating_it(first: bool, also: bool) -> None:
    def prepared() -> World:
        world = World() if first else deployed()
        world.images.base = "moved"
        if also:
            world.templates = templates(cpu="512")
        return world

    whole = prepared()
    whole.told.clear()
    whole.deploy(rebuild=True)
    for number in range(1, len(whole.told) + 1):
        world = prepared()
        world.told.clear()
        approved = digest(world, rebuild=True)
        with pytest.raises(Killed):
            world.deploy(rebuild=True, approved_plan=approved, progress=killed_at(number))
        result = world.deploy(rebuild=True, approved_plan=approved, continues="deploy-hello-0")
        assert result.image_uri == image_of(world) == "repo@sha256:content-1-moved"
        assert world.images.pushes.count("content-1-moved") == 1
        assert world.deploy().status == "unchanged"


def test_another_image_in_its_place_was_not_approved() -> None:
    world = deployed("moved")
    approved = digest(world, rebuild=True)
    service = world.stacks.stacks[SERVICE]
    with pytest.raises(Killed):
        world.deploy(rebuild=True, approved_plan=approved, progress=killed_at(4))
    other = replace(service, parameters={**service.parameters, IMAGE_PARAMETER: "repo@sha256:somebody-elses"})
    world.stacks.stacks[SERVICE] = other
    with pytest.raises(RefusedError) as refusal:
        world.deploy(rebuild=True, approved_plan=approved, continues="deploy-hello-0")
    assert refusal.value.code == "plan_changed"
