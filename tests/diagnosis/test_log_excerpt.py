import pytest

from expressway.diagnosis.log_excerpt import LINE_LIMIT, listening_port, telling_line


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ("Traceback (most recent call last):", "    run()", "app.errors.ConfigError: DATABASE_URL is missing", ""),
            "app.errors.ConfigError: DATABASE_URL is missing",
        ),
        (
            ("node:internal/modules/cjs/loader:1080", "Error: Cannot find module 'express'", "    at Module._resolve"),
            "Error: Cannot find module 'express'",
        ),
        (
            ('Exception in thread "main" java.lang.IllegalStateException: no port', "\tat Main.main(Main.java:3)"),
            'Exception in thread "main" java.lang.IllegalStateException: no port',
        ),
        (
            ("panic: open /etc/app.toml: no such file", "goroutine 1 [running]:"),
            "panic: open /etc/app.toml: no such file",
        ),
        (("starting", "/bin/sh: serve: not found"), "/bin/sh: serve: not found"),
        (("could not bind: permission denied", "bye"), "could not bind: permission denied"),
        (
            (
                "Failed to find attribute 'application' in 'httpbin'.",
                "[2026-01-01 12:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)",
                "[2026-01-01 12:00:00 +0000] [1] [ERROR] Reason: App failed to load.",
            ),
            "Failed to find attribute 'application' in 'httpbin'.",
        ),
        (("2026-01-01T12:00:00.1Z ERROR no such table",), "no such table"),
        (("[1] [ERROR] no such table",), "no such table"),
        (("[ERROR]",), "[ERROR]"),
        (("one", "two"), "two"),
        ((), ""),
        (("", "  "), ""),
    ],
)
def test_the_line_that_names_the_failure_is_found(lines: tuple[str, ...], expected: str) -> None:
    assert telling_line(lines) == expected


def test_a_line_is_never_longer_than_the_limit() -> None:
    assert len(telling_line(("ValueError: " + "x" * 5000,))) == LINE_LIMIT


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("[INFO] Listening at: http://0.0.0.0:8000 (1)", 8000),
        ("Server listening on port 3000", 3000),
        ("Uvicorn running on http://127.0.0.1:9000 (Press CTRL+C to quit)", 9000),
        ("handled 404 requests", None),
    ],
)
def test_the_port_that_an_application_announces_is_read_from_its_log(line: str, port: int | None) -> None:
    assert listening_port((line,)) == port
