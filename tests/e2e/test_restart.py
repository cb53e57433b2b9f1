"""A secret that was rotated reaches an app by a restart alone, on the embedded AWS with real containers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from expressway.adapters.session import open_session
from expressway.errors import RefusedError
from expressway.model.reach import reach_of
from expressway.toolkit import Toolkit
from tests.e2e.test_what_deployments_find import source

if TYPE_CHECKING:
    from expressway.sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

NAME = "restarted-app"
SERVE = ["sh", "-c", 'mkdir /www; echo "$TOKEN" > /www/index.html; exec httpd -f -p 8080 -h /www']


@pytest.fixture
def toolkit(embedded_aws: "SandboxInfo", engine_host: str, tmp_path: Path) -> Iterator[Toolkit]:
    environ = {"DOCKER_HOST": engine_host, "EXPRESSWAY_HOME": str(tmp_path / "state"), "PATH": "/usr/bin:/bin"}
    with Toolkit(sandbox_url=embedded_aws.endpoint_url, environ=environ) as made:
        yield made


def test_a_rotated_secret_reaches_the_app_by_a_restart_alone(
    toolkit: Toolkit, embedded_aws: "SandboxInfo", tmp_path: Path, engine_host: str
) -> None:
    secrets = open_session(sandbox_url=embedded_aws.endpoint_url).client("secretsmanager")
    arn = secrets.create_secret(Name=f"{NAME}/token", SecretString="first")["ARN"]
    app = source(tmp_path, NAME, engine_host, command=SERVE, secrets={"TOKEN": arn})
    deployed = toolkit.deploy(app)
    assert deployed.url is not None

    def served() -> str:
        host = deployed.endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
        request = Request(embedded_aws.endpoint_url, headers={"Host": host})
        with urlopen(request, timeout=30) as answer:
            return str(answer.read().decode().strip())

    assert reach_of(deployed.url)
    assert served() == "first"
    secrets.put_secret_value(SecretId=arn, SecretString="second")
    assert toolkit.deploy(app).status == "unchanged"

    result = toolkit.restart(NAME)
    assert result.new_tasks
    assert result.replaced_tasks
    assert served() == "second"
    assert toolkit.diff(app).is_empty

    secrets.put_secret_value(SecretId=arn, SecretString="third")
    toolkit.call_api("UpdateService", {"service": NAME, "forceNewDeployment": True})
    assert toolkit.wait("default", NAME).status == "success"
    assert served() == "third"
    with pytest.raises(RefusedError) as refused:
        toolkit.call_api("UpdateService", {"service": NAME, "forceNewDeployment": True, "desiredCount": 2})
    assert refused.value.code == "owned_by_stack"
    toolkit.delete(NAME)
