"""Base images where none can be pulled, and what is said where they cannot be made either."""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from expressway.core.progress import Progress, ignore_progress
from expressway.errors import EngineError
from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.image.engine.docker_api import open_client
from expressway_sandbox.base_images.debian import (
    debian_mirror,
    find_program,
    is_static,
    unpack_package,
    write_busybox,
    write_python,
)
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE, PYTHON_IMAGE, prepare_example, seed_base_images
from tests.shared import provide_programs

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_the_machines_own_mirror_is_used(apt: Path) -> None:
    (apt / "sources.list.d/docker.sources").write_text(
        "Types: deb\nURIs: https://example.com/linux/debian\nSuites: bookworm\nComponents: stable\n"
    )
    (apt / "sources.list.d/debian.sources").write_text(
        "# ours\nTypes: deb\nURIs: http://mirror.example/debian/\nSuites: trixie trixie-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main\n"
    )
    assert debian_mirror(apt) == "http://mirror.example/debian"


def test_the_one_line_form_of_sources_is_read(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# deb http://old.example/debian bookworm main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
        "deb [arch=amd64 signed-by=/x.gpg] http://mirror.example/debian bookworm main contrib # ours\n"
    )
    assert debian_mirror(apt) == "http://mirror.example/debian"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Types: deb\nURIs: http://mirror.example/ubuntu\nSuites: noble\nComponents: main\n",
        "Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n",
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n",
    ],
)
def test_without_a_usable_mirror_debians_own_is_used(apt: Path, text: str) -> None:
    (apt / "sources.list.d/x.sources").write_text(text)
    assert debian_mirror(apt) is None


@pytest.fixture
def python_packages() -> None:
    """What a Python base image is made with."""
    if not provide_programs("debootstrap", "gpgv"):
        pytest.skip("debootstrap or gpgv is not installed; EXPRESSWAY_INSTALL=1 installs them")


def _mirror(folder: Path) -> str:
    """A mirror of Debian that somebody signed, though not Debian."""
    release = folder / "dists/bookworm"
    (release / "main/binary-amd64").mkdir(parents=True)
    (release / "main/binary-amd64/Packages").write_text("")
    text = "Origin: Debian\nSuite: stable\nCodename: bookworm\nComponents: main\nArchitectures: amd64 arm64\nSHA256:\n"
    (release / "Release").write_text(text)
    (release / "InRelease").write_text(f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}")
    (release / "Release.gpg").write_text("-----BEGIN PGP SIGNATURE-----\n\nnonsense\n-----END PGP SIGNATURE-----\n")
    return folder.as_uri()


@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root")
def test_packages_that_debian_did_not_sign_make_no_image(python_packages: None, tmp_path: Path) -> None:
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(b"")
    for signed in (True, False):
        mirror = _mirror(tmp_path / f"mirror-{signed}")
        if not signed:
            for name in ("InRelease", "Release.gpg"):
                (tmp_path / f"mirror-{signed}/dists/bookworm" / name).unlink()
        with pytest.raises(EngineError) as caught:
            write_python(tmp_path / "x.tar", progress=ignore_progress, mirror=mirror, keyrings=[keyring])
        assert caught.value.code == "base_image_seed_failed"
        output = "\n".join(caught.value.details["output"])
        assert "Release" in output
        assert any(word in output for word in ("signature", "Signature", "signed", "Release.gpg")), output
    assert not list(tmp_path.glob("tree-*"))


def test_without_debians_keys_nothing_is_fetched_and_their_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        write_python(tmp_path / "x.tar", progress=ignore_progress, keyrings=[tmp_path / "none.gpg"])
    assert caught.value.code == "debian_keyring_missing"
    assert "debian-archive-keyring" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_debootstrap_is_made_to_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, keyring = tmp_path / "bin/debootstrap", tmp_path / "keys.gpg"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nenv\nexit 3\n')
    program.chmod(0o755)
    keyring.write_bytes(b"x")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    with pytest.raises(EngineError) as caught:
        write_python(tmp_path / "x.tar", progress=ignore_progress, mirror="http://m.example/", keyrings=[keyring])
    told = "\n".join(caught.value.details["output"])
    assert "a-real-secret" not in told
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    with pytest.raises(EngineError) as caught:
        write_python(tmp_path / "x.tar", progress=ignore_progress, mirror="http://m.example/", keyrings=[keyring])
    assert {"--force-check-gpg", f"--keyring={keyring}"} <= set(caught.value.details["output"])


def test_a_busybox_that_needs_libraries_is_not_taken() -> None:
    assert not is_static(Path("/bin/ls"))


@pytest.mark.skipif(find_program("apt-get") is None, reason="needs apt")
def test_busybox_is_taken_out_of_its_package_where_it_is_not_installed(tmp_path: Path) -> None:
    unpack_package("busybox-static", tmp_path)
    program = next(path for path in (tmp_path / "usr/bin/busybox", tmp_path / "bin/busybox") if path.is_file())
    assert is_static(program)
    assert subprocess.run([program, "echo", "x"], capture_output=True, text=True).stdout == "x\n"


def test_a_package_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        unpack_package("no-such-package-anywhere", tmp_path)
    assert caught.value.code == "package_fetch_failed"
    assert "no-such-package-anywhere" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_busybox_filesystem_has_a_shell_users_and_a_place_for_files(tmp_path: Path) -> None:
    write_busybox(tmp_path / "x.tar", progress=ignore_progress)
    with tarfile.open(tmp_path / "x.tar") as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert members["bin/sh"].linkname == "busybox"
    assert members["bin/busybox"].mode == 0o755
    assert members["tmp"].mode == 0o1777
    assert "etc/passwd" in members


@pytest.mark.engine
def test_images_that_are_there_are_left_alone(base_images: str) -> None:
    told: list[Progress] = []
    images = seed_base_images(base_images, told.append)
    assert [(image.name, image.origin) for image in images] == [(PYTHON_IMAGE, "present"), (BUSYBOX_IMAGE, "present")]
    assert told == []


@pytest.mark.engine
def test_an_image_that_can_neither_be_pulled_nor_made_is_told(base_images: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        seed_base_images(base_images, names=["127.0.0.1:9/no/such:image"], cache_directory=tmp_path)
    assert caught.value.code == "base_image_unavailable"
    assert "127.0.0.1:9" in caught.value.message


def test_an_engine_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        seed_base_images(f"unix://{tmp_path}/none.sock")
    assert caught.value.code == "engine_unreachable"


@pytest.fixture
def python_container(base_images: str) -> Iterator[str]:
    client = open_client(EngineAddress(base_images, "test"), timeout_seconds=60)
    container = client.create_container(
        PYTHON_IMAGE,
        ["sh", "-ec", "python --version; pip --version; python -m venv /v; /v/bin/python -c 'import ssl; print(42)'"],
    )["Id"]
    client.start(container)
    client.wait(container)
    yield client.logs(container).decode()
    client.remove_container(container, force=True)
    client.close()


@pytest.mark.engine
def test_the_python_image_has_what_ordinary_dockerfiles_use(python_container: str) -> None:
    assert "Python 3.11" in python_container
    assert "pip " in python_container
    assert python_container.rstrip().endswith("42")


@pytest.mark.engine
@pytest.mark.parametrize("name", ["hello", "httpbin"])
def test_every_base_image_of_the_examples_is_provided(base_images: str, name: str) -> None:
    images = prepare_example(EXAMPLES / name, base_images)
    assert [image.name for image in images] == [PYTHON_IMAGE]
    assert DockerEngine(EngineAddress(base_images, "test")).find_image(PYTHON_IMAGE) is not None
    if name == "httpbin" and images[0].seeded:
        assert list((EXAMPLES / name / "wheels").glob("httpbin-*.whl"))
