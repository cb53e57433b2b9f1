"""A server process for tests: the real server and journal; deployments that take until a file named ``go`` appears."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expressway.aws.values.target import Target
from expressway.core.directories import state_directory
from expressway.core.progress import Cancellation
from expressway.deploy.deploy import DeployResult
from expressway.deploy.journal import Journal
from expressway.mcp.server import run_stdio
from expressway.toolkit import AppSource
from tests.mcp.fakes import URL, FakeShape, FakeToolkit, source_of

TARGET = Target("000000000000", "us-east-1", sandbox_url="http://127.0.0.1:1")


class JournalledToolkit(FakeToolkit):
    """Deploys nothing, but writes it down as the real one does."""

    def deploy(
        self,
        source: AppSource,
        *,
        cancellation: Cancellation,
        on_started: Callable[[str], None] | None = None,
        **options: Any,
    ) -> DeployResult:
        assert on_started is not None
        name = source.definition.name
        with _journal().operation(name, "deploy") as operation:
            operation_id = operation.current.operation_id
            operation.record(phase="service", message="creating")
            on_started(operation_id)
            while not (_home() / "go").exists():
                cancellation.raise_if_cancelled()
                time.sleep(0.02)
            operation.record(state="succeeded", message="deployed")
        return DeployResult(operation_id, name, "deployed", URL, "sh-1", "arn:s", "img@sha256:1", "d1g35t")

    def status(self, app_name: str) -> FakeShape:
        print("a careless print must not reach the client")
        os.write(1, b"nor what a child process or a C library writes\n")
        record = _journal().latest(app_name)
        operation: Mapping[str, Any] = asdict(record) if record else {}
        return FakeShape({"app_name": app_name, "status": "ready", "operation": operation, "service": _process()})


def _process() -> Mapping[str, int]:
    return {"pid": os.getpid()}


def _home() -> Path:
    return state_directory(os.environ)


def _journal() -> Journal:
    return Journal(_home(), TARGET)


if __name__ == "__main__":
    run_stdio(os.environ, toolkit=source_of(JournalledToolkit()))
