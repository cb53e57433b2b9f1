"""A build context's digest is of what decides the build, and what fills it is told by folders."""

from dataclasses import replace

import pytest

from expressway.image.context.values import BuildContext, ContextEntry, content_tag, context_digest, largest_entries

ENTRY = ContextEntry("app.py", "file", 0o644, 10, "c0ffee")
CONTEXT = BuildContext("/app", "Dockerfile", "FROM scratch", (ENTRY,))


def digest(context: BuildContext = CONTEXT, **settings: object) -> str:
    chosen = {"target": None, "args": {"A": "1", "B": "2"}, "platform": "linux/amd64", **settings}
    return context_digest(context, **chosen)  # type: ignore[arg-type]


def test_the_order_of_arguments_and_the_size_and_place_of_files_decide_nothing() -> None:
    assert digest(args={"B": "2", "A": "1"}) == digest()
    assert digest(replace(CONTEXT, root="/elsewhere", entries=(replace(ENTRY, size_bytes=11),))) == digest()


@pytest.mark.parametrize(
    "other",
    [
        {"target": "web"},
        {"args": {"A": "2", "B": "1"}},
        {"platform": "linux/arm64"},
        {"context": replace(CONTEXT, dockerfile="other")},
        {"context": replace(CONTEXT, entries=(replace(ENTRY, mode=0o755),))},
        {"context": replace(CONTEXT, entries=(replace(ENTRY, content="decade"),))},
        {"context": replace(CONTEXT, entries=(replace(ENTRY, path="b.py"),))},
        {"context": replace(CONTEXT, entries=(replace(ENTRY, kind="link"),))},
        {"context": replace(CONTEXT, entries=(ENTRY, replace(ENTRY, path="b.py")))},
    ],
)
def test_everything_that_decides_a_build_is_in_the_digest(other: dict[str, object]) -> None:
    assert digest(**other) != digest()  # type: ignore[arg-type]


def test_a_tag_is_the_beginning_of_the_digest() -> None:
    assert content_tag("0123456789abcdef" * 4) == "ctx-0123456789abcdef0123"


def test_what_fills_a_context_is_told_by_top_level_paths_the_largest_first() -> None:
    files = [("b", 3), ("a/x", 1), ("a/y/z", 2), ("c", 9), ("d", 4), ("e", 5), ("f", 6), ("g/x", 0)]
    assert largest_entries(files) == (("c", 9), ("f", 6), ("e", 5), ("d", 4), ("a/", 3))
    assert largest_entries(files, 7)[4:] == (("a/", 3), ("b", 3), ("g/", 0))
    assert largest_entries([]) == ()
