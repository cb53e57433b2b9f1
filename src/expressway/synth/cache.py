"""Templates on disk: synthesis is a pure function, so an app that has not changed needs no CDK at all."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expressway.cloudformation.stack import repository_stack_name, service_stack_name
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.directories import write_whole

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition


_PACKAGES = ("expressway", "aws-cdk-lib", "constructs", "jsii")
_SOURCES = (
    *("expressway_constructs/**/*.py", "expressway/synth/*.py", "expressway/synth/kernel/worker.py"),
    *("expressway/app/*.py", "expressway/cloudformation/stack.py"),
)
_KEPT_ENTRIES = 200


@cache
def synthesis_fingerprint() -> str:
    """What decides the templates beside the definition: our version and sources, and the CDK's versions."""
    from importlib.metadata import PackageNotFoundError, version

    digest = hashlib.sha256()
    for package in _PACKAGES:
        try:
            digest.update(f"{package}={version(package)}\n".encode())
        except PackageNotFoundError:  # then nothing is found here, and the kernel says what to install
            digest.update(f"{package} is missing\n".encode())
    root = Path(__file__).resolve().parents[2]
    for pattern in _SOURCES:
        for source in sorted(root.glob(pattern)):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def cache_key(definition: AppDefinition) -> str:
    """The name of a definition's entry, as 64 hexadecimal digits."""
    return hashlib.sha256(f"{synthesis_fingerprint()}\n{definition.canonical_json()}".encode()).hexdigest()


class TemplateCache:
    """Entries of one folder, written whole or not at all, and believed only when their digest holds.

    A folder that cannot be written (read-only, full) makes synthesis slower, never wrong.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, definition: AppDefinition) -> AppTemplates | None:
        """The templates of `definition`, or None when they were never kept or their entry is damaged."""
        path = self._path(definition)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(stored, dict) or stored.get("sha256") != _digest(stored.get("bodies")):
            return None
        with suppress(OSError):
            os.utime(path)
        return app_templates(definition.name, stored["bodies"])

    def last_used(self) -> float:
        """When an entry was last written or found, in seconds since the epoch; 0 when there is none."""
        try:
            return max((entry.stat().st_mtime for entry in self._folder.glob("*.json")), default=0.0)
        except OSError:
            return 0.0

    def is_older_than(self, definition_file: Path) -> bool:
        """Whether the file was written after the last use of any entry; False when there is no such file."""
        try:
            return definition_file.stat().st_mtime > self.last_used()
        except OSError:
            return False

    def put(self, definition: AppDefinition, templates: AppTemplates) -> None:
        """Keep the templates of `definition`."""
        bodies = {
            "repository": templates.repository.body if templates.repository else None,
            "service": templates.service.body,
        }
        text = json.dumps({"sha256": _digest(bodies), "bodies": bodies})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(definition), text)
            self._forget_oldest()
        except OSError:
            return

    def _path(self, definition: AppDefinition) -> Path:
        return self._folder / f"{cache_key(definition)}.json"

    def _forget_oldest(self) -> None:
        entries = sorted(self._folder.glob("*.json"), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[:-_KEPT_ENTRIES]:
            entry.unlink(missing_ok=True)


def app_templates(app_name: str, bodies: dict[str, str | None]) -> AppTemplates:
    """The value that the texts of both templates make."""
    repository, service = bodies["repository"], bodies["service"]
    assert service is not None
    return AppTemplates(
        repository=Template(repository_stack_name(app_name), repository) if repository is not None else None,
        service=Template(service_stack_name(app_name), service),
    )


def _digest(bodies: Any) -> str:
    return hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()
