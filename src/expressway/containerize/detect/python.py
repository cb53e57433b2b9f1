"""Where a Python app's callable is, and which server runs it."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from expressway.containerize.detect.framework import DetectedApp, EntryPoint
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Server
from expressway.core import linear_regex
from expressway.privacy.untrusted import named

_USUAL_NAMES = ("app.py", "main.py", "wsgi.py", "asgi.py", "application.py", "server.py", "__init__.py", "api.py")
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*,\s*[\"']([\w.]+)[\"']")
_STATIC_ROOT = re.compile(r"(?m)^[ \t]*STATIC_ROOT[ \t]*=")
_DEMANDS_VARIABLE = re.compile(r"os\.environ\[")
_SOURCE_FOLDER = "src"


@dataclass(frozen=True, slots=True)
class _Callable:
    file: str
    name: str
    is_factory: bool

    @property
    def target(self) -> str:
        path = self.file.removeprefix(f"{_SOURCE_FOLDER}/").removesuffix(".py").removesuffix("/__init__")
        return f"{path.replace('/', '.')}:{self.name}"


def find_python_app(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """The callable that the framework's patterns find, the most usual place first."""
    found = sorted(_callables(app, files), key=lambda each: (each.is_factory, *_place(each.file)))
    assumptions: list[str] = []
    if not found:
        usual = next((name for name in _USUAL_NAMES if files.has(name)), "app.py")
        found = [_Callable(usual, "app", False)]
        assumptions.append(
            f"No {app.framework.title} application was found in the source; {named(found[0].target)} was assumed. "
            "Correct the last line of the Dockerfile."
        )
    chosen = found[0]
    others = sorted({each.file for each in found if each.is_factory == chosen.is_factory} - {chosen.file})
    if others:
        listed = ", ".join(map(named, others[:3]))
        assumptions.append(f"{named(chosen.target)} was taken for the application; {listed} has one, too.")
    return _served(app, chosen, tuple(assumptions))


def find_django(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """The WSGI application of the project that manage.py names, and whether static files can be collected."""
    match = _SETTINGS.search(files.text("manage.py"))
    settings = match[1] if match else ""
    listed = [path for path, _ in files.sources("wsgi.py")]
    package = settings.split(".")[0] if settings else posixpath.dirname(listed[0]) if listed else files.name
    assumptions: list[str] = []
    if not any(path == f"{package}/wsgi.py" for path in listed):
        assumptions.append(f"{named(package)}/wsgi.py was not found; {named(package)}.wsgi:application was assumed.")
    served = _served(app, _Callable(f"{package}/wsgi.py", "application", False), tuple(assumptions))
    texts = [text for path, text in files.texts.items() if path.startswith(package) and "settings" in path]
    if not any(_STATIC_ROOT.search(text) for text in texts):
        return served
    if any(_DEMANDS_VARIABLE.search(text) for text in texts):
        assumption = (
            "Static files are not collected in the build, because the settings demand environment variables; "
            "give those defaults, or run collectstatic before."
        )
        return replace(served, assumptions=(*served.assumptions, assumption))
    return replace(served, slots={**served.slots, "prepare": ["RUN python manage.py collectstatic --noinput"]})


def _callables(app: DetectedApp, files: AppFiles) -> Iterator[_Callable]:
    for path, text in files.sources("*.py"):
        for patterns, is_factory in ((app.framework.app_patterns, False), (app.framework.factory_patterns, True)):
            for pattern in patterns:
                yield from (_Callable(path, match[1], is_factory) for match in linear_regex.finditer(pattern, text))


def _place(path: str) -> tuple[int, int, str]:
    name = posixpath.basename(path)
    usual = _USUAL_NAMES.index(name) if name in _USUAL_NAMES else len(_USUAL_NAMES)
    in_tests = 100 if re.search(r"(?:^|/)(?:tests?|examples?|docs)/|(?:^|/)test_", path) else 0
    return in_tests + path.count("/"), usual, path


def _served(app: DetectedApp, chosen: _Callable, assumptions: tuple[str, ...]) -> EntryPoint:
    server, package, server_assumptions = _server(app)
    target = chosen.target
    options: tuple[str, ...] = ()
    if chosen.is_factory:
        options = (server.factory,) if server.factory else ()
        target = target if server.factory else f"{target}()"
    command = tuple(word.replace("$app", target) for word in server.command)
    in_source = chosen.file.startswith(f"{_SOURCE_FOLDER}/")
    return EntryPoint(
        (command[0], *options, *command[1:]),
        {"server_package": package},
        {"PYTHONPATH": f"/app/{_SOURCE_FOLDER}"} if in_source else {},
        assumptions=(*assumptions, *server_assumptions),
    )


def _server(app: DetectedApp) -> tuple[Server, str, tuple[str, ...]]:
    """The server to start, the requirement to install for it ("" when it is installed), assumptions."""
    framework = app.framework
    installed = next((server for server in framework.servers if server.dependency in app.dependencies), None)
    if installed is not None:
        return installed, "", ()
    included = framework.server_included
    if included is not None and f"{included.package}[{included.extra}]" in app.dependencies:
        return framework.servers[0], "", ()
    package = framework.server_package or ""
    assumption = (
        f"The app names no server among its dependencies; the Dockerfile adds {package}. Name it there instead."
    )
    return framework.servers[0], package, (assumption,)
