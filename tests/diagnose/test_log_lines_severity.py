"""How grave a line is, and which errors are the same."""

import pytest

from expressway.diagnose.log_lines import patterns_of, severity_of


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2026-11-01 12:00:00 ERROR app: it broke", "ERROR"),
        ('{"level":"error","msg":"it broke"}', "ERROR"),
        ("[WARN] slow query", "WARN"),
        ("[INFO] 0 errors found, failed=0", "INFO"),
        ("INFO handled request that failed upstream", "INFO"),
        ("ValueError: bad", "ERROR"),
        ("Traceback (most recent call last):", "ERROR"),
        ("finished without errors", "INFO"),
        ("DeprecationWarning: deprecated call", "WARN"),
        ("GET /errors 200", "INFO"),
        ("GET /error 200", "INFO"),
        ("GET /payments/failed 200", "INFO"),
        ("started worker retry-failed", "INFO"),
        ("GET https://shop.example/api/error 200", "INFO"),
        ("[GET /payments/error] 200", "INFO"),
        ('{"path":"/error","status":200}', "INFO"),
        ("started with --on-error restart", "INFO"),
        ("[12:00:00] [main/ERROR]: Could not connect to the database", "ERROR"),
        ("[12:00:00] [http-nio-8080/FATAL] no datasource", "ERROR"),
        ("[12:00:00] [my-worker/INFO]: no error", "INFO"),
        ("[12:00:00] [my-worker/WARN]: an error came once", "WARN"),
        ("pool-1/WARN disk nearly full", "WARN"),
        ("connect failed/timed out", "ERROR"),
        ("FATAL-ERROR: cannot start", "ERROR"),
        ("http-error: upstream is gone", "ERROR"),
        ("app/Error: boom", "ERROR"),
        ("kernel: error-42 disk", "ERROR"),
        ("net/http: TLS handshake error", "ERROR"),
        ("requests.exceptions.ConnectionError: refused", "ERROR"),
    ],
)
def test_the_level_or_else_the_words_decide(line: str, severity: str) -> None:
    assert severity_of(line) == severity


def test_lines_that_differ_in_numbers_and_ids_are_one_pattern() -> None:
    lines = ["ERROR order 17 at 0xdeadbeef", "ERROR order 18 at 0xcafe", "ERROR other"]
    assert patterns_of(lines) == [("ERROR order 17 at 0xdeadbeef", 2), ("ERROR other", 1)]


@pytest.mark.parametrize("run", [".", "a.", "/:", "a-", "-", "error-"])
def test_a_line_of_a_million_characters_is_read_as_any_other(run: str) -> None:
    assert severity_of(run * (1_000_000 // len(run))) == severity_of(run * 4)
