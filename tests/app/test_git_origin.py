"""Where a folder deploys from: checkouts of one repository are one place, other folders are not; nothing leaks."""

import os
from pathlib import Path

import pytest

from expressway.app.git_origin import source_origin
from expressway.app.origin import Origin
from expressway.aws.values.target import Target

TARGET = Target("111122223333", "us-east-1", caller_arn="arn:aws:sts::111122223333:assumed-role/deployer/session")


def checkout(folder: Path, url: str, *, remote: str = "origin", place: str = "") -> Path:
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "config").write_text(f'[core]\n\tbare = false\n[remote "{remote}"]\n\turl = {url}\n\tfetch = +refs/*\n')
    app = folder / place
    app.mkdir(parents=True, exist_ok=True)
    return app


def origin(folder: Path) -> Origin:
    return source_origin(folder, TARGET)


SAME = [
    "https://github.com/acme/shop",
    "https://github.com/acme/shop.git",
    "https://GitHub.com/acme/shop/",
    "https://token:x-oauth-basic@github.com/acme/shop.git",
    "git@github.com:acme/shop.git",
    "ssh://git@github.com/acme/shop.git",
    "ssh://git@github.com:22/acme/shop",
    "git://github.com/acme/shop",
    "HTTPS://github.com/Acme/Shop.git/",
    "git+ssh://git@github.com/acme/shop",
    "git@github.com:/acme/shop.git",
    "ssh://git@ssh.github.com:443/acme/shop.git",
    "https://ci:p@ss:" + "t0ken" * 400 + "@github.com/acme/shop.git",
    "https://github.com/acme/shop.git?private_token=1",
    '"https://github.com/acme/shop" ; the main one',
]
SAME_ELSEWHERE = [
    ("https://org@dev.azure.com/org/project/_git/shop", "git@ssh.dev.azure.com:v3/org/project/shop"),
    ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop", "codecommit::eu-west-1://profile@shop"),
    ("https://gitlab.com/acme/shop.git", "ssh://git@altssh.gitlab.com:443/acme/shop.git"),
]


@pytest.mark.parametrize("url", SAME)
@pytest.mark.parametrize("place", ["", "services/api"])
def test_checkouts_of_one_repository_are_one_place_wherever_they_lie(url: str, place: str, tmp_path: Path) -> None:
    mine = origin(checkout(tmp_path / "mine", SAME[0], place=place))
    other = origin(checkout(tmp_path / "ci" / "build-7", url, place=place))
    assert mine.is_same(other)
    assert mine.hint == f"github.com/acme/shop/{place}".rstrip("/")
    assert other.hint.lower() == mine.hint
    assert "token" not in repr(other)


@pytest.mark.parametrize(("one", "other"), SAME_ELSEWHERE)
def test_addresses_by_which_hosts_serve_one_repository_are_one_place(one: str, other: str, tmp_path: Path) -> None:
    assert origin(checkout(tmp_path / "a", one)).remote == origin(checkout(tmp_path / "b", other)).remote != ""


@pytest.mark.parametrize("address", [SAME[0], SAME[4], f" {SAME[1]}#services/api/"])
def test_a_build_server_says_where_a_folder_without_its_repository_is_from(address: str, tmp_path: Path) -> None:
    place = "services/api" if "#" in address else ""
    mine = origin(checkout(tmp_path / "mine", SAME[0], place=place))
    for build in ("build-1", "build-2"):
        (tmp_path / build).mkdir()
        theirs = source_origin(tmp_path / build, TARGET, {"EXPRESSWAY_ORIGIN": address})
        assert theirs.is_same(mine)
        assert theirs.hint == mine.hint


def test_a_name_that_is_no_address_is_a_place_of_its_own_and_nothing_said_is_none(tmp_path: Path) -> None:
    one = source_origin(checkout(tmp_path / "a", SAME[0]), TARGET, {"EXPRESSWAY_ORIGIN": "shop pipeline"})
    assert one.hint == "shop pipeline"
    assert not one.is_same(origin(tmp_path / "a"))
    assert source_origin(tmp_path / "a", TARGET, {"EXPRESSWAY_ORIGIN": " "}) == origin(tmp_path / "a")


def test_sections_and_keys_of_a_configuration_are_read_in_either_case(tmp_path: Path) -> None:
    checkout(tmp_path, SAME[0])
    (tmp_path / ".git" / "config").write_text(f'[Remote "origin"] # mine\nURL={SAME[0]}\n')
    assert origin(tmp_path).hint == "github.com/acme/shop"


@pytest.mark.parametrize(
    "leads", [b"gitdir: \xff\xfe", b"gitdir: a\0b", b"gitdir: loop/x", b"gitdir: " + b"a/" * 3000, b"gitdir: /dev"]
)
def test_a_git_file_that_no_git_wrote_is_no_repository(leads: bytes, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / ".git").write_bytes(leads)
    assert origin(tmp_path).remote == ""


@pytest.mark.parametrize("place", [".git", ".git/config"])
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_pipes_and_devices_in_place_of_git_s_files_are_not_waited_for(place: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert origin(tmp_path).remote == ""


def test_a_folder_whose_name_is_no_text_has_an_origin_that_a_template_can_hold(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n\x1b[1m"))
    folder.mkdir()
    assert origin(folder).hint.encode() == b"caf"
    assert origin(folder).is_same(origin(folder))


def test_other_repositories_and_other_places_in_one_are_other_origins(tmp_path: Path) -> None:
    folders = [
        checkout(tmp_path / "a", "https://github.com/acme/shop"),
        checkout(tmp_path / "b", "https://github.com/acme/other"),
        checkout(tmp_path / "c", "https://gitlab.com/acme/shop"),
        checkout(tmp_path / "d", "https://github.com/acme/shop", place="api"),
        checkout(tmp_path / "e", "https://github.com/acme/shop", place="web"),
    ]
    for one in folders:
        for other in folders:
            assert origin(one).is_same(origin(other)) is (one == other)


def test_folders_without_a_repository_are_told_apart_by_their_paths_which_no_origin_holds(tmp_path: Path) -> None:
    for name in ("one/shop", "two/shop"):
        (tmp_path / name).mkdir(parents=True)
    one, two = origin(tmp_path / "one" / "shop"), origin(tmp_path / "two" / "shop")
    assert not one.is_same(two)
    assert one.is_same(origin(tmp_path / "one" / ".." / "one" / "shop"))
    assert one.hint == two.hint == "shop"
    assert str(tmp_path) not in repr(one)
    assert "/" not in repr(one).replace(one.by, "")


def test_a_folder_that_lost_its_repository_is_still_known_by_its_path(tmp_path: Path) -> None:
    app = checkout(tmp_path / "a", SAME[0])
    before = origin(app)
    (tmp_path / "a" / ".git" / "config").unlink()
    assert before.is_same(origin(app))


def test_who_deploys_is_named_as_aws_does_without_the_account(tmp_path: Path) -> None:
    assert origin(tmp_path).by == "deployer/session"
    assert source_origin(tmp_path, Target("111122223333", "us-east-1")).by == ""
    user = Target("111122223333", "us-east-1", caller_arn="arn:aws:iam::111122223333:user/ci")
    assert source_origin(tmp_path, user).by == "ci"


def test_a_further_work_tree_and_a_submodule_have_the_remote_of_their_repository(tmp_path: Path) -> None:
    main = origin(checkout(tmp_path / "main", SAME[0]))
    inner = tmp_path / "main" / ".git" / "worktrees" / "w"
    inner.mkdir(parents=True)
    (inner / "commondir").write_text("../..\n")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / ".git").write_text(f"gitdir: {inner}\n")
    assert origin(tmp_path / "w").is_same(main)

    module = tmp_path / "main" / ".git" / "modules" / "lib"
    module.mkdir(parents=True)
    (module / "config").write_text('[remote "origin"]\nurl = https://github.com/acme/lib\n')
    (tmp_path / "main" / "lib").mkdir()
    (tmp_path / "main" / "lib" / ".git").write_text("gitdir: ../.git/modules/lib\n")
    assert origin(tmp_path / "main" / "lib").hint == "github.com/acme/lib"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01",
        '[remote "origin"]\nurl = /srv/git/shop\n',
        '[remote "origin"]\nurl = file:///srv/git/shop\n',
        '[remote "origin"]\n',
        '[remote "a"]\nurl = https://x.example/a\n[remote "b"]\nurl = https://x.example/b\n',
        '[remote "origin"]\nurl = ' + "https://x.example/" + "a" * 1000,
        "[" * 200_000,
        'url = https://x.example/a\n[branch "main"]\nurl = https://x.example/a\n',
    ],
)
def test_what_names_no_remote_counts_as_a_folder_alone(text: str, tmp_path: Path) -> None:
    checkout(tmp_path, SAME[0])
    (tmp_path / ".git" / "config").write_text(text)
    assert origin(tmp_path).remote == ""


def test_the_only_remote_counts_whatever_it_is_called(tmp_path: Path) -> None:
    assert origin(checkout(tmp_path, SAME[0], remote="upstream")).hint == "github.com/acme/shop"


def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /no/such/folder\n")
    assert origin(tmp_path).remote == ""
