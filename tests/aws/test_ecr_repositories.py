"""What an image is built for: a manifest list says it, a single image's configuration says it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.stub import Stubber

from expressway.aws.ecr import Repositories
from expressway.aws.session import AwsSession, open_session
from expressway.errors import TargetError

DIGEST = "sha256:" + "a" * 64
CONFIGURATION = "sha256:" + "b" * 64
PLACE = {"digest": DIGEST, "registry_id": "000000000000", "region": "us-east-1"}
SINGLE = {"schemaVersion": 2, "config": {"digest": CONFIGURATION}, "layers": []}


class Blobs(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == f"/v2/web/blobs/{CONFIGURATION}"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"os": "linux", "architecture": "arm64"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def session() -> Iterator[AwsSession]:
    server = HTTPServer(("127.0.0.1", 0), Blobs)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield open_session(sandbox_url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ecr(session: AwsSession) -> Stubber:
    stubber = Stubber(session.client("ecr", region="us-east-1"))
    stubber.activate()
    return stubber


def manifest(document: object) -> dict[str, object]:
    return {"images": [{"imageManifest": json.dumps(document)}]}


def test_a_manifest_list_names_its_platforms_and_attestations_are_none(session: AwsSession, ecr: Stubber) -> None:
    platforms = [("linux", "amd64"), ("linux", "arm64"), ("unknown", "unknown")]
    manifests = [{"digest": DIGEST, "platform": {"os": os, "architecture": arch}} for os, arch in platforms]
    ecr.add_response("batch_get_image", manifest({"manifests": manifests}))

    assert Repositories(session).platforms("web", **PLACE) == ("linux/amd64", "linux/arm64")


def test_a_single_image_says_it_in_its_configuration_behind_the_sandboxs_own_gateway(
    session: AwsSession, ecr: Stubber
) -> None:
    ecr.add_response("batch_get_image", manifest(SINGLE))
    url = f"https://000000000000.dkr.ecr.us-east-1.amazonaws.com/v2/web/blobs/{CONFIGURATION}"
    ecr.add_response("get_download_url_for_layer", {"downloadUrl": url, "layerDigest": CONFIGURATION})

    assert Repositories(session).platforms("web", **PLACE) == ("linux/arm64",)


@pytest.mark.parametrize("document", [{"schemaVersion": 1}, {"manifests": []}, {"manifests": [{"digest": DIGEST}]}])
def test_a_manifest_that_tells_nothing_gives_nothing(session: AwsSession, ecr: Stubber, document: object) -> None:
    ecr.add_response("batch_get_image", manifest(document))

    assert Repositories(session).platforms("web", **PLACE) == ()


def test_a_configuration_that_cannot_be_fetched_gives_nothing(session: AwsSession, ecr: Stubber) -> None:
    ecr.add_response("batch_get_image", manifest(SINGLE))
    ecr.add_response("get_download_url_for_layer", {"downloadUrl": "https://elsewhere.invalid/blob"})

    assert Repositories(session).platforms("web", **PLACE) == ()


@pytest.mark.parametrize("operation", ["batch_get_image", "get_download_url_for_layer"])
def test_a_missing_permission_is_told(session: AwsSession, ecr: Stubber, operation: str) -> None:
    if operation != "batch_get_image":
        ecr.add_response("batch_get_image", manifest(SINGLE))
    ecr.add_client_error(operation, "AccessDeniedException")

    with pytest.raises(TargetError) as caught:
        Repositories(session).platforms("web", **PLACE)

    assert caught.value.code == "access_denied"


def test_expired_credentials_are_not_taken_for_silence(session: AwsSession, ecr: Stubber) -> None:
    ecr.add_client_error("batch_get_image", "ExpiredTokenException")

    with pytest.raises(TargetError) as caught:
        Repositories(session).platforms("web", **PLACE)

    assert caught.value.code == "credentials_expired"
