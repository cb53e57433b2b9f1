"""Pushing an image: checked before anything changes, built and pushed only when new, verified, repeatable."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from expressway.aws.ecr import EcrRegistry
from expressway.aws.session import open_session
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.core.system_clock import SystemClock
from expressway.errors import DefinitionError, EngineError, ExpresswayError, ImageError
from expressway.image.check import BuildRequest, CheckedBuild, check_build
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.push import build_image, plan_image, push_image
from expressway.image.values import ImageBuild, LocalImage, PushedImage
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from expressway_sandbox.lifecycle import SandboxInfo
from tests.image.fakes import REPOSITORY, URI, FastClock, MemoryEngine, MemoryRegistry


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def engine(registry: MemoryRegistry) -> MemoryEngine:
    return MemoryEngine(registry)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch AS base\nCOPY app.py /\n")
    (folder / "app.py").write_text("print()")
    return folder


def push(
    checked: CheckedBuild, engine: MemoryEngine, *, clock: FastClock | None = None, told: list[Progress] | None = None
) -> PushedImage:
    return push_image(
        checked,
        engine=engine,
        registry=engine.registry,
        repository_name=REPOSITORY,
        clock=clock or FastClock(),
        progress=(told if told is not None else []).append,
    )


def refusal(request: BuildRequest, engine: MemoryEngine) -> ExpresswayError:
    with pytest.raises(ExpresswayError) as caught:
        check_build(request, engine=engine)
    assert caught.value.hint
    return caught.value


def test_new_content_is_built_pushed_verified_and_returned_by_digest(app: Path, engine: MemoryEngine) -> None:
    checked = check_build(BuildRequest("hello", app), engine=engine)
    image = push(checked, engine)
    assert (image.built, image.pushed) == (True, True)
    assert image.tag == checked.content_tag
    assert image.image_uri == f"{URI}@{image.digest}"
    assert engine.registry.tags == {checked.content_tag: image.digest}
    assert image.size_bytes == 42


class NothingThere(MemoryEngine):
    """An engine whose builds fail for want of a file."""

    def build(self, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation) -> LocalImage:
        raise ImageError("build_failed", "COPY failed: stat .env: file does not exist", "h", {"step": "Step 2/2"})


@pytest.mark.parametrize("how", ["build", "push"])
def test_a_build_that_fails_for_want_of_what_was_kept_out_says_how_to_include_it(
    how: str, app: Path, registry: MemoryRegistry
) -> None:
    (app / ".env").write_text("SECRET=1")
    engine = NothingThere(registry)
    checked = check_build(BuildRequest("hello", app), engine=engine)
    build = partial(build_image, engine=engine, registry=registry, repository_name=REPOSITORY)
    with pytest.raises(ImageError) as caught:
        build(checked) if how == "build" else push(checked, engine)
    assert caught.value.details["excluded_files"] == [".env"]
    assert "!.env" in caught.value.hint


def test_content_that_is_there_is_neither_built_nor_pushed_again(app: Path, engine: MemoryEngine) -> None:
    first = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    engine.images.clear()  # as on another machine
    again = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert (again.built, again.pushed, again.digest) == (False, False, first.digest)
    assert len(engine.builds) == len(engine.passwords) == 1


def test_changed_content_is_published_beside_the_old(app: Path, engine: MemoryEngine) -> None:
    first = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    (app / "app.py").write_text("print(2)")
    second = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert second.digest != first.digest
    assert set(engine.registry.tags) == {first.tag, second.tag}


def test_a_tag_that_is_asked_for_is_set_in_the_registry_without_pushing(app: Path, engine: MemoryEngine) -> None:
    first = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    tagged = push(check_build(BuildRequest("hello", app, tag="v1"), engine=engine), engine)
    assert (tagged.tag, tagged.digest, tagged.pushed) == ("v1", first.digest, False)
    assert engine.registry.calls == ["tag v1"]
    push(check_build(BuildRequest("hello", app, tag="v1"), engine=engine), engine)
    assert engine.registry.calls == ["tag v1"]


def test_a_taken_tag_is_refused_before_building(app: Path, engine: MemoryEngine) -> None:
    engine.registry.tags["v1"] = "sha256:" + "e" * 64
    with pytest.raises(ImageError) as caught:
        push(check_build(BuildRequest("hello", app, tag="v1"), engine=engine), engine)
    assert caught.value.code == "tag_immutable"
    assert "another tag" in caught.value.hint
    assert engine.builds == []
    assert engine.registry.logins == 0


def test_a_tag_moves_where_the_repository_allows_it(app: Path, engine: MemoryEngine) -> None:
    engine.registry.mutability = "MUTABLE"
    engine.registry.tags["latest"] = "sha256:" + "e" * 64
    image = push(check_build(BuildRequest("hello", app, tag="latest"), engine=engine), engine)
    assert engine.registry.tags["latest"] == image.digest


def test_a_plan_tells_what_would_happen_and_changes_nothing(app: Path, engine: MemoryEngine) -> None:
    checked = check_build(BuildRequest("hello", app), engine=engine)
    planned = plan_image(checked, registry=engine.registry, repository_name=REPOSITORY)
    assert (planned.state, planned.uri, planned.tag) == ("to_build", None, checked.content_tag)
    assert engine.builds == []
    assert plan_image(checked, registry=MemoryRegistry(exists=False), repository_name=REPOSITORY).state == "to_build"
    image = push(checked, engine)
    planned = plan_image(checked, registry=engine.registry, repository_name=REPOSITORY)
    assert (planned.state, planned.uri) == ("published", image.image_uri)


def test_a_run_that_was_killed_after_the_build_only_pushes(app: Path, engine: MemoryEngine) -> None:
    checked = check_build(BuildRequest("hello", app, tag="v1"), engine=engine)
    engine.faults = [ImageError("push_failed", "killed here", "")]
    with pytest.raises(ImageError):
        push(checked, engine)
    image = push(checked, engine)
    assert (image.built, image.pushed) == (False, True)
    assert len(engine.builds) == 1
    assert engine.registry.tags == {checked.content_tag: image.digest, "v1": image.digest}


def test_a_run_that_was_killed_after_the_push_only_sets_the_tag(app: Path, engine: MemoryEngine) -> None:
    checked = check_build(BuildRequest("hello", app, tag="v1"), engine=engine)
    engine.registry.tags[checked.content_tag] = "sha256:" + "a" * 64
    image = push(checked, engine)
    assert (image.built, image.pushed, engine.registry.tags["v1"]) == (False, False, image.digest)


def test_an_expired_login_is_renewed(app: Path, engine: MemoryEngine) -> None:
    engine.faults = [ImageError("login_expired", "expired", "")]
    clock, told = FastClock(), list[Progress]()
    push(check_build(BuildRequest("hello", app), engine=engine), engine, clock=clock, told=told)
    assert engine.passwords == ["login 1", "login 2"]
    assert clock.slept == []
    assert [progress.level for progress in told if progress.phase == "push"] == ["warning"]


def test_a_dropped_connection_is_tried_again_with_patience(app: Path, engine: MemoryEngine) -> None:
    engine.faults = [ImageError("push_interrupted", "reset", "")] * 2
    clock = FastClock()
    image = push(check_build(BuildRequest("hello", app), engine=engine), engine, clock=clock)
    assert image.pushed
    assert clock.slept == [1.0, 3.0]


def test_three_interrupted_pushes_are_enough(app: Path, engine: MemoryEngine) -> None:
    engine.faults = [ImageError("push_interrupted", "toomanyrequests", "continue")] * 5
    with pytest.raises(ImageError) as caught:
        push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert caught.value.code == "push_interrupted"
    assert len(engine.passwords) == 3
    assert engine.registry.tags == {}


@pytest.mark.parametrize("code", ["push_denied", "push_failed", "disk_full", "repository_missing"])
def test_what_cannot_get_better_is_not_tried_again(app: Path, engine: MemoryEngine, code: str) -> None:
    engine.faults = [ImageError(code, "no", "")] * 2
    with pytest.raises(ImageError) as caught:
        push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert caught.value.code == code
    assert len(engine.passwords) == 1


def test_the_same_content_pushed_by_somebody_else_meanwhile_is_taken(app: Path, engine: MemoryEngine) -> None:
    engine.pushed_before_us = "sha256:" + "b" * 64
    image = push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert (image.digest, image.built, image.pushed) == (engine.pushed_before_us, True, False)


def test_a_registry_that_shows_another_digest_is_not_believed(app: Path, engine: MemoryEngine) -> None:
    engine.registry.shows_instead = "sha256:" + "f" * 64
    with pytest.raises(ImageError) as caught:
        push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert caught.value.code == "verification_failed"


def test_a_missing_repository_is_told_before_building(app: Path, engine: MemoryEngine) -> None:
    engine.registry.exists = False
    with pytest.raises(ImageError) as caught:
        push(check_build(BuildRequest("hello", app), engine=engine), engine)
    assert caught.value.code == "repository_missing"
    assert engine.builds == []


class Enough(Exception):
    """What an impatient caller raises."""


class Impatient:
    def raise_if_cancelled(self) -> None:
        raise Enough


def test_a_cancelled_caller_gets_nothing_pushed(app: Path, engine: MemoryEngine) -> None:
    checked = check_build(BuildRequest("hello", app), engine=engine)
    with pytest.raises(Enough):
        push_image(
            checked,
            engine=engine,
            registry=engine.registry,
            repository_name=REPOSITORY,
            clock=FastClock(),
            cancellation=Impatient(),
        )
    assert engine.registry.tags == {}


@pytest.mark.parametrize("name", ["", "Hello", "a" * 21, "-a", "a-", "a--b", "a_b", "../x"])
def test_a_wrong_app_name_is_refused(app: Path, engine: MemoryEngine, name: str) -> None:
    error = refusal(BuildRequest(name, app), engine)
    assert isinstance(error, DefinitionError)
    assert error.code == "invalid_app_name"


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a b", "a/b", "x" * 129, "v1\n", "ctx-00000000000000000000"])
def test_a_wrong_tag_is_refused(app: Path, engine: MemoryEngine, tag: str) -> None:
    assert refusal(BuildRequest("hello", app, tag=tag), engine).code == "invalid_tag"


def test_the_contents_own_tag_may_be_asked_for(app: Path, engine: MemoryEngine) -> None:
    own = check_build(BuildRequest("hello", app), engine=engine).content_tag
    assert check_build(BuildRequest("hello", app, tag=own), engine=engine).tag == own


def test_a_missing_folder_or_dockerfile_is_told(tmp_path: Path, engine: MemoryEngine) -> None:
    assert refusal(BuildRequest("hello", tmp_path / "none"), engine).code == "context_missing"
    assert refusal(BuildRequest("hello", tmp_path), engine).code == "dockerfile_missing"


def test_the_root_and_home_are_no_build_contexts(engine: MemoryEngine) -> None:
    assert refusal(BuildRequest("hello", Path("/")), engine).code == "context_refused"
    assert refusal(BuildRequest("hello", Path.home()), engine).code == "context_refused"


def test_a_wrong_dockerfile_is_told_with_every_line(app: Path, engine: MemoryEngine) -> None:
    (app / "Dockerfile").write_text("FORM scratch\nRUN\n")
    error = refusal(BuildRequest("hello", app), engine)
    assert error.code == "dockerfile_invalid"
    assert {problem["line"] for problem in error.details["problems"]} == {1, 2}


def test_a_missing_stage_is_told_with_those_that_there_are(app: Path, engine: MemoryEngine) -> None:
    error = refusal(BuildRequest("hello", app, target="final"), engine)
    assert error.code == "target_missing"
    assert "base" in error.message


def test_a_link_that_climbs_out_of_the_folder_is_packed_and_told(app: Path, engine: MemoryEngine) -> None:
    (app / "log").symlink_to("/dev/stdout")
    (app / "shared").symlink_to("../shared")
    [warning] = check_build(BuildRequest("hello", app), engine=engine).warnings
    assert "shared -> ../shared" in warning
    assert "stdout" not in warning


def test_a_folder_over_the_limit_is_refused(app: Path, engine: MemoryEngine) -> None:
    with pytest.raises(ImageError) as caught:
        check_build(BuildRequest("hello", app), engine=engine, limit_bytes=10)
    assert caught.value.code == "context_too_large"


def test_an_engine_that_cannot_do_it_is_told_before_anything_else(app: Path, engine: MemoryEngine) -> None:
    engine.refusal = EngineError("engine_unreachable", "gone", "start it")
    assert refusal(BuildRequest("hello", app), engine).code == "engine_unreachable"


def test_secrets_and_telling_build_arguments_are_warned_of(app: Path, engine: MemoryEngine) -> None:
    (app / ".env").write_text("A=1")
    checked = check_build(BuildRequest("hello", app, args={"API_KEY": "x", "WORD": "y"}), engine=engine)
    assert [".env" in checked.warnings[0], "API_KEY" in checked.warnings[1]] == [True, True]
    assert "WORD" not in checked.warnings[1]
    assert push(checked, engine).warnings == checked.warnings


@pytest.mark.sandbox
@pytest.mark.engine
def test_a_real_image_is_built_pushed_tagged_and_found_again(
    base_images: str, embedded_aws: SandboxInfo, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX_IMAGE}\nCOPY page /\n")
    (tmp_path / "page").write_text("one")
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    session.client("ecr").create_repository(repositoryName="publish-repo", imageTagMutability="IMMUTABLE")
    registry = EcrRegistry(session)
    engine = DockerEngine(EngineAddress(base_images, "test"))

    def run(tag: str | None = None) -> PushedImage:
        checked = check_build(BuildRequest("publish", tmp_path, tag=tag), engine=engine)
        return push_image(
            checked, engine=engine, registry=registry, repository_name="publish-repo", clock=SystemClock()
        )

    try:
        first = run()
        assert (first.built, first.pushed) == (True, True)
        assert run() == replace(first, built=False, pushed=False)
        tagged = run("v1")
        assert (tagged.digest, tagged.pushed) == (first.digest, False)
        found = registry.find_image("publish-repo", tag="v1")
        assert found is not None
        assert found.digest == first.digest
        (tmp_path / "page").write_text("two")
        with pytest.raises(ImageError) as caught:
            run("v1")
        assert caught.value.code == "tag_immutable"
        assert len(session.client("ecr").describe_images(repositoryName="publish-repo")["imageDetails"]) == 1
        assert run().digest != first.digest
        held = engine.find_image(f"127.0.0.1:{embedded_aws.endpoint_url.rpartition(':')[2]}/publish-repo:{first.tag}")
        assert held is not None
    finally:
        engine.remove_app_images("publish", repository_name="publish-repo")
        session.client("ecr").delete_repository(repositoryName="publish-repo", force=True)
    assert engine.find_image(f"expressway/publish:{first.tag}") is None


@pytest.mark.sandbox
@pytest.mark.engine
def test_a_push_to_a_repository_that_is_deleted_meanwhile_leaves_nothing(
    base_images: str, embedded_aws: SandboxInfo, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX_IMAGE}\nRUN echo gone >/page\n")
    session = open_session(sandbox_url=embedded_aws.endpoint_url)
    session.client("ecr").create_repository(repositoryName="gone-repo")
    registry = EcrRegistry(session)
    engine = DockerEngine(EngineAddress(base_images, "test"))
    checked = check_build(BuildRequest("gone", tmp_path), engine=engine)

    def vanish(progress: Progress) -> None:
        if "Successfully built" in progress.message:
            session.client("ecr").delete_repository(repositoryName="gone-repo")

    try:
        with pytest.raises(ImageError) as caught:
            push_image(
                checked,
                engine=engine,
                registry=registry,
                repository_name="gone-repo",
                clock=FastClock(),
                progress=vanish,
            )
    finally:
        engine.remove_app_images("gone", repository_name="gone-repo")
    assert caught.value.code == "repository_missing"
