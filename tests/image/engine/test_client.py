"""Building and pushing with an engine: a real one for what works, a false one for what engines do when they fail."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from expressway.aws.values.image import RegistryLogin
from expressway.core.progress import NeverCancelled, Progress
from expressway.errors import EngineError, ExpresswayError, ImageError
from expressway.image.context.excluded import with_excluded_files
from expressway.image.context.reader import read_build_context
from expressway.image.context.values import content_tag
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway.image.engine.buildkit import build_with_buildkit, find_buildkit_command
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.engine.docker_api import open_client
from expressway.image.engine.network import BuildNetwork
from expressway.image.values import ImageBuild, LocalImage
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from tests.image.engine.fakes import FakeEngine

LOGIN = RegistryLogin("127.0.0.1", "AWS", "secret")
NEVER = NeverCancelled()


@pytest.fixture
def engine(base_images: str) -> DockerEngine:
    return DockerEngine(EngineAddress(base_images, "test"))


@pytest.fixture
def build_name(engine: DockerEngine, tmp_path: Path) -> Iterator[str]:
    """A name for an image that is removed afterwards."""
    name = f"expressway/engine-test:{content_tag(sha256(str(tmp_path).encode()).hexdigest())}"
    yield name
    client = open_client(engine.address, timeout_seconds=60)
    if engine.find_image(name):
        client.remove_image(name, force=True)
    client.close()


@pytest.fixture
def fake() -> Iterator[Callable[..., DockerEngine]]:
    """Makes engines that misbehave."""
    folder = Path(tempfile.mkdtemp(prefix="xw", dir="/tmp"))
    engines: list[FakeEngine] = []

    def make(**behaviour: Any) -> DockerEngine:
        engines.append(FakeEngine(folder / f"{len(engines)}.sock", **behaviour))
        return DockerEngine(engines[-1].address, command_folders=())

    make.engines = engines  # type: ignore[attr-defined]
    yield make
    for each in engines:
        each.close()
    shutil.rmtree(folder)


def a_build(folder: Path, dockerfile: str, name: str = "expressway/x:1", **settings: Any) -> ImageBuild:
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile.replace("BUSYBOX", BUSYBOX_IMAGE))
    context = read_build_context(folder.resolve())
    reasons = parse_dockerfile(context.dockerfile_text).buildkit_reasons
    return ImageBuild(name, context, "linux/amd64", buildkit_reasons=reasons, **settings)


def run_build(engine: DockerEngine, build: ImageBuild) -> tuple[LocalImage, list[Progress]]:
    told: list[Progress] = []
    return engine.build(build, progress=told.append, cancellation=NEVER), told


def failure(engine: DockerEngine, build: ImageBuild) -> ExpresswayError:
    with pytest.raises(ExpresswayError) as caught:
        engine.build(build, progress=lambda _: None, cancellation=NEVER)
    assert caught.value.hint
    return caught.value


def labels_of(engine: DockerEngine, name: str) -> Mapping[str, str]:
    client = open_client(engine.address, timeout_seconds=60)
    try:
        return client.inspect_image(name)["Config"]["Labels"]
    finally:
        client.close()


@pytest.mark.engine
def test_an_image_is_built_with_its_arguments_and_target_and_its_steps_are_told(
    engine: DockerEngine, tmp_path: Path, build_name: str
) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    text = (
        "FROM BUSYBOX AS first\nARG WORD=none\nCOPY hello.txt /\nRUN echo $WORD && cat hello.txt\nLABEL word=$WORD\n"
        "FROM first\nRUN exit 9\n"
    )
    build = a_build(tmp_path, text, build_name, target="first", args={"WORD": "given"})
    image, told = run_build(engine, build)
    assert engine.find_image(build_name) == image
    assert image.platform == "linux/amd64"
    assert labels_of(engine, build_name)["word"] == "given"
    messages = [progress.message for progress in told]
    assert "⟪given⟫" in messages
    assert any("Step 4/5 : RUN" in message for message in messages)
    assert {progress.phase for progress in told} == {"build"}
    assert told[-1].fraction == 1.0


@pytest.mark.engine
def test_a_failing_step_is_told_with_exit_code_and_last_words(engine: DockerEngine, tmp_path: Path) -> None:
    error = failure(engine, a_build(tmp_path, "FROM BUSYBOX\nRUN echo the reason >&2; exit 7\n"))
    assert error.code == "build_failed"
    assert error.details["exit_code"] == 7
    assert error.details["step"].startswith("Step 2/2 : RUN echo the reason")
    assert error.details["output"][-1] == "the reason"
    assert engine.find_image("expressway/x:1") is None


@pytest.mark.engine
def test_a_file_that_is_not_in_the_context_fails_the_build(engine: DockerEngine, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET=1")
    build = a_build(tmp_path, "FROM BUSYBOX\nCOPY .env /\n")
    error = failure(engine, build)
    assert error.code == "build_failed"
    assert "COPY .env" in error.details["step"]
    assert isinstance(error, ImageError)
    assert "add !.env to .dockerignore" in with_excluded_files(error, build.context).hint


@pytest.mark.engine
@pytest.mark.parametrize("copied", ["COPY keys/a.pem /", "COPY --chown=1:1 keys/a.pem keys/b /", "COPY $KEY /"])
@pytest.mark.parametrize("first", ["", "RUN --mount=type=cache,target=/c true\n"])
def test_both_builders_lead_to_what_was_left_out(engine: DockerEngine, tmp_path: Path, first: str, copied: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.pem").write_text("key")
    build = a_build(tmp_path, f"FROM BUSYBOX\nARG KEY=keys/a.pem\n{first}{copied}\n")
    if first and find_buildkit_command(engine.address, environ=os.environ, folders=("/usr/bin",)) is None:
        pytest.skip("this machine has no docker command with BuildKit")
    error = failure(engine, build)
    assert isinstance(error, ImageError)
    assert with_excluded_files(error, build.context).details["excluded_but_copied"] == ["keys/a.pem"]


@pytest.mark.engine
def test_a_base_image_that_does_not_exist_is_told(engine: DockerEngine, tmp_path: Path) -> None:
    error = failure(engine, a_build(tmp_path, "FROM 127.0.0.1:9/no/such:image\n"))
    assert error.code == "base_image_unavailable"
    assert "127.0.0.1:9/no/such" in error.message


@pytest.mark.engine
def test_what_needs_buildkit_is_built_by_the_engines_own_command(
    engine: DockerEngine, tmp_path: Path, build_name: str
) -> None:
    text = "FROM BUSYBOX\nARG WORD\nRUN --mount=type=cache,target=/c echo $WORD >/out\nLABEL word=$WORD\n"
    build = a_build(tmp_path, text, build_name, args={"WORD": "given"})
    try:
        engine.check_build(build)
    except ImageError:
        pytest.skip("this machine has no docker command with BuildKit")
    image, told = run_build(engine, build)
    assert engine.find_image(build_name) == image
    assert labels_of(engine, build_name)["word"] == "given"
    assert any("RUN --mount=type=cache" in progress.message for progress in told)
    error = failure(engine, a_build(tmp_path, "FROM BUSYBOX\nRUN --mount=type=cache,target=/c echo why; exit 7\n"))
    assert (error.code, error.details["exit_code"]) == ("build_failed", 7)
    error = failure(engine, a_build(tmp_path, "FROM 127.0.0.1:9/no/such\nRUN --mount=type=cache,target=/c true\n"))
    assert error.code == "base_image_unavailable"


def test_a_failed_step_is_named_by_its_own_output_since_steps_run_side_by_side(tmp_path: Path) -> None:
    command = tmp_path / "docker"
    command.write_text(
        "#!/bin/sh\ncat >/dev/null\ncat <<'EOF'\n#6 [stage-0 3/3] COPY .env /\n#6 ERROR: not found\n"
        "#4 [stage-0 1/3] FROM busybox\n------\n > [stage-0 3/3] COPY .env /:\n------\n"
        'failed to compute cache key: "/.env" not found: not found\nEOF\nexit 1\n'
    )
    command.chmod(0o755)
    build = a_build(tmp_path / "app", "FROM busybox\nCOPY .env /\n")
    with Path(os.devnull).open("rb") as archive, pytest.raises(ImageError) as caught:
        build_with_buildkit(
            (str(command),), {}, build, archive, network=BuildNetwork(), progress=lambda _: None, cancellation=NEVER
        )
    assert (caught.value.code, caught.value.details["step"]) == ("build_failed", "[stage-0 3/3] COPY .env /")


@pytest.mark.parametrize("reference", ["", "docker-image://"])
def test_a_frontend_that_cannot_be_fetched_is_not_taken_for_a_base_image(tmp_path: Path, reference: str) -> None:
    asked = f"resolve image config for {reference}docker.io/docker/dockerfile:1"
    refused = 'failed to do request: Head "https://registry/v2/docker/dockerfile/manifests/1": dial tcp: no such host'
    command = tmp_path / "docker"
    command.write_text(
        f"#!/bin/sh\ncat >/dev/null\ncat <<'EOF'\n#3 {asked}\n#3 ERROR: {refused}\n------\n > {asked}:\n------\n"
        f"failed to solve with frontend dockerfile.v0: {refused}\nEOF\nexit 1\n"
    )
    command.chmod(0o755)
    build = a_build(tmp_path / "app", "# escape=\\\n# syntax=docker/dockerfile:1\nFROM busybox\n")
    with Path(os.devnull).open("rb") as archive, pytest.raises(ImageError) as caught:
        build_with_buildkit(
            (str(command),), {}, build, archive, network=BuildNetwork(), progress=lambda _: None, cancellation=NEVER
        )
    error = caught.value
    assert (error.code, error.details["line"]) == ("build_frontend_unavailable", 2)
    assert error.message.startswith(
        "The BuildKit frontend docker.io/docker/dockerfile:1, which line 2 of the Dockerfile"
    )
    assert "Remove line 2" in error.hint
    assert "base image" not in error.message


@pytest.mark.engine
def test_build_arguments_never_act_on_the_machine_that_builds(
    engine: DockerEngine, tmp_path: Path, build_name: str
) -> None:
    evil = {
        "DOCKER_HOST": f"unix://{tmp_path}/elsewhere.sock",
        "DOCKER_BUILDKIT": "0",
        "DOCKER_CONFIG": f"{tmp_path}/config",
        "LD_PRELOAD": f"{tmp_path}/evil.so",
        "PATH": f"{tmp_path}/bin",
        "EMPTY": "",
    }
    asked = "".join(f"ARG {name}\nLABEL {name.lower()}=${name}.\n" for name in evil if name != "PATH")
    text = f"FROM BUSYBOX\nRUN --mount=type=cache,target=/c true\n{asked}"
    build = a_build(tmp_path / "app", text, build_name, args=evil)
    try:
        engine.check_build(build)
    except ImageError:
        pytest.skip("this machine has no docker command with BuildKit")
    _, told = run_build(engine, build)
    assert labels_of(engine, build_name).items() >= {
        (name.lower(), f"{value}.") for name, value in evil.items() if name != "PATH"
    }
    assert not any("LD_PRELOAD" in line.message and "cannot be preloaded" in line.message for line in told)


@pytest.mark.engine
def test_without_a_buildkit_command_the_dockerfiles_line_is_named_before_building(
    engine: DockerEngine, tmp_path: Path
) -> None:
    bare = DockerEngine(engine.address, command_folders=(str(tmp_path),))
    with pytest.raises(ImageError) as caught:
        bare.check_build(a_build(tmp_path, "FROM BUSYBOX\n\nRUN --mount=type=cache,target=/c true\n"))
    assert caught.value.code == "buildkit_required"
    assert "Line 3" in caught.value.message
    assert caught.value.details["lines"][0]["text"] == "RUN --mount=type=cache,target=/c true"


def test_a_feature_that_the_engine_is_too_old_for_is_told_before_building(
    fake: Callable[..., DockerEngine], tmp_path: Path
) -> None:
    old = fake(version={"Version": "20.10.24"})
    with pytest.raises(ImageError) as caught:
        old.check_build(a_build(tmp_path, "FROM a\nRUN <<EOF\ntrue\nEOF\n"))
    assert caught.value.code == "buildkit_required"
    assert "20.10.24" in caught.value.message


def test_podman_builds_everything_through_the_same_interface(fake: Callable[..., DockerEngine], tmp_path: Path) -> None:
    podman = fake(version={"Version": "5.1.0", "Components": [{"Name": "Podman Engine"}]})
    podman.check_build(a_build(tmp_path, "FROM a\nRUN --mount=type=cache,target=/c true\n"))
    assert podman.facts().product == "Podman Engine"


def test_an_engine_without_the_classic_builder_needs_the_command(
    fake: Callable[..., DockerEngine], tmp_path: Path
) -> None:
    engine = fake(refusal=(400, "the classic builder has been removed; use BuildKit"))
    error = failure(engine, a_build(tmp_path, "FROM a\n"))
    assert error.code == "buildkit_required"
    assert "buildx" in error.hint


def test_an_engine_that_goes_away_in_the_middle_of_a_build_is_told(
    fake: Callable[..., DockerEngine], tmp_path: Path
) -> None:
    steps = [{"stream": "Step 1/2 : FROM a\n"}]
    assert failure(fake(stream=steps, cut=True), a_build(tmp_path, "FROM a\n")).code == "engine_unreachable"
    assert failure(fake(stream=steps), a_build(tmp_path, "FROM a\n")).code == "engine_unreachable"


def test_an_image_that_came_out_for_another_platform_is_told(fake: Callable[..., DockerEngine], tmp_path: Path) -> None:
    built = {"Id": "sha256:1", "Os": "linux", "Architecture": "arm64", "Size": 1}
    engine = fake(stream=[{"stream": "Successfully built 1"}], image=built)
    error = failure(engine, a_build(tmp_path, "FROM scratch\nLABEL a=b\n"))
    assert error.code == "platform_mismatch"
    assert "linux/amd64" in error.message
    assert "linux/arm64" in error.message


def test_a_full_disk_of_the_engine_is_told(fake: Callable[..., DockerEngine], tmp_path: Path) -> None:
    full = [{"stream": "Step 1/2 : RUN x\n"}, {"error": "write /x: no space left on device"}]
    assert failure(fake(stream=full), a_build(tmp_path, "FROM a\n")).code == "disk_full"
    refused = fake(refusal=(500, "mkdir /var/lib/docker/tmp/x: no space left on device"))
    assert failure(refused, a_build(tmp_path, "FROM a\n")).code == "disk_full"


def test_an_engine_that_is_not_there_is_told_before_building(tmp_path: Path) -> None:
    engine = DockerEngine(EngineAddress(f"unix://{tmp_path}/none.sock", "test"))
    with pytest.raises(EngineError) as caught:
        engine.check_build(a_build(tmp_path, "FROM a\n"))
    assert caught.value.code == "engine_unreachable"


class Enough(Exception):
    """What an impatient caller raises."""


class AfterSteps:
    """Cancels once something was told."""

    def __init__(self) -> None:
        self.told: list[Progress] = []

    def raise_if_cancelled(self) -> None:
        if any("RUN" in progress.message for progress in self.told):
            raise Enough


@pytest.mark.engine
def test_a_build_stops_while_its_step_is_silent(engine: DockerEngine, tmp_path: Path) -> None:
    caller = AfterSteps()
    build = a_build(tmp_path, "FROM BUSYBOX\nRUN sleep 1234\n")
    with pytest.raises(Enough):
        engine.build(build, progress=caller.told.append, cancellation=caller)
    assert engine.find_image(build.name) is None


def test_a_cancelled_build_hangs_up_on_the_engine(fake: Any, tmp_path: Path) -> None:
    engine = fake(stream=[{"stream": "Step 1/2 : RUN sleep 1234\n"}], hang=True)
    caller = AfterSteps()
    with pytest.raises(Enough):
        engine.build(a_build(tmp_path, "FROM a\n"), progress=caller.told.append, cancellation=caller)
    assert fake.engines[0].gone.wait(timeout=60)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"error": "denied: Your authorization token has expired. Reauthenticate and try again."}, "login_expired"),
        ({"error": "denied: User: x is not authorized to perform: ecr:InitiateLayerUpload"}, "push_denied"),
        ({"error": "tag invalid: The image tag 'v1' already exists … because the tag is immutable."}, "tag_immutable"),
        ({"error": "read tcp 10.0.0.1:1: read: connection reset by peer"}, "push_interrupted"),
        ({"status": "Pushing", "id": "abc"}, "push_interrupted"),
    ],
)
def test_a_push_that_fails_is_told_by_its_cause(
    fake: Callable[..., DockerEngine], line: Mapping[str, str], code: str
) -> None:
    engine = fake(stream=[{"status": "The push refers to repository [r]"}, line])
    with pytest.raises(ImageError) as caught:
        engine.push(
            "sha256:0", repository="r.example/x", tag="v1", login=LOGIN, progress=lambda _: None, cancellation=NEVER
        )
    assert caught.value.code == code


def test_an_engine_that_goes_away_in_the_middle_of_a_push_is_told(fake: Callable[..., DockerEngine]) -> None:
    engine = fake(stream=[{"status": "Pushing", "id": "abc"}], cut=True)
    with pytest.raises(EngineError) as caught:
        engine.push("a", repository="r.example/x", tag="1", login=LOGIN, progress=lambda _: None, cancellation=NEVER)
    assert caught.value.code == "engine_unreachable"


def test_podman_is_told_that_the_loopback_registry_speaks_plain_http(fake: Any) -> None:
    engine = fake(stream=[{"aux": {"Digest": "sha256:d"}}])
    for repository in ("127.0.0.1:5000/x-repo", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/x-repo"):
        engine.push("a", repository=repository, tag="1", login=LOGIN, progress=lambda _: None, cancellation=NEVER)
    pushes = [path for path in fake.engines[0].posts if "/push" in path]
    assert ["tlsVerify=false" in path for path in pushes] == [True, False]


def test_each_layer_is_told_when_its_state_changes_and_not_more(fake: Callable[..., DockerEngine]) -> None:
    def at(current: int) -> Mapping[str, Any]:
        return {"status": "Pushing", "id": "abc", "progressDetail": {"current": current, "total": 1000}}

    done = [{"status": "Pushed", "id": "abc"}, {"aux": {"Digest": "sha256:d", "Tag": "1", "Size": 1}}]
    told: list[Progress] = []
    engine = fake(stream=[{"status": "Preparing", "id": "abc"}, *(at(n) for n in range(1001)), *done])
    digest = engine.push("a", repository="r.example/x", tag="1", login=LOGIN, progress=told.append, cancellation=NEVER)
    assert digest == "sha256:d"
    assert len(told) == 7  # preparing, five quarters from 0 to 4, pushed
    assert (told[-1].resource, told[-1].fraction, told[-1].phase) == ("abc", 1.0, "push")


@pytest.mark.engine
def test_a_registry_that_is_not_there_is_worth_another_attempt(
    engine: DockerEngine, tmp_path: Path, build_name: str
) -> None:
    image, _ = run_build(engine, a_build(tmp_path, "FROM BUSYBOX\nRUN true\n", build_name))
    with pytest.raises(ImageError) as caught:
        engine.push(
            image.image_id,
            repository="127.0.0.1:9/engine-test-repo",
            tag=content_tag("0" * 64),
            login=LOGIN,
            progress=lambda _: None,
            cancellation=NEVER,
        )
    assert caught.value.code == "push_interrupted"
    assert engine.remove_app_images("engine-test", repository_name="engine-test-repo") >= 2
    assert engine.find_image(build_name) is None
    assert engine.find_image(BUSYBOX_IMAGE) is not None


@pytest.mark.engine
def test_only_images_that_were_built_for_the_app_are_taken_out(
    engine: DockerEngine, tmp_path: Path, build_name: str
) -> None:
    run_build(engine, a_build(tmp_path, "FROM BUSYBOX\nCOPY Dockerfile /\n", build_name))
    app, host = f"own-{sha256(str(tmp_path).encode()).hexdigest()[:8]}", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    tag = content_tag("0" * 64)
    own = (f"{host}/{app}-repo:v1", f"127.0.0.1:1/{app}-repo:{tag}", f"expressway/{app}:{tag}")
    others = (f"127.0.0.1:1/other-{app}-repo:{tag}", f"mine/{app}:{tag}", f"{host}/x/{app}-repo:1")
    by_hand = (f"expressway/{app}:by-hand", f"127.0.0.1:1/{app}-repo:v1")
    client = open_client(engine.address, timeout_seconds=60)
    try:
        for name in (*own, *others):
            client.tag(build_name, *name.rsplit(":", 1))
        for name in by_hand:
            client.tag(BUSYBOX_IMAGE, *name.rsplit(":", 1))
        repository = f"{app}-repo"
        assert engine.app_image_names(app, repository_name=repository) == own
        assert engine.app_image_names(app, repository_name=repository, registry_host=host) == (own[0], own[2])
        assert engine.app_image_names(app, repository_name=repository, registry_host="127.0.0.1:2") == own[1:]
        assert engine.remove_app_images(app, repository_name=repository) == 3
        assert engine.app_image_names(app, repository_name=repository) == ()
        assert all(engine.find_image(name) for name in (*others, *by_hand, BUSYBOX_IMAGE))
    finally:
        for name in (*own, *others, *by_hand):
            if engine.find_image(name):
                client.remove_image(name)
        client.close()


OF_A_REGISTRY = {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "RepoDigests": ["busybox@sha256:1"]}
MADE_HERE = OF_A_REGISTRY | {"RepoDigests": []}


@pytest.mark.parametrize(
    ("held", "renewed", "pulled"),
    [(OF_A_REGISTRY, (), False), (OF_A_REGISTRY, ("a:1",), True), (MADE_HERE, ("a:1",), False), (MADE_HERE, (), False)],
)
def test_the_builder_pulls_base_images_anew_unless_they_were_made_here(
    tmp_path: Path, held: dict[str, Any], renewed: tuple[str, ...], pulled: bool
) -> None:
    fake = FakeEngine(tmp_path / "engine", stream=[{"stream": "Successfully built 1"}], image=held)
    try:
        build = a_build(tmp_path / "app", "FROM a:1\n", renewed_images=renewed)
        _, told = run_build(DockerEngine(fake.address, environ={}, command_folders=()), build)
    finally:
        fake.close()
    assert [("pull=1" in path or "pull=True" in path) for path in fake.posts] == [pulled]
    assert any("built in this engine" in one.message for one in told) == (bool(renewed) and not pulled)


VANISHED = {"error": f'unable to find image "sha256:{"3f" * 32}"'}


@pytest.mark.parametrize("uncached", [[{"stream": "Successfully built 1"}], [VANISHED]])
def test_a_build_whose_cached_image_vanishes_is_repeated_once_without_the_cache(
    uncached: list[dict[str, str]], tmp_path: Path
) -> None:
    image = {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64"}
    stream = [{"stream": "Step 2/3 : LABEL a=b"}, VANISHED]
    fake = FakeEngine(tmp_path / "engine", stream=stream, uncached=uncached, image=image)
    engine = DockerEngine(fake.address, environ={}, command_folders=())
    try:
        build = a_build(tmp_path / "app", "FROM scratch\nLABEL a=b\n")
        if uncached == [VANISHED]:
            assert failure(engine, build).code == "base_image_unavailable"
        else:
            assert run_build(engine, build)[0].image_id == "sha256:1"
    finally:
        fake.close()
    assert ["nocache=True" in path for path in fake.posts] == [False, True]


def test_beside_an_image_that_was_made_here_the_others_are_pulled_before_the_build(tmp_path: Path) -> None:
    fake = FakeEngine(
        tmp_path / "engine", stream=[{"error": "manifest for b:2 not found"}], images={"own:1": MADE_HERE}
    )
    try:
        build = a_build(tmp_path / "app", "FROM own:1\nFROM b:2\n", renewed_images=("own:1", "b:2"))
        error = failure(DockerEngine(fake.address, environ={}, command_folders=()), build)
    finally:
        fake.close()
    assert error.code == "base_image_unavailable"
    assert "b:2" in error.message
    assert [("/images/create" in path, "fromImage=b" in path, "tag=2" in path) for path in fake.posts] == [(True,) * 3]


def test_buildkits_command_is_told_to_pull(tmp_path: Path) -> None:
    command = tmp_path / "docker"
    command.write_text('#!/bin/sh\ncat >/dev/null\necho "$@" >"${0}.words"\n')
    command.chmod(0o755)
    for pull in (True, False):
        with Path(os.devnull).open("rb") as archive:
            build_with_buildkit(
                (str(command),),
                {},
                a_build(tmp_path / "app", "FROM busybox\n"),
                archive,
                network=BuildNetwork(),
                pull=pull,
                progress=lambda _: None,
                cancellation=NEVER,
            )
        assert ("--pull" in (tmp_path / "docker.words").read_text().split()) == pull
