"""What is sent to an engine: the folder less what is ignored or protected, and never more than the folder."""

import os
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from expressway.adapters.build_context import read_build_context, resolve_context
from expressway.adapters.context_archive import open_context_archive
from expressway.errors import ImageError
from expressway.model.build_context import BuildContext, content_tag, context_digest


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder.resolve()


def paths(context: BuildContext) -> list[str]:
    return [entry.path for entry in context.entries]


def digest(context: BuildContext, *, target: str | None = None, args: dict[str, str] | None = None) -> str:
    return context_digest(context, target=target, args=args or {}, platform="linux/amd64")


def refusal(folder: Path, dockerfile: str = "Dockerfile", **limits: int) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_build_context(resolve_context(folder), dockerfile, **limits)
    assert caught.value.hint
    return caught.value


def test_ignored_files_stay_out_and_the_dockerfile_stays_in(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "Dockerfile": "FROM a\n",
            ".dockerignore": "*\n!src\n**/*.pyc\n",
            "src/app.py": "1",
            "src/app.pyc": "2",
            "notes.md": "3",
            "node_modules/x/y.js": "4",
        },
    )
    assert paths(read_build_context(root)) == [".dockerignore", "Dockerfile", "src", "src/app.py"]


def test_the_ignore_file_of_the_dockerfile_goes_before_the_common_one(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"web.Dockerfile": "FROM a\n", "web.Dockerfile.dockerignore": "b\n", ".dockerignore": "a\n", "a": "", "b": ""},
    )
    assert "a" in paths(read_build_context(root, "web.Dockerfile"))
    assert "b" not in paths(read_build_context(root, "web.Dockerfile"))


def test_secrets_and_history_are_kept_out_and_named(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "Dockerfile": "FROM a\n",
            ".git/config": "",
            ".env": "",
            ".env.production": "",
            ".env.example": "",
            "certs/server.key": "",
            "certs/ca.pem": "",
            "deploy/id_rsa": "",
            ".aws/credentials": "",
            ".ssh/config": "",
            "app.py": "",
        },
    )
    context = read_build_context(root)
    assert paths(context) == [".env.example", "Dockerfile", "app.py", "certs", "deploy"]
    assert context.left_out == (
        ".aws/", ".env", ".env.production", ".git/", ".ssh/", "certs/ca.pem", "certs/server.key", "deploy/id_rsa",
    )  # fmt: skip


def test_a_protected_file_named_in_dockerignore_comes_back(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "Dockerfile": "FROM a\n",
            ".dockerignore": "!certs/*.pem\n!*\n",
            "certs/ca.pem": "",
            ".env": "",
            "certs/k.key": "",
        },
    )
    context = read_build_context(root)
    assert "certs/ca.pem" in paths(context)
    assert context.left_out == (".env", "certs/k.key")


def test_what_dockerignore_leaves_out_needs_no_warning(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".dockerignore": ".env\n", ".env": ""})
    assert read_build_context(root).left_out == ()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").code == "context_missing"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": ""})
    assert refusal(tmp_path / "app.py").code == "context_not_a_folder"


@pytest.mark.parametrize("folder", ["/", "/etc", "/usr", "/home/somebody"])
def test_the_system_and_home_directories_are_refused(folder: str, tmp_path: Path) -> None:
    if not Path(folder).exists():
        pytest.skip(f"{folder} does not exist here")
    assert refusal(Path(folder)).code == "context_refused"


def test_a_home_directory_and_all_above_it_are_refused_also_through_a_link(tmp_path: Path) -> None:
    home = tmp_path / "homes" / "me"
    (home / "app").mkdir(parents=True)
    (tmp_path / "link").symlink_to(home)
    for folder in (home, home.parent, tmp_path / "link"):
        with pytest.raises(ImageError) as caught:
            resolve_context(folder, home=home)
        assert caught.value.code == "context_refused"
    assert resolve_context(tmp_path / "link" / "app", home=home) == home / "app"


def test_a_missing_dockerfile_is_told_with_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, {"dockerfile.dev": ""})
    error = refusal(tmp_path)
    assert error.code == "dockerfile_missing"
    assert "dockerfile.dev" in error.hint


def test_a_dockerfile_outside_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a\n", "app/x": ""})
    assert refusal(tmp_path / "app", "../Dockerfile").code == "dockerfile_outside"
    (tmp_path / "app" / "Dockerfile").symlink_to(tmp_path / "Dockerfile")
    assert refusal(tmp_path / "app").code == "dockerfile_outside"


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "sub/../../secret"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    write(tmp_path, {"secret": "x", "app/Dockerfile": "FROM a\n", "app/sub/x": ""})
    (tmp_path / "app" / "leak").symlink_to(target)
    error = refusal(tmp_path / "app")
    assert error.code == "context_symlink_outside"
    assert "leak" in error.message


def test_an_ignored_link_out_of_the_folder_does_no_harm_and_one_inside_is_kept(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".dockerignore": ".venv\n", ".venv/x": "", "data/a": "1"})
    (root / ".venv" / "python").symlink_to("/usr/bin/python3")
    (root / "current").symlink_to("data/a")
    entry = next(entry for entry in read_build_context(root).entries if entry.path == "current")
    assert (entry.kind, entry.content) == ("link", "data/a")


def test_a_folder_over_the_limit_is_refused_naming_what_is_large(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a\n", "big/a": "x" * 600, "big/b": "x" * 600, "small": "x"})
    error = refusal(tmp_path, limit_bytes=1000)
    assert error.code == "context_too_large"
    assert next(iter(error.details["largest"])) == "big/"
    assert ".dockerignore" in error.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", "locked": ""})
    (root / "locked").chmod(0)
    assert refusal(tmp_path).code == "context_unreadable"


def test_sockets_are_no_part_of_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n"})
    monkeypatch.chdir(root)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        context = read_build_context(root)
    assert context.ignored_special == ("s",)
    assert paths(context) == ["Dockerfile"]


def test_equal_content_has_an_equal_digest_wherever_and_whenever_it_lies(tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM a\n", "src/app.py": "1"}
    first, second = write(tmp_path / "one", files), write(tmp_path / "two", files)
    os.utime(second / "src/app.py", (1, 1))
    assert digest(read_build_context(first)) == digest(read_build_context(second))
    assert content_tag(digest(read_build_context(first))).startswith("ctx-")
    assert len(content_tag(digest(read_build_context(first)))) == 24


def test_everything_that_decides_the_image_changes_the_digest(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", "app.py": "1", "empty": ""})
    context = read_build_context(root)
    digests = {digest(context), digest(context, target="x"), digest(context, args={"A": "1"})}
    (root / "app.py").write_text("2")
    digests.add(digest(read_build_context(root)))
    (root / "app.py").chmod(0o755)
    digests.add(digest(read_build_context(root)))
    (root / "app.py").rename(root / "main.py")
    digests.add(digest(read_build_context(root)))
    (root / "Dockerfile").write_text("FROM b\n")
    digests.add(digest(read_build_context(root)))
    (root / "empty").unlink()
    (root / "empty").symlink_to("main.py")
    digests.add(digest(read_build_context(root)))
    assert len(digests) == 8


def test_the_archive_holds_exactly_the_context_owned_by_root(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".env": "S=1", "src/app.py": "print()"})
    (root / "src/app.py").chmod(0o750)
    (root / "latest").symlink_to("src/app.py")
    with open_context_archive(read_build_context(root)) as archive, tarfile.open(fileobj=archive) as tar:
        members = {member.name: member for member in tar.getmembers()}
        assert sorted(members) == ["Dockerfile", "latest", "src", "src/app.py"]
        assert members["src/app.py"].mode == 0o750
        assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}
        assert members["latest"].linkname == "src/app.py"
        content = tar.extractfile("src/app.py")
        assert content is not None
        assert content.read() == b"print()"


@pytest.mark.parametrize("change", ["longer than before", "s", None])
def test_a_file_that_changes_meanwhile_is_told_rather_than_mixed(tmp_path: Path, change: str | None) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", "app.py": "as it was"})
    context = read_build_context(root)
    if change is None:
        (root / "app.py").unlink()
    else:
        (root / "app.py").write_text(change)
    with pytest.raises(ImageError) as caught:
        open_context_archive(context)
    assert caught.value.code == "context_changed"


def test_a_link_put_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"Dockerfile": "FROM a\n", "app.py": "secret"})
    write(tmp_path, {"secret": "secret"})
    context = read_build_context(root)
    (root / "app.py").unlink()
    (root / "app.py").symlink_to(tmp_path / "secret")
    with pytest.raises(ImageError) as caught:
        open_context_archive(context)
    assert caught.value.code == "context_changed"


class Enough(Exception):
    """What an impatient caller raises."""


class Impatient:
    """A caller who has had enough."""

    def raise_if_cancelled(self) -> None:
        raise Enough


def test_reading_and_packing_stop_when_asked(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n"})
    with pytest.raises(Enough):
        read_build_context(root, cancellation=Impatient())
    context = read_build_context(root)
    with pytest.raises(Enough):
        open_context_archive(context, cancellation=Impatient())
