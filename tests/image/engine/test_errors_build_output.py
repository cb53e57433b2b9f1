"""The first line that names an error is the cause of a failed build; what repeats it comes after."""

import pytest

from expressway.image.engine.errors import first_cause, telling_part

OUTPUTS = [
    (
        "npm",
        [
            "npm error code ETARGET",
            "npm error notarget No matching version",
            "npm error A complete log of this run",
        ],
        1,
    ),
    ("npm 8", ["npm ERR! code E404", "npm ERR! 404 Not Found - GET https://registry/x", "npm ERR! A complete log"], 1),
    (
        "yarn",
        ["$ tsc", "src/a.ts(1,2): error TS2304: Cannot find 'x'.", "error Command failed with exit code 2."],
        1,
    ),
    ("pip", ["Collecting x", "ERROR: Could not find a version that satisfies x", "ERROR: No matching distribution"], 1),
    ("apt", ["Reading package lists...", "E: Unable to locate package libfoo", "E: Unable to locate package bar"], 1),
    ("go", ["# app", "./main.go:5:2: undefined: x", "note: module requires Go 1.30"], 1),
    ("cargo", ["Compiling app", "error[E0425]: cannot find value `x`", "error: could not compile `app`"], 1),
    ("maven", ["[INFO] Building", "[ERROR] COMPILATION ERROR :", "[ERROR] /src/A.java:[1,2] ';' expected"], 1),
    ("python", ["Traceback (most recent call last):", '  File "a.py"', "KeyError: 'DATABASE_URL'", "retrying"], 2),
    ("shell", ["/bin/sh: 1: maek: not found"], 0),
    ("make", ["cc -c a.c", "a.c:3:5: error: unknown type name", "make: *** [a.o] Error 1"], 1),
    ("bundler", ["Fetching x", "An error occurred while installing x (1.0), and Bundler cannot continue."], 1),
    ("webpack", ["Module not found: Error: Can't resolve './x'", "webpack compiled with 1 error"], 0),
    ("nothing", ["compiling", "0 errors, 3 warnings", "done"], None),
    ("errors in names", ["copying error_pages/404.html", "installed http-errors 2.0"], None),
]


@pytest.mark.parametrize(
    ("lines", "place"), [(lines, place) for _, lines, place in OUTPUTS], ids=[o[0] for o in OUTPUTS]
)
def test_the_first_cause_is_found(lines: list[str], place: int | None) -> None:
    assert first_cause(lines) == place


def test_the_cause_is_shown_with_the_end_and_what_lies_between_is_left_out() -> None:
    lines = [*(f"step {number}" for number in range(100)), "error: the cause", *(f"noise {n}" for n in range(200))]
    shown = telling_part(lines)
    assert "error: the cause" in shown
    assert shown[-1] == "noise 199"
    assert "…" in shown
    assert len(shown) < 40
    assert telling_part(["a", "b"]) == ("a", "b")
    assert telling_part(["error: x", "b"]) == ("error: x", "b")
    assert telling_part([]) == ()
