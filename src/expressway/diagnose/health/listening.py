"""Where an application says it listens for HTTP: addresses and ports in the lines of its log.

Only what a server says of itself counts: the words of well-known servers, and plain sentences whose subject is the
application. Times, clients' connections, debuggers, metrics and other side doors name ports too, and tell nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_IP = r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]*\]|\*|::1?|localhost"
_END = r"(?![\w:]|\.\d)"
_ADDRESS = (
    rf"(?:(?:https?|tcp)://(?P<host>{_IP}|[\w.-]+):(?P<port>\d{{2,5}}){_END}|(?P<bare>{_IP}|):(?P<at>\d{{2,5}}){_END})"
)
_PORT = rf"port(?:s|\(s\))?[ :=]{{1,3}}(?P<number>\d{{2,5}}){_END}"
_SUBJECT = (
    r"(?:(?:the|my|our|your|example|sample|demo|express|fastify|koa|hapi|nest|node(?:\.?js)?|next(?:\.?js)?|flask|gin|"
    r"http|https|http/1\.1|web|api|rest|graphql|development|production|backend|frontend|main)\s+)*"
    r"(?:server|app|application|service|api|backend|frontend|express|website|site)"
)
_STARTED = (
    r"(?:is\s+|has\s+|was\s+)?(?:now\s+|up\s+and\s+)?(?:listening|running|started|serving|ready|up|live|available)"
)
_LISTENS = r"(?:is\s+)?(?:now\s+)?(?:listening|serving)(?:\s+for\s+(?:http\s+)?(?:requests|connections))?"

_SERVERS: tuple[tuple[str, str], ...] = (
    ("gunicorn, granian", rf"Listening at: {_ADDRESS}"),
    ("uvicorn", rf"Uvicorn running on {_ADDRESS}"),
    ("werkzeug, hypercorn, aiohttp", rf"Running on {_ADDRESS}"),
    ("daphne", rf"Listening on TCP address {_ADDRESS}"),
    ("waitress, cherrypy", rf"Serving on {_ADDRESS}"),
    ("http.server", rf"Serving HTTP on (?:{_IP}) {_PORT}"),
    ("django's runserver", rf"Starting (?:development |http |web )*server (?:at|on) {_ADDRESS}"),
    ("sanic", rf"Goin' Fast @ {_ADDRESS}"),
    ("uwsgi", rf"uWSGI http bound on {_ADDRESS}"),
    ("streamlit, next, vite", rf"(?:Local|Local URL|URL):\s+{_ADDRESS}"),
    ("next", rf"started server on {_ADDRESS}"),
    ("next", rf"Ready on {_ADDRESS}"),
    ("serve", rf"Accepting connections at {_ADDRESS}"),
    ("gin", rf"Listening and serving HTTPS? on {_ADDRESS}"),
    ("echo", rf"https? server started on {_ADDRESS}"),
    ("fiber", rf"bound on host (?:{_IP}) and {_PORT}"),
    ("unicorn", rf"listening on addr={_ADDRESS}"),
    ("webrick", rf"WEBrick::HTTPServer#start: pid=\d+ {_PORT}"),
    ("spring: tomcat, netty, jetty, undertow", rf"(?:Tomcat|Netty|Jetty|Undertow) started on {_PORT}"),
    ("tomcat", r"Starting ProtocolHandler \[\"https?-\w+-(?P<number>\d{2,5})\"\]"),
    ("jetty", rf"Started \w*ServerConnector@.*\{{HTTP/1\.1.*\}}\{{{_ADDRESS}\}}"),
    ("micronaut", rf"Server Running: {_ADDRESS}"),
    ("ktor", rf"Responding at {_ADDRESS}"),
    ("php -S", rf"(?:PHP \d[\w.~+-]* )?Development Server \({_ADDRESS}\) started"),
    ("laravel", rf"Server running on \[{_ADDRESS}"),
    ("quarkus", rf".{{0,120}}? started in [\d.]+m?s\. Listening on: {_ADDRESS}"),
    ("kestrel", rf"Now listening on: {_ADDRESS}"),
    ("actix", rf"starting service: \"actix-web-service[^\"]*\".*listening on: {_ADDRESS}"),
    ("rocket", rf"Rocket has launched from {_ADDRESS}"),
    ("puma, quarkus, nitro, thin, plain words", rf"{_LISTENS} (?:on|at):? (?:{_ADDRESS}|{_PORT})"),
    ("plain words", rf"{_LISTENS} on (?P<number>80|443|\d{{4,5}})\W*$"),
    ("plain words", rf"running (?:on|at) (?:{_ADDRESS}|{_PORT})"),
    (
        "plain words with a subject",
        rf"{_SUBJECT}\s+{_STARTED}(?:,?(?:\s+and)?\s+listening)?\s+(?:on|at):? (?:{_ADDRESS}|{_PORT})",
    ),
    ("plain words with a subject", rf"{_SUBJECT}\s+{_LISTENS} on (?P<number>80|443|\d{{4,5}})\W*$"),
)
"""Who says it, and how; read from the beginning of what a line says, without its time, level and marks."""
_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE) for _, pattern in _SERVERS)
_BEFORE = re.compile(
    r"(?>\[[^\]]{0,80}\]|\d[\d:.,/TZ+-]*|(?:trace|debug|info|notice|warn|warning|log|stdout|ready(?= +-))\b|"
    r"[IDWN](?=,)|\([^)]{0,120}\)|-- :|\W)*",
    re.IGNORECASE,
)
"""Time stamps, process ids, levels, bullets and pictures before what a line says."""
_LOGGER = re.compile(r".{0,200}?(?:-{1,3} \[[^\]]{0,200}\]|\[[\w-]{1,60}\]) [\w.$\[\]/-]{1,120}\s*:? ")
"""Java's loggers between level and sentence: ``1 --- [main] o.s.b.w.e.tomcat.TomcatWebServer  : ``."""
_MESSAGE = re.compile(r"\b(?:msg|message)\"?\s*[:=]\s*\"(?P<said>(?:[^\"\\]|\\.){1,500})\"", re.IGNORECASE)
_SIDE_DOOR = re.compile(
    r"\b(?:metrics|prometheus|statsd|otel|opentelemetry|debugger|inspector|pprof|profil|jmx|jdwp|admin|management|"
    r"actuator|grpc|redis|postgres|mysql|mongo|kafka|amqp|smtp|wss?://)",
    re.IGNORECASE,
)
"""What else a process listens for, or is connected to."""
_ANY_INTERFACE = re.compile(r"all (?:addresses|interfaces)|0\.0\.0\.0|\[::\]|(?<![\w:]):::\d", re.IGNORECASE)
_LINE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that a log line names; `host` is empty where the line names only a port."""

    port: int
    host: str
    line: str

    @property
    def is_loopback(self) -> bool:
        """Reachable only from inside its own container."""
        return self.host.startswith("127.") or self.host in {"localhost", "[::1]", "::1"}


def listeners(lines: Sequence[str]) -> tuple[Listener, ...]:
    """Every address at which the lines say the application listens for HTTP, the last line last."""
    return tuple(found for line in lines if (found := _listener(line)) is not None)


def only_listener(lines: Sequence[str]) -> Listener | None:
    """The last listener of an application that names only one port; None where it names several."""
    found = listeners(lines)
    return found[-1] if len({one.port for one in found}) == 1 else None


def loopback_listener(lines: Sequence[str]) -> Listener | None:
    """The listener of an application that only listens on loopback.

    None when any line names another interface: servers that listen on all of them often print one line for each.
    The word ``localhost`` alone does not count: many servers print it while they listen everywhere.
    """
    found = listeners(lines)
    if any(_ANY_INTERFACE.search(line) for line in lines):
        return None
    if any(one.host and not one.is_loopback for one in found):
        return None
    return next((one for one in reversed(found) if one.is_loopback and one.host != "localhost"), None)


def _listener(line: str) -> Listener | None:
    if _SIDE_DOOR.search(line):
        return None
    for said in _sentences(line[:_LINE_LIMIT]):
        match = next((found for pattern in _PATTERNS if (found := pattern.match(said))), None)
        if match is not None:
            named = {name: value for name, value in match.groupdict().items() if value is not None}
            port = int(named.get("port") or named.get("at") or named["number"])
            host = named.get("host") or named.get("bare") or ""
            return Listener(port, host.lower(), line) if 0 < port < 65536 else None
    return None


def _sentences(line: str) -> tuple[str, ...]:
    """What a line may say: all of it, what follows its logger's name, or its message where it is structured."""
    message = _MESSAGE.search(line)
    if message is not None:
        return (_bare(message["said"]),)
    logger = _LOGGER.match(line)
    return (_bare(line), _bare(line[logger.end() :])) if logger is not None else (_bare(line),)


def _bare(text: str) -> str:
    before = _BEFORE.match(text)
    return text[before.end() :] if before is not None else text
