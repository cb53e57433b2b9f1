import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.diagnose.log_lines import LINE_LIMIT, NOT_STARTED, excerpt, telling_line


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
        (
            ("cannot open the queue", '10.0.0.1 "GET /denied HTTP/1.1" 200', "worker retry-failed is up"),
            "cannot open the queue",
        ),
        *(
            ((line, "shutting down"), line)
            for line in (
                "pool-1/ERROR Could not connect to the database",
                "connect failed/timed out",
                "connection refused/timeout",
                "http-error: upstream is gone",
                "FATAL-ERROR: will not start",
                "2024 app/Error: boom",
            )
        ),
        (
            ("httpd: unrecognized option '--nope'", "Usage: httpd [-f]", "-e STRING\tHTML encode STRING"),
            "httpd: unrecognized option '--nope'",
        ),
        (
            ("flag provided but not defined: -nope", "Usage of /app:", "-addr string"),
            "flag provided but not defined: -nope",
        ),
        (("app: option requires an argument -- 'p'", "Usage: app"), "app: option requires an argument -- 'p'"),
        (("Usage: x", "Error: No such option: --nope", "Try --help"), "Error: No such option: --nope"),
        (
            (
                "Unhandled exception. System.ArgumentException: no 'Db'",
                "at Program.<Main>$(String[] args) in /src/P.cs:line 5",
            ),
            "Unhandled exception. System.ArgumentException: no 'Db'",
        ),
        (
            (
                "Unhandled exception. System.TypeInitializationException: of 'Program'",
                "---> System.ArgumentException: no 'Db'",
                "at Program.<Main>$(String[] args) in /src/P.cs:line 5",
                "--- End of inner exception stack trace ---",
                "at System.RuntimeMethodHandle.Invoke()",
            ),
            "---> System.ArgumentException: no 'Db'",
        ),
        (("it went wrong", "at Program.Main() in /src/P.cs:line 5"), "it went wrong"),
        (("one", "two"), "two"),
        ((), ""),
        (("", "  "), ""),
    ],
)
def test_the_line_that_names_the_failure_is_found(lines: tuple[str, ...], expected: str) -> None:
    assert telling_line(lines) == expected


PYTHON = (
    "Traceback (most recent call last):",
    '  File "/app/app.py", line 71, in <module>',
    '    logging.basicConfig(level=os.environ["LOG_LEVEL"])',
    '  File "/usr/lib/python3.11/logging/__init__.py", line 1464, in setLevel',
    "    self.level = _checkLevel(level)",
    "                 ^^^^^^^^^^^^^^^^^^",
    '  File "/usr/lib/python3.11/logging/__init__.py", line 207, in _checkLevel',
    '    raise ValueError("Unknown level: %r" % level)',
    "ValueError: Unknown level: 'LOUD'",
)
NODE = (
    "/app/server.js:3",
    "throw new Error('no port');",
    "^",
    "",
    "Error: no port",
    "    at Object.<anonymous> (/app/server.js:3:7)",
    "    at Module._compile (node:internal/modules/cjs/loader:1554:14)",
    "    at next (/app/node_modules/express/lib/router/index.js:1:2)",
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            PYTHON,
            (
                "ValueError: Unknown level: 'LOUD'",
                'File "/app/app.py", line 71, in <module>',
                'logging.basicConfig(level=os.environ["LOG_LEVEL"])',
            ),
        ),
        (
            (PYTHON[0], '  File "/app/app.py", line 80, in <module>', "    main()", *PYTHON[1:]),
            (PYTHON[-1], PYTHON[1].strip(), PYTHON[2].strip()),
        ),
        (
            NODE,
            (
                "Error: no port",
                "/app/server.js:3",
                "throw new Error('no port');",
                "at Object.<anonymous> (/app/server.js:3:7)",
            ),
        ),
        (("one", "two", "three", "four", "five: not found"), ("five: not found", "two", "three", "four")),
        (("again", "again", "KeyError: 'A'", "KeyError: 'A'"), ("KeyError: 'A'", "again")),
        (("---",), ("---",)),
        ((), ()),
    ],
)
def test_beside_the_telling_line_stands_only_what_adds_something(
    lines: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert excerpt(lines) == expected


@given(st.lists(st.text(max_size=400), max_size=12))
def test_an_excerpt_is_short_and_says_nothing_twice(lines: list[str]) -> None:
    shown = excerpt(lines)
    assert len(shown) <= 4
    assert len(set(shown)) == len(shown)
    assert all(0 < len(line) <= LINE_LIMIT for line in shown)
    assert shown[:1] == ((telling_line(lines),) if telling_line(lines) else ())


def test_a_line_is_never_longer_than_the_limit() -> None:
    assert len(telling_line(("ValueError: " + "x" * 5000,))) == LINE_LIMIT


@pytest.mark.parametrize("run", ["/:", "/sh: ", ".", "error-", "option "])
def test_a_line_of_200_000_characters_is_read_as_any_other(run: str) -> None:
    long = run * (200_000 // len(run))
    assert not NOT_STARTED.search(long)
    assert telling_line((long, "bye")) in {long.strip()[:LINE_LIMIT], "bye"}


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("exec /entry.sh: no such file or directory", True),
        ("exec ./start: exec format error", True),
        ('exec "/app/run": exec format error', True),
        ("standard_init_linux.go:228: exec user process caused: no such file or directory", True),
        ("exec failed: no such file or directory", False),
        ("exec backup: no such file or directory", False),
        ("exec failed: exec format error", False),
        (f"exec /{'x' * LINE_LIMIT}: exec format error", False),
    ],
)
def test_a_program_that_cannot_start_is_named_by_its_path_in_a_short_line(line: str, is_one: bool) -> None:
    assert bool(NOT_STARTED.search(line)) is is_one
