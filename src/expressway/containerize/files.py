"""The files of an app as a value: their paths, and the texts of those that tell what it is."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from expressway.core import linear_regex

_TEST = re.compile(r"(?:^|/)(?:tests?|spec|__tests__|examples?|docs|scripts)/|(?:^|/)test_|[._](?:test|spec)\.")


@dataclass(frozen=True, slots=True)
class AppFiles:
    """What was read of a folder.

    Attributes:
        name: the folder's own name.
        paths: files below it, relative, with ``/``, sorted; folders of installed packages and builds left out.
        texts: contents by path: manifests, and sources as far as the limits allow.
        omitted: what was not read, as ``path: why``.
    """

    name: str
    paths: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    omitted: tuple[str, ...] = ()

    def has(self, pattern: str) -> bool:
        """Whether there is such a file; see `find`."""
        return next(self.find(pattern), None) is not None

    def find(self, pattern: str) -> Iterator[str]:
        """Paths at the top of the folder that match; a pattern with ``/`` is matched against the whole path."""
        return (path for path in self.paths if ("/" in pattern or "/" not in path) and fnmatchcase(path, pattern))

    def text(self, path: str) -> str:
        """The content of a file, "" when there is none or it was not read."""
        return self.texts.get(path, "")

    def says(self, pattern: str, regex: str) -> bool:
        """Whether a file that matches `pattern` has a text that `regex` finds."""
        return any(linear_regex.search(regex, self.text(path)) for path in self.find(pattern))

    def has_folder(self, folder: str) -> bool:
        """Whether there is a file below that folder."""
        return any(path.startswith(f"{folder}/") for path in self.paths)

    def sources(self, *patterns: str) -> Iterator[tuple[str, str]]:
        """Texts of files whose names match, the shallowest first, tests last."""
        found = [path for path in self.texts if any(fnmatchcase(posixpath.basename(path), p) for p in patterns)]
        for path in sorted(found, key=lambda path: (bool(_TEST.search(path)), path.count("/"), path)):
            yield path, self.texts[path]
