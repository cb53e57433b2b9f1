"""A build that fails for want of what was kept out says so; one that fails for another reason does not mislead."""

import pytest

from expressway.errors import ImageError
from expressway.image.context.excluded import with_excluded_files
from expressway.image.context.values import BuildContext

CONTEXT = BuildContext("/srv/app", "Dockerfile", "", (), (".aws/", ".env", "certs/a.pem"), ignore_file="D.dockerignore")


def failed(step: str, message: str = "The build failed.", code: str = "build_failed") -> ImageError:
    return ImageError(code, message, "the builder's hint", {"step": step})


@pytest.mark.parametrize(
    ("step", "message", "copied"),
    [
        ("Step 2/2 : COPY .env /", "x", [".env"]),
        ("[build 2/3] COPY ./.env .aws/config /app/", "x", [".aws/", ".env"]),
        ("[2/2] ADD --chown=1:1 certs/*.pem /", "x", ["certs/a.pem"]),
        ('Step 2/2 : COPY ["certs/a.pem", "/etc/"]', "x", ["certs/a.pem"]),
        ("Step 2/2 : COPY $FILE /", "COPY failed: stat .env: file does not exist", [".env"]),
        ("[other 5/9] RUN make", 'failed to compute cache key: "/.aws/config" not found: not found', [".aws/"]),
    ],
)
def test_what_a_failed_step_copies_is_named_with_the_line_that_includes_it(
    step: str, message: str, copied: list[str]
) -> None:
    error = with_excluded_files(failed(step, message), CONTEXT)
    assert error.details["excluded_but_copied"] == copied
    assert error.details["excluded_files"] == [".aws/", ".env", "certs/a.pem"]
    for path in copied:
        assert f"!{path.rstrip('/')}" in error.hint
    assert "D.dockerignore" in error.hint


@pytest.mark.parametrize(
    "step",
    ["Step 2/2 : RUN cat .env", "Step 2/2 : COPY app.py /", "[2/2] COPY --from=build .env /", "[2/2] COPY x .env", ""],
)
def test_a_build_that_fails_for_another_reason_keeps_its_hint_and_lists_what_was_left_out(step: str) -> None:
    error = with_excluded_files(failed(step), CONTEXT)
    assert error.hint == "the builder's hint"
    assert error.details == {"step": step, "excluded_files": [".aws/", ".env", "certs/a.pem"]}


def test_other_failures_and_builds_that_left_nothing_out_stay_as_they_are() -> None:
    other = failed("Step 1/1 : COPY .env /", code="disk_full")
    assert with_excluded_files(other, CONTEXT) is other
    complete = failed("Step 1/1 : COPY .env /")
    assert with_excluded_files(complete, BuildContext("/srv/app", "Dockerfile", "", ())) is complete
