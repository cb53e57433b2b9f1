"""Results on disk: synthesis and linting are pure functions, so an unchanged app needs no CDK and no linter."""

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


class ResultCache:
    """JSON results in one folder, written atomically and trusted only if their digest matches.

    A folder that cannot be written (read-only, full) costs time, nothing else.

    Args:
        limit: how many results are kept; those that were not used for the longest time are removed.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def read(self, key: str) -> Any:
        """The result of `key`; None when there is none or its file is damaged."""
        path = self._path(key)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(stored, dict) or stored.get("sha256") != _digest(stored.get("result")):
            return None
        with suppress(OSError):
            os.utime(path)
        return stored["result"]

    def write(self, key: str, result: Any) -> None:
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(key), json.dumps({"sha256": _digest(result), "result": result}))
            entries = sorted(self._folder.glob("*.json"), key=lambda entry: entry.stat().st_mtime)
            for entry in entries[: -self._limit]:
                entry.unlink(missing_ok=True)

    def last_used(self) -> float:
        """When a result was last written or read, in seconds since the epoch; 0 when there is none."""
        try:
            return max((entry.stat().st_mtime for entry in self._folder.glob("*.json")), default=0.0)
        except OSError:
            return 0.0

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _digest(result: Any) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


class TemplateCache(ResultCache):
    """The templates of definitions."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, limit=200)

    def get(self, definition: AppDefinition) -> AppTemplates | None:
        bodies = self.read(cache_key(definition))
        return None if bodies is None else app_templates(definition.name, bodies)

    def put(self, definition: AppDefinition, templates: AppTemplates) -> None:
        repository = templates.repository.body if templates.repository else None
        self.write(cache_key(definition), {"repository": repository, "service": templates.service.body})

    def is_older_than(self, definition_file: Path) -> bool:
        """Whether the file was written after the last use of any entry; False when there is no such file."""
        try:
            return definition_file.stat().st_mtime > self.last_used()
        except OSError:
            return False


def cache_key(definition: AppDefinition) -> str:
    """The name of a definition's entry, as 64 hexadecimal digits."""
    return hashlib.sha256(f"{synthesis_fingerprint()}\n{definition.canonical_json()}".encode()).hexdigest()


@cache
def synthesis_fingerprint() -> str:
    """What determines the templates besides the definition: our version and sources, and the CDK's versions."""
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


def app_templates(app_name: str, bodies: dict[str, str | None]) -> AppTemplates:
    """The templates whose texts are `bodies`: keys ``repository`` (or None) and ``service``."""
    repository, service = bodies["repository"], bodies["service"]
    assert service is not None
    return AppTemplates(
        repository=Template(repository_stack_name(app_name), repository) if repository is not None else None,
        service=Template(service_stack_name(app_name), service),
    )
