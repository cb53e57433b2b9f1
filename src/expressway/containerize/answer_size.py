"""The answer about a folder within a stated size: files whole or not at all, what else there is cut."""

from collections.abc import Mapping
from typing import Any, cast

from expressway.ecs_api.truncate import Omitted, cut_answer, json_bytes

ANSWER_BYTES = 24_000
"""Six thousand tokens or so; what containerizing an ordinary app tells takes a quarter of it."""
_FILES_BYTES, _DIFF_BYTES, _ROOM_FOR_NOTES = 12_000, 4_000, 1_200
_REST = "The linked resource has all of it; write (and overwrite, for the diff) puts it into the folder."
_MOST_ITEMS = 20


def within_size(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """`whole` (see `Containerization.to_dict`) in at most `ANSWER_BYTES` of JSON.

    A file or diff is shown whole or left out, since a part of one is of no use. ``cut`` names what is left out or
    shortened, and how to get it; without it nothing is.
    """
    if json_bytes(whole) <= ANSWER_BYTES:
        return whole
    files, omitted = _fitting(whole.get("files", {}))
    parts: dict[str, Any] = {"files": files} if files else {}
    diff = str(whole.get("diff", ""))
    if diff and json_bytes(diff) <= _DIFF_BYTES:
        parts["diff"] = diff
    elif diff:
        omitted.append(f"diff: {len(diff):,} characters")
    others = {name: part for name, part in whole.items() if name not in {"files", "diff"}}
    for name, part in others.items():
        if isinstance(part, list) and len(items := cast("list[Any]", part)) > _MOST_ITEMS:
            omitted.append(str(Omitted(name, _MOST_ITEMS, len(items))))
            others[name] = items[:_MOST_ITEMS]
    cut = cut_answer(others, max_bytes=ANSWER_BYTES - json_bytes(parts) - _ROOM_FOR_NOTES)
    note = {"omitted": [*omitted, *(str(one) for one in cut.omitted)], "rest": _REST}
    return {**cut.content, **parts, "cut": note}


def _fitting(files: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The files that fit, the shortest first, and what the others are called."""
    shown: dict[str, str] = {}
    omitted: list[str] = []
    for path, content in sorted(files.items(), key=lambda item: len(item[1])):
        if json_bytes({**shown, path: content}) <= _FILES_BYTES:
            shown[path] = content
        else:
            omitted.append(f"files: {path}, {len(content):,} characters")
    return {path: content for path, content in files.items() if path in shown}, omitted
