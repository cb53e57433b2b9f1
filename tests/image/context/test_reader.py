"""What is sent to an engine: the folder less what is ignored or protected, and never more than the folder."""

import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from expressway.core.progress import NeverCancelled
from expressway.errors import ImageError
from expressway.image.context.archive import open_context_archive, unpacked_context
from expressway.image.context.dockerignore import IgnoreRules
from expressway.image.context.reader import read_build_context, resolve_context, why_refused
from expressway.image.context.values import BuildContext, content_tag, context_digest
from expressway.image.context.walk import ContextWalk


class Enough(Exception):
    """What an impatient caller raises."""


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
    assert context.excluded_files == (
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
    assert context.excluded_files == (".env", "certs/k.key")


def test_what_dockerignore_leaves_out_needs_no_warning(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".dockerignore": ".env\n", ".env": ""})
    assert read_build_context(root).excluded_files == ()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").code == "context_missing"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": ""})
    assert refusal(tmp_path / "app.py").code == "context_not_a_folder"


@pytest.mark.parametrize("folder", ["/", "/etc", "/usr"])
def test_the_system_is_refused(folder: str) -> None:
    assert refusal(Path(folder)).code == "context_refused"


SYSTEM = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
    *("srv", "sys", "tmp", "usr", "var", "Users", "Applications", "Library", "System", "private", "Volumes"),
)


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        *((f"/{name}", "it is a folder of the system") for name in SYSTEM if name not in {"home", "Users"}),
        *(("/home/somebody", "it is a home directory"), ("/Users/somebody", "it is a home directory")),
        *(("/data/people/me", "it is a home directory"), ("/data/people", "a home directory lies inside it")),
        *(("/home", "it is a folder of the system"), ("/Users", "it is a folder of the system")),
        *(("/data/people/me/app", None), ("/srv/app", None), ("/home/somebody/app", None), ("/other", None)),
    ],
)
def test_what_is_refused_is_known_from_the_path_alone(folder: str, why: str | None) -> None:
    own_home = Path("~").expanduser()
    if own_home == Path(folder) or Path(folder) in own_home.parents:
        why = why_refused(Path(folder), own_home)
        assert why
        return
    assert why_refused(Path(folder), Path("/data/people/me")) == why


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


LINKS = {
    "log/access.log": "/dev/stdout",
    "etc/localtime": "/usr/share/zoneinfo/UTC",
    "leak": "/etc/passwd",
    "up": "../secret",
    "sub/far": "../../folder",
    "sub/near": "../data",
    "current": "data/a",
    "dangling": "data/none",
    "loop": "loop",
    "self": ".",
}


def test_links_are_packed_as_links_wherever_they_lead_and_never_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret": "x", "folder/secret": "x"})
    root = write(tmp_path / "app", {"Dockerfile": "FROM a\n", "data/a": "1", "sub/x": ""})
    for name, target in LINKS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(target)
    context = read_build_context(root)
    assert {entry.path: entry.content for entry in context.entries if entry.kind == "link"} == LINKS
    assert [entry.path for entry in context.entries if entry.kind != "link"] == [
        *("Dockerfile", "data", "data/a", "etc", "log", "sub", "sub/x"),
    ]
    assert context.outside_links == ("sub/far -> ../../folder", "up -> ../secret")
    with open_context_archive(context) as archive, tarfile.open(fileobj=archive) as tar:
        assert {member.name: member.linkname for member in tar.getmembers() if member.issym()} == LINKS
        assert not any(member.islnk() for member in tar.getmembers())


def test_an_ignored_link_is_left_out(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".dockerignore": ".venv\n", ".venv/x": ""})
    (root / ".venv" / "python").symlink_to("/usr/bin/python3")
    assert paths(read_build_context(root)) == [".dockerignore", "Dockerfile"]


def test_a_dockerfile_and_an_ignore_file_that_lead_outside_are_refused_in_one_error(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM secret\n", "ignore": "secret\n", "app/x": ""})
    (tmp_path / "app" / "Dockerfile").symlink_to(tmp_path / "Dockerfile")
    (tmp_path / "app" / ".dockerignore").symlink_to("../ignore")
    error = refusal(tmp_path / "app")
    assert error.code == "dockerfile_outside"
    assert ".dockerignore leads out" in error.message
    (tmp_path / "app" / "Dockerfile").unlink()
    write(tmp_path, {"app/Dockerfile": "FROM a\n"})
    assert refusal(tmp_path / "app").code == "ignore_file_outside"


def test_an_ignore_file_may_be_a_link_inside_the_folder(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", "config/ignore": "x\n", "x": ""})
    (root / ".dockerignore").symlink_to("config/ignore")
    assert "x" not in paths(read_build_context(root))


def test_folders_above_what_comes_back_are_part_of_the_context_with_their_modes(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", ".dockerignore": "*\n!a/b/keep\n", "a/b/keep": "", "a/x": ""})
    (root / "a").chmod(0o750)
    context = read_build_context(root)
    assert paths(context) == [".dockerignore", "Dockerfile", "a", "a/b", "a/b/keep"]
    assert context.entries[2].mode == 0o750


def test_a_folder_over_the_limit_is_refused_naming_what_is_large(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a\n", "big/a": "x" * 600, "big/b": "x" * 600, "small": "x"})
    error = refusal(tmp_path, limit_bytes=1000)
    assert error.code == "context_too_large"
    assert next(iter(error.details["largest"])) == "big/"
    assert ".dockerignore" in error.hint


@pytest.fixture
def somebody_else() -> Iterator[Path]:
    """A folder that another user may read, for a process that runs as that user when root runs the tests."""
    folder = Path(tempfile.mkdtemp()).resolve()
    folder.chmod(0o755)
    own = os.geteuid()
    try:
        yield folder
    finally:
        os.seteuid(own)
        subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=True)
        shutil.rmtree(folder)


def test_all_that_cannot_be_read_is_told_in_one_error(somebody_else: Path) -> None:
    root = write(somebody_else, {"Dockerfile": "FROM a\n", "one": "", "deep/two": "", "closed/three": "", "fine": ""})
    for name, mode in (("one", 0), ("deep/two", 0), ("closed", 0)):
        (root / name).chmod(mode)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(ImageError) as caught:
        read_build_context(root)
    assert caught.value.code == "context_unreadable"
    assert caught.value.details["unreadable"] == ["closed", "deep/two", "one"]
    assert caught.value.details["count"] == 3
    assert all(name in caught.value.message for name in ("closed", "deep/two", "one"))


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, {"web.Dockerfile": "FROM a\n"})
    os.mkfifo(root / name)
    dockerfile = "web.Dockerfile" if name == ".dockerignore" else name
    assert refusal(root, dockerfile).code in {"context_unreadable", "dockerfile_missing"}


def test_builders_read_a_dockerfile_that_is_excluded_or_named_like_a_key(tmp_path: Path) -> None:
    root = write(tmp_path, {"docker/web.key": "FROM a\n", "docker/x": "", ".dockerignore": "docker\n"})
    assert paths(read_build_context(root, "docker/web.key")) == [".dockerignore", "docker", "docker/web.key"]
    (root / ".dockerignore").unlink()
    context = read_build_context(root, "docker/web.key")
    assert paths(context) == ["docker", "docker/web.key", "docker/x"]
    assert context.excluded_files == ()


def test_a_pipe_put_in_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n", "app.py": "1"})
    context = read_build_context(root)
    (root / "app.py").unlink()
    os.mkfifo(root / "app.py")
    with pytest.raises(ImageError) as caught:
        open_context_archive(context)
    assert caught.value.code == "context_changed"


def test_names_of_any_bytes_are_packed_as_they_are_and_told_as_text(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": "FROM a\n"})
    raw = os.fsencode(root)
    names = [b"caf\xe9", b"a\nb", b"\xff.pem", b" a ", "é\u202e".encode(), b"*?[x"]
    for name in names:
        Path(os.fsdecode(raw + b"/" + name)).write_text("")
    context = read_build_context(root)
    assert context.excluded_files == ("\\xff.pem",)
    with open_context_archive(context) as archive, tarfile.open(fileobj=archive, errors="surrogateescape") as tar:
        packed = {os.fsencode(member.name) for member in tar.getmembers()}
    assert packed == {*names, b"Dockerfile"} - {b"\xff.pem"}
    assert digest(context)
    json.dumps(refusal(root, limit_bytes=1).to_dict(), ensure_ascii=False).encode()


def test_more_files_than_a_build_can_be_meant_to_have_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a\n", **{f"d/{number}": "" for number in range(20)}})
    walk = ContextWalk(tmp_path.resolve(), IgnoreRules(()), (), most_entries=10)
    with pytest.raises(ImageError) as caught:
        walk.walk(NeverCancelled())
    assert caught.value.code == "context_too_large"


def test_the_walk_can_be_cancelled_inside_one_large_folder(tmp_path: Path) -> None:
    write(tmp_path, {str(number): "" for number in range(1_200)})
    asked = 0

    class After:
        def raise_if_cancelled(self) -> None:
            nonlocal asked
            asked += 1
            if asked > 2:
                raise Enough

    walk = ContextWalk(tmp_path.resolve(), IgnoreRules(()), ())
    with pytest.raises(Enough):
        walk.walk(After())
    assert len(walk.entries) < 1_200


def test_what_is_walked_is_what_dockers_own_matcher_decided_for_generated_files(tmp_path: Path) -> None:
    recorded = json.loads((Path(__file__).with_name("docker_ignore_cases.json")).read_text())
    files = ["a/b/a", "a/ab", "b/a/b", "d/e/a.b", "xa", "ab", "a.b", "é", "a b", "#a", "!a", "a-b", "A"]
    root = write(tmp_path, {"Dockerfile": "FROM a\n", **dict.fromkeys(files, "")})
    places = [recorded["paths"].index(name) for name in files]
    for text, decided in recorded["cases"][::4]:
        (root / ".dockerignore").write_bytes(text.encode("latin-1"))
        if decided is None:
            error = refusal(root)
            assert error.code == "ignore_file_invalid"
            assert len(json.dumps(error.to_dict())) < 2_000
            continue
        excluded = f"{int(decided, 16):0{len(recorded['paths'])}b}"
        expected = [name for name, place in zip(files, places, strict=True) if excluded[place] == "0"]
        found = [entry.path for entry in read_build_context(root).entries if entry.kind == "file"]
        assert sorted(expected) == [name for name in found if name not in {"Dockerfile", ".dockerignore"}], text


def test_a_dockerfile_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a\n" + "#" * 1024 * 1024})
    assert refusal(tmp_path).code == "dockerfile_too_large"


@pytest.mark.parametrize("folder", ["a\0b", "x/" * 3000])
def test_a_path_that_no_folder_can_have_is_missing(folder: str) -> None:
    assert refusal(Path("/tmp") / folder).code == "context_missing"


def test_a_dockerfiles_path_that_no_file_can_have_is_missing(tmp_path: Path) -> None:
    write(tmp_path, {"x": ""})
    assert refusal(tmp_path, "a\0b").code == "dockerfile_missing"


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


@pytest.mark.parametrize(
    ("dockerfile", "ignored", "builder_only"),
    [
        ("Dockerfile", "Dockerfile", ("Dockerfile",)),
        ("Dockerfile", "*\n!a", (".dockerignore", "Dockerfile")),
        ("Dockerfile", "a", ()),
        ("d/e/Dockerfile", "d", ("d", "d/e", "d/e/Dockerfile")),
        ("d/e/Dockerfile", "d\n!d/a", ("d/e", "d/e/Dockerfile")),
        ("d/e/Dockerfile", "d/e/*", ("d/e/Dockerfile",)),
        ("d/e/Dockerfile", "d/e", ("d/e", "d/e/Dockerfile")),
    ],
)
def test_what_only_builders_may_read_is_known_with_the_folders_that_are_there_for_it(
    tmp_path: Path, dockerfile: str, ignored: str, builder_only: tuple[str, ...]
) -> None:
    files = {"a": "a", "d/a": "a", "d/e/x": "x", dockerfile: "FROM scratch\nCOPY . .\n", ".dockerignore": ignored}
    context = read_build_context(write(tmp_path, files), dockerfile)
    assert context.builder_only == builder_only
    with (
        open_context_archive(context) as archive,
        unpacked_context(context, archive) as (folder, found),
    ):
        assert found.read_text() == "FROM scratch\nCOPY . .\n"
        assert found.name == "Dockerfile"
        inside = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert inside == set(paths(context)) - set(builder_only)
    assert not folder.exists()


def test_rules_of_another_name_than_dockerignore_are_told_to_the_classic_builder(tmp_path: Path) -> None:
    files = {"a": "a", "b": "b", "x[1]/Dockerfile": "FROM scratch\n", "x[1]/Dockerfile.dockerignore": "*\n!a\n"}
    context = read_build_context(write(tmp_path, files), "x[1]/Dockerfile")
    with open_context_archive(context) as archive, tarfile.open(fileobj=archive) as tar:
        rules = tar.extractfile(".dockerignore")
        assert rules is not None
        assert rules.read().decode() == ".dockerignore\nx\\[1\\]\nx\\[1\\]/Dockerfile"
        assert set(tar.getnames()) == {"a", "x[1]", "x[1]/Dockerfile", ".dockerignore"}
        archive.seek(0)
        with unpacked_context(context, archive) as (folder, _):
            assert [path.name for path in folder.rglob("*")] == ["a"]
