"""Where an app answers: its port, the address it listens on, its health path; read from its sources."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from expressway.containerize.detect.framework import DetectedApp
from expressway.containerize.files import AppFiles
from expressway.core import linear_regex
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding

DEFAULT_PORT = 8080
_HEALTH_NAMES = re.compile(r"^/(?:api/)?(?:healthz?|health[-_]?check|_health|livez?|readyz?|ping|up|status)/?$")


@dataclass(frozen=True, slots=True)
class Listening:
    """Port and health path, and what is uncertain or wrong about them."""

    port: int
    health_path: str
    assumptions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def find_listening(app: DetectedApp, files: AppFiles, *, port: int | None) -> Listening:
    """Where the app will answer; `port` is the one that was asked for."""
    sources = tuple(files.sources(*app.language.sources))
    found, port_assumptions, findings = _port(app, sources, port)
    path, path_assumptions = _health_path(app, sources)
    return Listening(found, path, (*port_assumptions, *path_assumptions), (*findings, *_loopback(app, sources)))


def _port(
    app: DetectedApp, sources: tuple[tuple[str, str], ...], asked: int | None
) -> tuple[int, tuple[str, ...], tuple[Finding, ...]]:
    marks = app.framework.port
    if app.framework.listens == "command" or marks is None:
        return asked or DEFAULT_PORT, (), ()
    literal = next(_captured(sources, marks.literals), None)
    if any(linear_regex.search(marks.environment, text) for _, text in sources):
        return asked or DEFAULT_PORT, (), ()
    if literal is None:
        assumed = asked or marks.default
        return assumed, (f"No port was found in the source; {assumed} was assumed. Let the app read PORT.",), ()
    path, number = literal
    fixed = int(number)
    if asked is not None and asked != fixed:
        mismatch = make_finding(
            code="port_fixed_in_source",
            cause=f"The source listens on port {fixed}, whatever PORT says; {asked} was asked for.",
            remedy=f"Let the app read PORT, or ask for port {fixed}.",
            resource=path,
        )
        return asked, (), (mismatch,)
    return fixed, (f"The source listens on port {fixed}, whatever PORT says: the container does, too.",), ()


def _health_path(app: DetectedApp, sources: tuple[tuple[str, str], ...]) -> tuple[str, tuple[str, ...]]:
    health = app.framework.health
    by_dependency = next((path for name, path in health.dependencies.items() if name in app.dependencies), None)
    if by_dependency is not None:
        return by_dependency, ()
    routes = [f"/{route.lstrip('/')}" for _, route in _captured(sources, health.routes)]
    named = next((route for route in routes if _HEALTH_NAMES.match(route)), None)
    if named is not None:
        return named, ()
    if not health.routes or health.path in routes:
        return health.path, ()
    if health.without_root is not None:
        instead = f"{health.without_root} is asked instead."
        return health.without_root, (f"The source has no route / and none for health checks; {instead}",)
    assumption = (
        f"No route for health checks was found; {health.path} is asked and has to answer 200. A route of its own that "
        "asks no database is better."
    )
    return health.path, (assumption,)


def _loopback(app: DetectedApp, sources: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    pattern = app.framework.loopback
    path = next((path for path, text in sources if pattern and linear_regex.search(pattern, text)), None)
    if path is not None:
        yield make_finding(
            code="listens_on_loopback",
            cause="The source listens on 127.0.0.1: nothing outside the container, no load balancer, reaches it.",
            resource=path,
            confidence="medium",
        )


def _captured(sources: tuple[tuple[str, str], ...], patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path, text in sources:
        for pattern in patterns:
            for match in linear_regex.finditer(pattern, text):
                yield path, match[1]
