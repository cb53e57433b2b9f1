"""Where logs say that an application listens, and when that is loopback alone."""

import pytest

from expressway.diagnosis.listening import listeners, loopback_listener


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("[2026-11-01 12:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:8000 (7)", "127.0.0.1", 8000),
        ("INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)", "0.0.0.0", 8080),
        (" * Running on http://127.0.0.1:5000", "127.0.0.1", 5000),
        ("Server listening on port 3000", "", 3000),
        ("Example app listening at http://localhost:3000", "localhost", 3000),
        ("Tomcat started on port(s): 8080 (http) with context path ''", "", 8080),
        ("* Listening on http://[::1]:9292", "[::1]", 9292),
        ("Starting server at 0.0.0.0:8000, listening on 0.0.0.0:8000", "0.0.0.0", 8000),
        ("  - Local:        http://localhost:3000", "localhost", 3000),
    ],
)
def test_the_address_in_a_line_is_read(line: str, host: str, port: int) -> None:
    (found,) = listeners([line])
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    "line", ["GET / 200", "connected to 10.0.0.3:5432", "took 8080 ms", "running migrations", "listening for jobs"]
)
def test_lines_about_something_else_name_no_listener(line: str) -> None:
    assert listeners([line]) == ()


def test_a_server_that_only_names_127_0_0_1_listens_on_loopback() -> None:
    found = loopback_listener(["booting", "[INFO] Listening at: http://127.0.0.1:8000 (7)"])
    assert found is not None
    assert (found.host, found.port) == ("127.0.0.1", 8000)


@pytest.mark.parametrize(
    "lines",
    [
        [
            " * Running on all addresses (0.0.0.0)",
            " * Running on http://127.0.0.1:5000",
            " * Running on http://172.17.0.2:5000",
        ],
        ["Example app listening at http://localhost:3000"],
        ["Listening at: http://0.0.0.0:8000"],
        ["listening on :::8080", "listening on 127.0.0.1:9000"],
        [],
    ],
)
def test_a_server_that_may_listen_on_other_interfaces_too_is_not_accused(lines: list[str]) -> None:
    assert loopback_listener(lines) is None
