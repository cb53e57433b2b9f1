"""What is kept out of an image by its name and is no secret by its content, and the other way round."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expressway.image.context.protected_files import including_line, protection_warning
from expressway.image.context.reader import read_build_context
from expressway.image.context.walk import holds_nothing_secret, is_suspicious_data
from expressway.privacy.untrusted import plain

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"

TAKEN = {
    "global-bundle.pem": f"# RDS\n{CERTIFICATE}{CERTIFICATE}",
    "keys/jwt.pem": "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    "keys/jwt.key": "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    "deploy/id_rsa.pub": "ssh-rsa AAAAB3NzaC1yc2E= me@laptop\n",
    "src/id_rsa_helpers.py": "",
    "credentials/__init__.py": "",
    "credentials/store.py": "TOKEN = os.environ['TOKEN']\n",
    "credentials/templates/form.html": '<input type="password" name="secret">',
    "credentials/logo.png": "\x89PNG",
    "credentials/fields.json": '{"title": "Fields"}',
    "api/credentials/index.ts": "export {}\n",
    "api/credentials.py": "",
    "config/credentials/production.yml.enc": "b3Bhc3Nlbg==--x--y",
    ".env.production": "# built into the pages\nVITE_API=https://api.example.com\nNODE_ENV=production\n",
    "src/.env.d.ts": "",
}
KEPT_OUT = {
    "server.pem": CERTIFICATE + PRIVATE,
    "encrypted.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n",
    "unknown.pem": "MIIB",
    "empty.key": "",
    "deploy/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
    "deploy/id_ed25519.bak": "ssh-ed25519 AAAA me\nAND MORE\n",
    "credentials/gcp.json": '{"private_key": "x"}',
    "credentials/aws.ini": "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
    "credentials/tls.pem": PRIVATE,
    "data/credentials/notes": "plain",
    "aws/credentials": "[default]\n",
    "config/credentials/production.key": "0123456789abcdef",
    ".env": "DATABASE_URL=postgres://db/app\n",
    ".env.local": "VITE_API=x\nSTRIPE_KEY=x\n",
    ".env.test": "VITE_KEY=AKIAIOSFODNN7EXAMPLE\n",
    "service-account-prod.json": "{}",
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name, content in {"Dockerfile": "FROM a\n", **TAKEN, **KEPT_OUT}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path.resolve()


def files_of(context: Path) -> set[str]:
    return {entry.path for entry in read_build_context(context).entries if entry.kind != "folder"}


def test_source_code_certificates_and_public_settings_are_no_secrets(context: Path) -> None:
    assert files_of(context) == {*TAKEN, "Dockerfile"}


def test_all_else_is_kept_out_and_listed_with_how_to_include_it(context: Path) -> None:
    found = read_build_context(context)
    folders = {"data/credentials/": "data/credentials/notes"}
    assert set(found.excluded_files) == {*KEPT_OUT, *folders} - {*folders.values()}
    lines = [including_line(path) for path in found.excluded_files]
    warning = plain(protection_warning(found.excluded_files, found.ignore_file))
    assert all(
        f"{path} (include it: {line})" in warning for path, line in zip(found.excluded_files, lines, strict=True)
    )
    (context / ".dockerignore").write_text("\n".join(lines))
    assert files_of(context) == {*TAKEN, *KEPT_OUT, "Dockerfile", ".dockerignore"}


@pytest.mark.parametrize("name", ["a*b.key", "[x].pem", "back\\slash.key", "#1.pem", "!.key", "what?.pem", "a^b.pem"])
def test_the_line_that_includes_a_file_includes_that_file_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    for each in (name, "aXb.key", "x.pem", "whatX.pem"):
        (tmp_path / each).write_text("")
    (tmp_path / ".dockerignore").write_text(f"{including_line(name)}\n")
    assert files_of(tmp_path.resolve()) == {name, "Dockerfile", ".dockerignore"}


def test_a_link_is_judged_by_what_it_leads_to_inside_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "app"
    (root / "certs").mkdir(parents=True)
    (root / "Dockerfile").write_text("FROM a\n")
    (root / "certs" / "real.crt").write_text(CERTIFICATE)
    (tmp_path / "outside.pem").write_text(CERTIFICATE)
    (root / "ca.pem").symlink_to("certs/real.crt")
    (root / "outside.pem").symlink_to("../outside.pem")
    (root / "loop.pem").symlink_to("loop.pem")
    found = read_build_context(root.resolve())
    assert "ca.pem" in {entry.path for entry in found.entries if entry.kind == "link"}
    assert found.excluded_files == ("loop.pem", "outside.pem")


def test_of_a_huge_folder_no_more_than_a_bound_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    (tmp_path / "credentials").mkdir()
    for number in range(1_500):
        (tmp_path / "credentials" / f"{number}.bin").touch()
    scandir = os.scandir

    @contextmanager
    def counting(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        def entries(found: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
            nonlocal read
            for entry in found:
                read += 1
                yield entry

        with scandir(folder) as found:
            yield entries(found)

    monkeypatch.setattr(os, "scandir", counting)
    assert not holds_nothing_secret(tmp_path, "credentials", is_folder=True)
    assert read == 1_000


def test_a_link_to_a_folder_counts_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "link.py").symlink_to("../source")
    assert holds_nothing_secret(tmp_path, "credentials", is_folder=True)


@pytest.mark.timeout(20)
def test_a_pipe_under_a_protected_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    assert not holds_nothing_secret(tmp_path.resolve(), "ca.pem", is_folder=False)
    assert is_suspicious_data(tmp_path.resolve(), "ca.pem") is False
    os.mkfifo(tmp_path / "tokens.json")
    assert is_suspicious_data(tmp_path.resolve(), "tokens.json")
