"""Programs and Debian packages of this machine, and the root filesystems of base images that are made from them."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from expressway.core.child_environment import NETWORK, SYSTEM_PATH, child_environment
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import EngineError


def find_program(name: str) -> str | None:
    """The full path of a program, also when PATH lacks the sbin directories (as it does for ordinary users)."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH)))


def install_packages(packages: Sequence[str], *, progress: ProgressSink = ignore_progress) -> None:
    """Install Debian packages with apt-get.

    Raises:
        EngineError: ``package_install_failed`` without root or apt-get, or when apt-get fails.
    """
    command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    apt = find_program("apt-get")
    if apt is None or os.geteuid() != 0:
        raise EngineError(
            "package_install_failed",
            f"Installing {', '.join(packages)} needs root and apt-get.",
            f"Run as root: {command}",
        )
    progress(Progress("sandbox", f"installing {', '.join(packages)}"))
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = _apt_get(["-o", "DPkg::Lock::Timeout=120", *arguments])
        if done.returncode != 0:
            reason = _last_line(done)
            raise EngineError(
                "package_install_failed",
                f"apt-get could not install {', '.join(packages)}: {reason}",
                f"Correct what apt-get names, then repeat; by hand: {command}",
                {"output": _output(done)[-12:]},
            )


def unpack_package(package: str, folder: Path, *, progress: ProgressSink = ignore_progress) -> None:
    """Fetch a Debian package as apt would, verified by its signatures, and unpack it into `folder`: nothing is
    installed, root is not needed, and apt's own lists do not change.

    Raises:
        EngineError: ``package_fetch_failed`` without apt-get or dpkg-deb, or when one of them fails.
    """
    unpacker = find_program("dpkg-deb")
    if find_program("apt-get") is None or unpacker is None:
        raise _not_fetched(package, "this is no Debian system", [])
    progress(Progress("sandbox", f"fetching {package}"))
    with tempfile.TemporaryDirectory(prefix="expressway-package-") as place:
        fetched = _apt_get([*_VERIFIED, "download", "-qq", package], cwd=place)
        if fetched.returncode != 0:  # a machine that never asked its mirror what there is
            options = [*_VERIFIED, *_own_state(Path(place))]
            updated = _apt_get([*options, "update", "-qq"], cwd=place)
            fetched = _apt_get([*options, "download", "-qq", package], cwd=place) if not updated.returncode else updated
        files = list(Path(place).glob("*.deb"))
        if fetched.returncode != 0 or len(files) != 1:
            raise _not_fetched(package, _last_line(fetched), _output(fetched))
        unpacked = _run([unpacker, "--extract", files[0], folder])
        if unpacked.returncode != 0:
            raise _not_fetched(package, _last_line(unpacked), _output(unpacked))


_VERIFIED = [
    *("-o", "APT::Get::AllowUnauthenticated=false", "-o", "Acquire::AllowInsecureRepositories=false"),
    *("-o", "APT::Sandbox::User="),  # apt's own user could not write into a private folder
]


def _own_state(place: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    return ["-o", f"Dir::State::lists={place}/lists", "-o", f"Dir::Cache={place}/cache"]


def _apt_get(arguments: Sequence[str], cwd: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = child_environment(also=NETWORK) | {"DEBIAN_FRONTEND": "noninteractive"}
    return _run([find_program("apt-get") or "apt-get", *arguments], environment, cwd)


def _run(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: str | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = child_environment() if environment is None else environment
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=cwd)


def _output(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return (done.stderr or done.stdout).strip().splitlines()


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return (_output(done) or ["it gave no reason"])[-1]


def _not_fetched(package: str, reason: str, output: Sequence[str]) -> EngineError:
    return EngineError(
        "package_fetch_failed",
        f"The Debian package {package} could not be fetched: {reason}",
        f"Correct what apt-get names, or install it: apt-get update && apt-get install {package}.",
        {"output": list(output[-12:])},
    )


ARCHIVE_KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{form}") for form in ("gpg", "pgp"))
"""The keys of Debian's archive, from the package debian-archive-keyring; which form depends on its version."""
KEYRING_PACKAGE = "debian-archive-keyring"
PYTHON_SUITE = "bookworm"
PYTHON_VERSION = "3.11"
_SUITES = {"bullseye", "bookworm", "trixie", "forky", "oldstable", "stable", "testing", "unstable", "sid"}
_ONE_LINE_SOURCE = re.compile(r"^\s*deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)")
_DROPPED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/log")
_PYTHON_LINKS = {
    "python3.11": "/usr/bin/python3.11",
    "python3": "python3.11",
    "python": "python3",
    "pip3": "/usr/bin/pip3",
    "pip": "pip3",
}


def busybox(folder: Path, *, progress: ProgressSink = ignore_progress) -> Path:
    """busybox as the package busybox-static brings it: this machine's, else out of that package, put below `folder`.

    One that needs libraries runs in no empty image.

    Raises:
        EngineError: ``package_fetch_failed``.
    """
    installed = find_program("busybox")
    if installed and is_static(Path(installed)):
        return Path(installed)
    unpack_package("busybox-static", folder, progress=progress)
    return next(path for path in (folder / "bin/busybox", folder / "usr/bin/busybox") if path.is_file())


def is_static(program: Path) -> bool:
    """Whether a program needs no dynamic loader."""
    return re.search(rb"/ld-(linux|musl)", program.read_bytes()) is None


def write_busybox(archive: Path, *, progress: ProgressSink) -> None:
    """Write a tar archive like the published busybox image: the static program, a link per applet, users, /tmp.

    Raises:
        EngineError: ``package_fetch_failed``; ``base_image_seed_failed`` when the program cannot list its applets.
    """
    progress(Progress("sandbox", "making a busybox base image"))
    with tempfile.TemporaryDirectory(prefix="expressway-busybox-") as folder:
        _write_busybox(archive, busybox(Path(folder), progress=progress))


def _write_busybox(archive: Path, program: Path) -> None:
    listed = _run([program, "--list"])
    if listed.returncode != 0:
        raise _failed("busybox --list failed", listed.stderr.splitlines())
    with tarfile.open(archive, "w") as tar:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("home", 0o755), ("tmp", 0o1777)):
            tar.addfile(_member(name, tarfile.DIRTYPE, mode))
        _add_file(tar, "bin/busybox", program.read_bytes(), 0o755)
        for applet in listed.stdout.split():
            if applet != "busybox":
                link = _member(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
                link.linkname = "busybox"
                tar.addfile(link)
        users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
        _add_file(tar, "etc/passwd", users.encode(), 0o644)
        _add_file(tar, "etc/group", b"root:x:0:\nnobody:x:65534:\n", 0o644)


def archive_keyring(keyrings: Sequence[Path] = ARCHIVE_KEYRINGS) -> Path | None:
    """The file with the keys of Debian's archive; None where its package is not installed."""
    return next((path for path in keyrings if path.is_file()), None)


def write_python(
    archive: Path,
    *,
    progress: ProgressSink,
    mirror: str | None = None,
    keyrings: Sequence[Path] = ARCHIVE_KEYRINGS,
) -> None:
    """Write a tar archive of Debian 12 with Python 3.11, pip and venv, laid out as in the published slim image.

    Takes about a minute. Every package is verified by the signature of Debian's archive, whatever the mirror.

    Args:
        mirror: where the packages are; by default where this machine's apt has them from.
        keyrings: files of which the first that exists holds the archive's keys.

    Raises:
        EngineError: ``debian_keyring_missing``, ``base_image_seed_failed`` with the end of debootstrap's output.
    """
    keyring = archive_keyring(keyrings)
    if keyring is None:
        raise EngineError(
            "debian_keyring_missing",
            "The keys of Debian's archive are not installed, so no package of a base image could be verified.",
            f"Install the package {KEYRING_PACKAGE} (apt-get install {KEYRING_PACKAGE}), or repeat with --install.",
            {"expected": [str(path) for path in keyrings]},
        )
    tree = Path(tempfile.mkdtemp(prefix="tree-", dir=archive.parent))
    try:
        _debootstrap(tree, mirror or debian_mirror(), keyring, progress=progress)
        _arrange_python(tree)
        packed = _run([find_program("tar") or "tar", "--numeric-owner", "-C", tree, "-cf", archive, "."])
        if packed.returncode != 0:
            raise _failed("tar failed", packed.stderr.splitlines())
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def debian_mirror(apt_directory: Path = Path("/etc/apt")) -> str | None:
    """The Debian mirror that this machine's apt uses; None leaves the choice to debootstrap."""
    for uri, suites, components in _apt_sources(apt_directory):
        usable = urlsplit(uri).scheme in {"http", "https", "file"} and "security" not in uri
        if usable and "main" in components and _SUITES.intersection(suites):
            return uri.rstrip("/")
    return None


def _debootstrap(tree: Path, mirror: str | None, keyring: Path, *, progress: ProgressSink) -> None:
    program = find_program("debootstrap")
    if program is None:
        raise _failed("debootstrap is not installed", [])
    progress(
        Progress(
            "sandbox",
            f"making a Python base image from Debian packages ({mirror or 'the default mirror'}; about a minute)",
        )
    )
    command = [
        program,
        *("--variant=minbase", "--force-check-gpg", f"--keyring={keyring}"),
        "--include=python3,python3-pip,python3-venv,ca-certificates",
        *(PYTHON_SUITE, str(tree), *((mirror,) if mirror else ())),
    ]
    tail: list[str] = []
    step = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    ) as process:
        for line in process.stdout or ():
            tail = [*tail[-11:], line.rstrip()]
            doing = " ".join(line.removeprefix("I: ").split()[:1])
            if doing != step and doing in {"Retrieving", "Extracting", "Unpacking", "Configuring"}:
                step = doing
                progress(Progress("sandbox", f"base image: {doing.lower()} packages"))
    if process.returncode != 0:
        raise _failed(f"debootstrap failed with exit status {process.returncode}", tail)


def _environment() -> dict[str, str]:
    environment = child_environment(also=NETWORK)
    environment.pop("TMPDIR", None)
    if not environment.get("http_proxy") and find_program("apt-config"):
        configured = _run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"], environment)
        proxy = configured.stdout.strip().removeprefix("PROXY=").strip("'")
        if proxy.startswith("http"):
            environment["http_proxy"] = proxy
    return environment


def _arrange_python(tree: Path) -> None:
    for name in _DROPPED:
        shutil.rmtree(tree / name, ignore_errors=True)
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    # The published image lets pip install into the system; so must this one.
    (tree / f"usr/lib/python{PYTHON_VERSION}/EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for name, target in _PYTHON_LINKS.items():
        link = tree / "usr/local/bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _apt_sources(apt_directory: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    folder = apt_directory / "sources.list.d"
    for path in sorted(folder.glob("*.sources")):
        for paragraph in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
            yield from _deb822_source(paragraph)
    for path in (apt_directory / "sources.list", *sorted(folder.glob("*.list"))):
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                entry = _ONE_LINE_SOURCE.match(line)
                if entry:
                    yield entry["uri"], [entry["suite"]], entry["components"].split()


def _deb822_source(paragraph: str) -> Iterator[tuple[str, list[str], list[str]]]:
    fields: Mapping[str, str] = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in paragraph.splitlines() if not line.startswith("#"))
        if colon
    }
    if fields.get("enabled", "yes").lower() == "no" or "deb" not in fields.get("types", "").split():
        return
    for uri in fields.get("uris", "").split():
        yield uri, fields.get("suites", "").split(), fields.get("components", "").split()


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = _member(name, tarfile.REGTYPE, mode)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _failed(reason: str, tail: list[str]) -> EngineError:
    return EngineError(
        "base_image_seed_failed",
        f"A base image could not be made here: {reason}.",
        "See the last lines of its output; where base images can be pulled, none has to be made.",
        {"output": tail[-12:]},
    )
