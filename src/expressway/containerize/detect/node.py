"""How a Node.js app is built and started: from the scripts of package.json, without npm between signals and app."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from expressway.containerize.detect.framework import DetectedApp, EntryPoint
from expressway.containerize.detect.manifests import json_object, section
from expressway.containerize.files import AppFiles
from expressway.core import linear_regex
from expressway.privacy.untrusted import named

_USUAL_FILES = (
    *("server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "app.mjs"),
    *("src/server.js", "src/index.js", "src/app.js", "src/main.js", "bin/www"),
)
_LONGEST_SCRIPT = 4_096
_SHELL = re.compile(r"[|;&<>`$()*]")
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=(.*)$")
_DEVELOPMENT = {"nodemon", "ts-node", "ts-node-dev", "tsx", "nest", "vite", "webpack-dev-server", "parcel", "next"}
_BUILT = re.compile(r"^(?:\./)?(dist|build|out|lib|\.output)/")
_EXIT_WHEN_TOLD = "--import=data:text/javascript,process.once('SIGTERM',()=>process.exit(0))"


def find_node_start(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """The start script in exec form, or the file that package.json or custom names."""
    package = json_object(files.text("package.json"))
    scripts = section(package, "scripts")
    command, environment, assumptions = _start(package, scripts, files)
    output = next((match[1] for word in command if (match := _BUILT.match(word))), None)
    builds = "build" in scripts and (output is not None or "typescript" in app.dependencies)
    reasons: tuple[str, ...] = ()
    if command[0] == "node" and not app.handles_stop(files):
        command = ("node", _EXIT_WHEN_TOLD, *command[1:])
        reasons = (
            "The source does not handle SIGTERM, which node ignores as a container's first process: the start command "
            "lets it end at once. Closing the server on SIGTERM instead lets requests finish.",
        )
    built = [f"COPY --from=build /app/{output or 'dist'} ./{output or 'dist'}"] if builds else []
    no_packages = not section(package, "dependencies") and not section(package, "optionalDependencies")
    return EntryPoint(
        command,
        {"copy_built": built, "empty_modules": ["RUN mkdir -p node_modules"] if no_packages else []},
        {name: value for name, value in environment.items() if name not in {"NODE_ENV", "PORT"}},
        builds=builds,
        assumptions=assumptions,
        reasons=reasons,
        keep=(output,) if output and not builds else (),
    )


def find_next(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """What `next build` made: a server of its own, files, or the whole folder."""
    public = ["COPY --from=build --chown=1000:1000 /app/public ./public"] if files.has_folder("public") else []
    return EntryPoint(app.framework.start, {"copy_public": public}, builds=True, assumptions=_kept_out(files))


def find_bundle(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """The folder that the build fills."""
    output = app.framework.output
    for pattern, regex in app.framework.output_patterns.items():
        for path in files.find(pattern):
            match = linear_regex.search(regex, files.text(path))
            output = match[1].strip("/") if match else output
    return EntryPoint((), {"output": output}, builds=True, assumptions=_kept_out(files))


def _start(
    package: Mapping[str, Any], scripts: Mapping[str, Any], files: AppFiles
) -> tuple[tuple[str, ...], Mapping[str, str], tuple[str, ...]]:
    name = next((name for name in ("start:prod", "start:production", "start") if name in scripts), None)
    if name is not None:
        script = str(scripts[name])
        parsed = _exec_form(script)
        if parsed is None:
            assumption = f'The script "{name}" needs a shell: npm runs it, and may not pass signals on.'
            return ("npm", "run", name), {}, (assumption,)
        command, environment = parsed
        tool = command[0].rpartition("/")[2]
        assumption = f'The script "{name}" starts {tool}, a tool for development.'
        return command, environment, (assumption,) if tool in _DEVELOPMENT else ()
    main = str(package.get("main") or "")
    file = main if main and files.has(main) else next((name for name in _USUAL_FILES if name in files.paths), None)
    if file is not None:
        return ("node", file), {}, (f"package.json has no start script; {named(file)} was assumed.",)
    return ("node", "index.js"), {}, ("No start script and no usual file was found; index.js was assumed.",)


def _exec_form(script: str) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """The words of a script and the variables set before them; None when it needs a shell."""
    if len(script) > _LONGEST_SCRIPT or _SHELL.search(script):
        return None
    try:
        words = shlex.split(script)
    except ValueError:
        return None
    environment: dict[str, str] = {}
    while words and (words[0] == "cross-env" or _ASSIGNMENT.match(words[0])):
        match = _ASSIGNMENT.match(words.pop(0))
        if match:
            environment[match[1]] = match[2]
    if not words or words[0] in {"npm", "pnpm", "yarn", "npx"}:
        return None
    if words[0] == "node" or "/" in words[0]:
        return tuple(words), environment
    return (f"node_modules/.bin/{words[0]}", *words[1:]), environment


def _kept_out(files: AppFiles) -> tuple[str, ...]:
    """Files that the build would read and that may hold secrets."""
    found = [name for name in (".env", ".env.production") if files.has(name)]
    if not found:
        return ()
    return (
        f"The build does not get {' and '.join(map(named, found))}, which may hold secrets. What holds only public "
        f"values can be taken back at the end of .dockerignore: {named(f'!{found[-1]}')}.",
    )
