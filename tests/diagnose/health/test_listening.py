"""Where logs say that an application listens, and when that is loopback alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.diagnose.health.listening import listeners, loopback_listener, only_listener


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
        ("ready - started server on 0.0.0.0:3000, url: http://localhost:3000", "0.0.0.0", 3000),
        ("[2026-11-21 15:20:33 +0000] [1] [INFO] Running on http://0.0.0.0:8000 (CTRL + C to quit)", "0.0.0.0", 8000),
        (
            "2026-11-21T15:20:33.123Z  INFO 1 --- [    main] o.s.b.w.e.tomcat.TomcatWebServer  : "
            "Tomcat started on port 8080 (http)",
            "",
            8080,
        ),
        (
            '21-Nov-2026 15:20:33.1 INFO [main] o.a.c.Protocol.start Starting ProtocolHandler ["http-nio-8080"]',
            "",
            8080,
        ),
        ('{"level":30,"time":1732,"msg":"Server listening at http://0.0.0.0:8080"}', "0.0.0.0", 8080),
        ("2026/11/21 15:20:33 listening on :8080", "", 8080),
        ("listening on :::8080", "::", 8080),
        ("[GIN-debug] Listening and serving HTTP on :8080", "", 8080),
        ("⇨ http server started on [::]:1323", "[::]", 1323),
        ("      Now listening on: http://[::]:8080", "[::]", 8080),
        ("[Sat Nov 21 15:20:33 2026] PHP 8.2.1 Development Server (http://0.0.0.0:8000) started", "0.0.0.0", 8000),
        ("I, [2026-11-21T15:20:33.1 #1]  INFO -- : listening on addr=0.0.0.0:8080 fd=9", "0.0.0.0", 8080),
        ("Serving HTTP on 0.0.0.0 port 8000 (http://0.0.0.0:8000/) ...", "", 8000),
        (
            "2026-11-21 15:20:33,1 INFO  [io.quarkus] (main) web on JVM started in 1.2s. Listening on: http://0.0.0.0:8080",
            "0.0.0.0",
            8080,
        ),
        ("Server started, listening on port 8080", "", 8080),
    ],
)
def test_the_address_in_a_line_is_read(line: str, host: str, port: int) -> None:
    (found,) = listeners([line])
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    "line",
    [
        *("GET / 200", "connected to 10.0.0.3:5432", "took 8080 ms", "running migrations", "listening for jobs"),
        *("Server started at 15:20:33", "Server started at 10:30", "worker ready 2026-11-21T15:20:33Z"),
        "Connected to database server at db.internal:5432",
        "Worker ready, connected to redis://cache:6379",
        "INFO connecting: server at 10.0.0.4:5432",
        "metrics server listening on :9090",
        "[metrics] listening on :9090",
        '{"logger":"metrics","msg":"listening on :9090"}',
        *("Debugger listening on ws://127.0.0.1:9229/abc", "Admin listening on 127.0.0.1:9901"),
        *("gRPC server listening on :50051", "JMX: Listening on port 9010", "listening on 10 channels"),
    ],
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


def test_one_port_said_twice_is_the_port_and_two_ports_are_nobodys() -> None:
    again = only_listener(["listening on :8080", "App listening on port 8080!"])
    assert again is not None
    assert again.port == 8080
    assert only_listener(["listening on :3000", "listening on :3001"]) is None


@given(st.text(alphabet='[]() -:.0123456789ab{}"=', max_size=400))
def test_no_line_takes_more_than_one_look(text: str) -> None:
    assert all(0 < one.port < 65536 for one in listeners([text, f"listening on {text}"]))
