"""A rotated secret reaches an app by a restart, a moved base by building it again, on the embedded AWS."""

import io
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import docker
import pytest

from expressway.aws.session import open_session
from expressway.deploy.status.endpoint import access_hint_of
from expressway.errors import RefusedError
from expressway.toolkit import Toolkit
from tests.e2e.loaded_tools import LoadedTools
from tests.e2e.test_what_deployments_find import source

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

NAME = "restarted-app"
SERVE = ["sh", "-c", 'mkdir /www; echo "$TOKEN" > /www/index.html; exec httpd -f -p 8080 -h /www']


@pytest.fixture
def toolkit(embedded_aws: "SandboxInfo", engine_host: str, tools: LoadedTools, tmp_path: Path) -> Toolkit:
    return tools.toolkit(embedded_aws.endpoint_url, engine_host, tmp_path / "state")


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

    assert access_hint_of(deployed.url)
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


def test_a_base_image_that_moved_reaches_the_app_by_building_it_again(
    toolkit: Toolkit, tmp_path: Path, engine_host: str
) -> None:
    """The base is made in the engine, so that no registry is asked for it; another image gets its name."""
    name, base = "rebuilt-app", f"expressway-test-base-{tmp_path.name.lower()}:1"
    app = source(tmp_path, name, engine_host)
    dockerfile = tmp_path / "app" / "Dockerfile"
    busybox = dockerfile.read_text().split()[1]
    client = docker.APIClient(base_url=engine_host, timeout=60)

    def make_base(label: str) -> None:
        text = io.BytesIO(f"FROM {busybox}\nLABEL state={label}\n".encode())
        assert "Successfully built" in str(list(client.build(fileobj=text, tag=base, rm=True)))

    try:
        make_base("old")
        dockerfile.write_text(f"FROM {base}\nLABEL app={name}\n")
        first = toolkit.deploy(app)
        same = toolkit.deploy(app, rebuild=True)
        assert (same.status, same.image_uri) == ("unchanged", first.image_uri)
        assert "is the one that runs" in same.rebuilt

        make_base("new")
        assert toolkit.deploy(app).status == "unchanged"
        plan = toolkit.diff(app, rebuild=True)
        moved = toolkit.deploy(app, rebuild=True, approved_plan=plan.digest)
        assert moved.status == "deployed"
        assert moved.image_uri != first.image_uri
        assert toolkit.fetch(moved.endpoint) == 200
        again = toolkit.deploy(app, rebuild=True)
        assert (again.status, again.image_uri) == ("unchanged", moved.image_uri)
        assert toolkit.diff(app).is_empty
        assert toolkit.deploy(app).image_uri == moved.image_uri
        toolkit.delete(name)
    finally:
        toolkit.remove_local_images(name)
        client.remove_image(base, force=True)
        client.close()
