"""The process of the sandbox: found again, stopped by its own record, never mistaken for another."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from botocore.exceptions import ClientError

from expressway.errors import DefinitionError, ExpresswayError, SandboxError
from expressway_sandbox import lifecycle, record
from expressway_sandbox.lifecycle import SandboxInfo
from tests.expressway_sandbox.conftest import wait_until
from tests.sandbox_clients import client

pytestmark = pytest.mark.sandbox


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "state"
    yield directory
    lifecycle.stop(directory)


def _role(info: SandboxInfo, service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = client(info, "iam").create_role(RoleName=service, AssumeRolePolicyDocument=document)
    return made["Role"]["Arn"]


def test_a_sandbox_starts_answers_and_stops(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    assert client(info, "sts").get_caller_identity()["Account"] == "000000000000"
    assert lifecycle.status(state_dir) == info
    assert lifecycle.start(state_dir=state_dir) == info
    assert lifecycle.stop(state_dir)
    assert lifecycle.status(state_dir) is None
    assert not lifecycle.stop(state_dir)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", info.port)):
        pass


def test_one_that_runs_is_not_passed_off_as_one_on_another_port(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    other = info.port - 1
    with pytest.raises(SandboxError) as refused:
        lifecycle.start(state_dir=state_dir, port=other)
    assert refused.value.code == "sandbox_runs_elsewhere"
    assert str(other) in refused.value.message
    assert info.endpoint_url in refused.value.message
    assert lifecycle.start(state_dir=state_dir, port=info.port) == lifecycle.start(state_dir=state_dir, port=0) == info


def test_its_port_is_its_own_before_it_answers(state_dir: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(lifecycle.start, state_dir=state_dir)
        wait_until(lambda: lifecycle.status(state_dir) is not None, "it is recorded")
        info = lifecycle.status(state_dir)
        assert info is not None
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", info.port))
        assert starting.result() == info


def test_it_listens_on_loopback_only(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    bound = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{info.port:04X}") and line.split()[3] == "0A"
    ]
    assert bound == [f"0100007F:{info.port:04X}"]


def test_a_record_of_another_process_is_stale(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    fields = json.loads((state_dir / "sandbox.json").read_text())
    lifecycle.stop(state_dir)
    (state_dir / "sandbox.json").write_text(json.dumps({**fields, "pid": os.getpid()}))
    assert lifecycle.status(state_dir) is None
    assert lifecycle.start(state_dir=state_dir).pid != info.pid


def test_a_killed_sandbox_is_noticed_and_started_again(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    os.kill(info.pid, signal.SIGKILL)
    os.waitpid(info.pid, 0)
    assert lifecycle.status(state_dir) is None
    assert lifecycle.start(state_dir=state_dir).pid != info.pid


def test_it_outlives_the_process_that_started_it(state_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from expressway_sandbox import lifecycle;"
        "print(lifecycle.start(state_dir=Path(sys.argv[1])).pid)"
    )
    started = subprocess.run(
        [sys.executable, "-c", script, str(state_dir)], capture_output=True, text=True, check=True, timeout=60
    )
    info = lifecycle.status(state_dir)
    assert info is not None
    assert info.pid == int(started.stdout)


def test_a_taken_port_is_named(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError) as caught:
            lifecycle.start(port=port, state_dir=state_dir)
    assert caught.value.code == "sandbox_port_taken"


@pytest.mark.parametrize("port", [-1, 65536, 80000])
def test_what_is_no_port_is_refused(port: int, state_dir: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        lifecycle.start(port=port, state_dir=state_dir)
    assert caught.value.code == "invalid_port"


def test_a_sandbox_that_does_not_answer_in_time_is_ended_and_its_log_shown(state_dir: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        lifecycle.start(state_dir=state_dir, wait_seconds=0)
    assert caught.value.code == "sandbox_start_failed"
    assert "log" in caught.value.details
    assert servers_of(state_dir) == []
    assert lifecycle.status(state_dir) is None


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExpresswayError) as caught:
        lifecycle.start(state_dir=tmp_path / "file" / "state")
    assert caught.value.code == "state_not_writable"


def test_a_server_that_cannot_be_recorded_is_not_left_running(state_dir: Path) -> None:
    """As on a full disk: the record's place is taken by a folder, so the server's process is started and not noted."""
    (state_dir / "sandbox.json" / "in the way").mkdir(parents=True)
    with pytest.raises(ExpresswayError) as caught:
        lifecycle.start(state_dir=state_dir)
    assert caught.value.code == "state_not_writable"
    assert servers_of(state_dir) == []
    assert [path.name for path in state_dir.iterdir() if path.name.startswith("sandbox.json")] == ["sandbox.json"]
    shutil.rmtree(state_dir / "sandbox.json")


def servers_of(state_dir: Path) -> list[int]:
    """The processes that serve this state directory."""
    named = f"--state-dir\0{state_dir}\0".encode()
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if named in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def test_the_environment_points_at_the_sandbox_only(tmp_path: Path) -> None:
    info = SandboxInfo("http://127.0.0.1:1234", 1, 1234, "000000000000", "eu-west-1", tmp_path, None)
    environment = lifecycle.environment(info)
    assert environment["AWS_ENDPOINT_URL"] == environment["EXPRESSWAY_SANDBOX"] == "http://127.0.0.1:1234"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_the_state_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXPRESSWAY_HOME", str(tmp_path))
    assert lifecycle.default_state_dir() == tmp_path / "sandbox"
    monkeypatch.delenv("EXPRESSWAY_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert lifecycle.default_state_dir() == tmp_path / "expressway" / "sandbox"


def test_without_an_engine_roles_and_repositories_work_and_services_say_why_not(state_dir: Path) -> None:
    info = lifecycle.start(state_dir=state_dir)
    ecr, ecs = client(info, "ecr"), client(info, "ecs")
    ecr.create_repository(repositoryName="web")
    with pytest.raises(ClientError, match="without a container engine"):
        ecs.create_express_gateway_service(
            infrastructureRoleArn=_role(info, "ecs"),
            executionRoleArn=_role(info, "ecs-tasks"),
            primaryContainer={"image": "example.com/web:1"},
        )


@pytest.mark.engine
def test_stop_and_reset_remove_our_containers_and_no_others(state_dir: Path, engine_host: str) -> None:
    engine = docker.DockerClient(base_url=engine_host)
    info = lifecycle.start(state_dir=state_dir, docker_host=engine_host)
    label = {"ministack.instance": f"{record.instance_name(info.state_dir)}:{info.port}"}
    engine.api.import_image_from_data(_busybox(), repository="expressway-lifecycle-test", tag="1")
    foreign = engine.containers.create(
        "expressway-lifecycle-test:1", ["/bin/busybox", "sleep", "9"], labels={"ministack": "ecs"}
    )
    try:
        for step in (lambda: lifecycle.reset(state_dir), lambda: lifecycle.stop(state_dir)):
            ours = engine.containers.create("expressway-lifecycle-test:1", ["/bin/busybox", "sleep", "9"], labels=label)
            client(info, "ecr").create_repository(repositoryName="web")
            step()
            assert ours.id not in {c.id for c in engine.containers.list(all=True, sparse=True)}
            if lifecycle.status(state_dir):
                assert client(info, "ecr").describe_repositories()["repositories"] == []
        assert foreign.id in {c.id for c in engine.containers.list(all=True, sparse=True)}
    finally:
        foreign.remove(force=True)
        engine.images.remove("expressway-lifecycle-test:1", force=True)
        engine.close()


@pytest.mark.engine
@pytest.mark.parametrize("command", ["stop", "start"])
def test_what_a_killed_sandbox_left_is_removed_and_no_other_sandboxs(
    state_dir: Path, engine_host: str, command: str
) -> None:
    engine = docker.DockerClient(base_url=engine_host)
    info = lifecycle.start(state_dir=state_dir, docker_host=engine_host)
    engine.api.import_image_from_data(_busybox(), repository="expressway-killed-test", tag="1")

    def container(instance: str) -> Any:
        label = {"ministack.instance": instance}
        return engine.containers.create("expressway-killed-test:1", ["/bin/busybox", "sleep", "9"], labels=label)

    mine = container(f"{record.instance_name(info.state_dir)}:{info.port}")
    other = container(f"expressway-0123456789ab:{info.port}")
    try:
        os.kill(info.pid, signal.SIGKILL)
        os.waitpid(info.pid, 0)
        if command == "stop":
            stopped = lifecycle.stop(state_dir)
            assert (bool(stopped), stopped.removed_containers) == (False, 1)
            assert lifecycle.stop(state_dir).removed_containers == 0
        else:
            lifecycle.start(state_dir=state_dir, docker_host=engine_host)
        left = {one.id for one in engine.containers.list(all=True, sparse=True)}
        assert mine.id not in left
        assert other.id in left
    finally:
        other.remove(force=True)
        engine.images.remove("expressway-killed-test:1", force=True)
        engine.close()


@pytest.mark.engine
@pytest.mark.parametrize("end", ["stop", "reset", "killed"])
def test_the_images_of_its_registry_go_with_it_and_no_others(state_dir: Path, engine_host: str, end: str) -> None:
    engine = docker.DockerClient(base_url=engine_host)
    info = lifecycle.start(state_dir=state_dir, docker_host=engine_host)
    own, on_aws = f"127.0.0.1:{info.port}/leftover-repo", "123456789012.dkr.ecr.us-east-1.amazonaws.com/leftover-repo"

    def image(name: str, *also: str) -> None:
        changes = [f"LABEL own={name}"]
        engine.api.import_image_from_data(_busybox(), repository=name, tag="1", changes=changes)
        for one in also:
            assert engine.api.tag(f"{name}:1", one, tag="1")

    image("expressway/leftover", own)
    image("expressway/leftover-on-aws", f"{own}-2", on_aws)
    image("expressway-base-image")
    image("127.0.0.1:9/leftover-repo")
    kept = {f"{one}:1" for one in ("expressway/leftover-on-aws", on_aws, "expressway-base-image")}
    kept.add("127.0.0.1:9/leftover-repo:1")
    gone = {f"{own}:1", f"{own}-2:1", "expressway/leftover:1"}
    try:
        if end == "killed":
            os.kill(info.pid, signal.SIGKILL)
            os.waitpid(info.pid, 0)
        if end == "reset":
            lifecycle.reset(state_dir)
        else:
            lifecycle.stop(state_dir)
        names = {tag for one in engine.api.images() for tag in one.get("RepoTags") or ()}
        assert not gone & names
        assert kept <= names
    finally:
        for name in kept:
            engine.images.remove(name, force=True)
        engine.close()


def _busybox() -> bytes:
    from tests.expressway_sandbox.conftest import tree

    return tree({})


@pytest.mark.engine
def test_a_reset_in_the_middle_of_a_deployment_leaves_nothing(state_dir: Path, engine_host: str) -> None:
    engine = docker.DockerClient(base_url=engine_host)
    info = lifecycle.start(state_dir=state_dir, docker_host=engine_host)
    engine.api.import_image_from_data(_busybox(), repository="expressway-reset-test", tag="1")
    try:
        ecs = client(info, "ecs")
        ecs.create_express_gateway_service(
            infrastructureRoleArn=_role(info, "ecs"),
            executionRoleArn=_role(info, "ecs-tasks"),
            primaryContainer={"image": "expressway-reset-test:1", "command": ["/bin/busybox", "sleep", "60"]},
        )
        label = f"ministack.instance={record.instance_name(info.state_dir)}:{info.port}"
        for _ in range(200):
            if engine.containers.list(filters={"label": label}, sparse=True):
                break
            time.sleep(0.05)
        lifecycle.reset(state_dir)
        assert engine.containers.list(all=True, filters={"label": label}, sparse=True) == []
        assert ecs.list_services()["serviceArns"] == []
        balancers = client(info, "elbv2").describe_load_balancers()
        assert balancers["LoadBalancers"] == []
    finally:
        lifecycle.stop(state_dir)
        engine.images.remove("expressway-reset-test:1", force=True)
        engine.close()
