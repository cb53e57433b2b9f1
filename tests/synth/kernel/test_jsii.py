"""Loading the CDK does not wait for Node, and what goes wrong there is told nevertheless."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

_BEGIN = """
import os, sys
from pathlib import Path
from expressway.synth.kernel.jsii import pipeline_loading
from expressway.synth.kernel.jsii import prepare_environment
os.environ["TMPDIR"] = sys.argv[1]
prepare_environment(Path(sys.argv[1]))
"""


def told(program: str, folder: Path) -> str:
    command = [sys.executable, "-c", _BEGIN + program + "\nsys.stdout.flush()\nos._exit(0)", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


def test_what_is_asked_first_is_answered_although_nothing_was_waited_for(tmp_path: Path) -> None:
    program = """
wait = pipeline_loading()
import aws_cdk
print(aws_cdk.Token.is_unresolved(aws_cdk.Aws.ACCOUNT_ID))
wait()
print(aws_cdk.Stack(aws_cdk.App(), "One").stack_name)
"""
    assert told(program, tmp_path).split() == ["True", "One"]


def test_an_assembly_that_cannot_be_loaded_is_told_when_it_is_waited_for(tmp_path: Path) -> None:
    program = """
wait = pipeline_loading()
from jsii._kernel import Kernel
from jsii._kernel.providers import ProcessProvider
Kernel(ProcessProvider).load("missing", "1.0.0", "/nowhere/missing.tgz")
try:
    wait()
except RuntimeError as exc:
    print(exc)
"""
    assert "/nowhere/missing.tgz" in told(program, tmp_path)


def test_with_another_jsii_loading_waits_as_ever(tmp_path: Path) -> None:
    program = """
from jsii._kernel.providers import process
del process._NodeProcess.handshake
send = process._NodeProcess.send
pipeline_loading()()
print(process._NodeProcess.send is send)
"""
    assert told(program, tmp_path) == "True"
