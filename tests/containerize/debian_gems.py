"""Ruby gems for real builds, out of Debian's packages: locked, and packed into the app's vendor/cache."""

import io
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import docker

from tests.containerize.bases import GEMS_IMAGE, provide_bases


def vendor_gems(folder: Path, docker_host: str) -> None:
    """Write Gemfile.lock and vendor/cache beside the Gemfile in `folder`."""
    provide_bases(docker_host, [GEMS_IMAGE])
    with closing(docker.APIClient(base_url=docker_host, timeout=600)) as client:
        container = client.create_container(GEMS_IMAGE, ["ruby", "/pack_gems.rb"], working_dir="/app")["Id"]
        try:
            client.put_archive(container, "/app", _packed(folder / "Gemfile"))
            client.start(container)
            exit_code = client.wait(container)["StatusCode"]
            assert exit_code == 0, client.logs(container).decode()[-3000:]
            for path in ("Gemfile.lock", "vendor"):
                _take(client, container, path, folder)
        finally:
            client.remove_container(container, force=True)


def _packed(file: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(file, file.name)
    return packed.getvalue()


def _take(client: Any, container: str, path: str, folder: Path) -> None:
    chunks, _ = client.get_archive(container, f"/app/{path}")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        tar.extractall(folder, filter="data")
