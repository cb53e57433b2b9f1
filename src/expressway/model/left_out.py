"""What Expressway kept out of a build although a COPY or ADD names it, and how to take it back."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from expressway.errors import ImageError
from expressway.model.build_context import BuildContext
from expressway.model.missing_files import LeftOutFiles
from expressway.model.quotation import named

_COPYING = re.compile(r"\b(?:COPY|ADD) (?P<flags>(?:--\S+ +)*)(?P<words>.+)")
# The classic builder's words, then BuildKit's.
_MISSED = re.compile(r'stat (?P<plain>[^\s:]+): (?:file does not exist|no such file)|"/(?P<quoted>[^"]+)":? not found')


def with_left_out(error: ImageError, context: BuildContext) -> ImageError:
    """The error of a failed build, with what was left out; where that made it fail, with how to include it.

    ``left_out`` in the details lists all of it, ``left_out_but_copied`` what the failed step copies,
    ``left_out_but_missed`` what its output says is missing.
    """
    if error.code != "build_failed" or not context.left_out:
        return error
    details = {**error.details, "left_out": [named(path) for path in context.left_out]}
    sources = tuple(_sources(str(error.details.get("step", "")), error.message))
    copied = [path for path in context.left_out if any(_names(source, path) for source in sources)]
    left_out = LeftOutFiles(context.left_out, context.ignore_file)
    missed = copied or left_out.missed_by(error.details.get("output", ()))
    if not missed:
        return ImageError(error.code, error.message, error.hint, details)
    why = "the Dockerfile copies it" if copied else "the step that failed says that it is missing"
    told = [named(path) for path in missed]
    hint = (
        f"Expressway kept {', '.join(told)} out of the build, since it may hold secrets or history, and {why}. "
        f"{left_out.remedy(missed)}"
    )
    kind = "left_out_but_copied" if copied else "left_out_but_missed"
    return ImageError(error.code, error.message, hint, {**details, kind: told})


def _sources(step: str, message: str) -> Iterator[str]:
    """What the failed step copies out of the context, and what the builder says it did not find there."""
    for found in _MISSED.finditer(message):
        yield _relative(found["plain"] or found["quoted"])
    copying = _COPYING.search(step)
    if copying is not None and "--from=" not in copying["flags"]:
        yield from (_relative(word) for word in _words(copying["words"])[:-1])


def _words(arguments: str) -> list[str]:
    if arguments.startswith("["):
        try:
            return [str(word) for word in json.loads(arguments)]
        except (ValueError, RecursionError):
            pass
    return arguments.split()


def _relative(path: str) -> str:
    return path.removeprefix("./").strip("/")


def _names(source: str, left_out: str) -> bool:
    """Whether `source` (with wildcards, which cross no slash) is the path `left_out`, or lies inside that folder."""
    parts, wanted = source.split("/"), left_out.rstrip("/").split("/")
    return len(parts) >= len(wanted) and all(fnmatchcase(part, pattern) for pattern, part in zip(parts, wanted))  # noqa: B905 - as far as `wanted` goes
