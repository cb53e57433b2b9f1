"""Writes the files of a detected app: Dockerfile, .dockerignore, nginx.conf where it serves files, expressway.yaml."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import yaml

from expressway.app.names import LONGEST_NAME
from expressway.containerize.detect.framework import DetectedApp, EntryPoint, detect_app
from expressway.containerize.detect.listening import Listening
from expressway.containerize.detect.registry_credentials import credential_files, sign_in_variables
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Conditional, Installer, Recipes, Slot, Variant, fill, fill_words
from expressway.core import linear_regex

_STATIC_TEMPLATES = {"bundle", "static"}
"""Of apps that are files in the end, which nginx serves."""


def _caching(app: DetectedApp, files: AppFiles) -> dict[str, Slot]:
    """How long browsers keep files; nothing is said where names do not tell contents apart."""
    hashed = app.framework.hashed
    if not hashed or files.has_folder(f"public{hashed.rstrip('/')}"):
        return {"revalidated": "", "hashed": ""}
    lines = (
        "",
        "        # Their names change with their content: a browser may keep them, and an old name is no page.",
        f"        location {hashed} {{",
        "            try_files $uri =404;",
        '            add_header Cache-Control "public, max-age=31536000, immutable";',
        "        }",
    )
    return {"revalidated": '            add_header Cache-Control "no-cache";', "hashed": lines}


_IGNORED_ALWAYS = (
    *(".git", ".gitignore", ".github", ".gitlab-ci.yml", ".vscode", ".idea", "**/.DS_Store"),
    *("Dockerfile*", ".dockerignore", "docker-compose*.y*ml", "compose*.y*ml", "expressway.y*ml"),
    *("**/.env", "**/.env.*", "**/*.pem", "**/*.key", "**/id_rsa*", "**/id_ed25519*", "**/.aws", "**/.ssh"),
)
_OPTIONAL_SLOTS: Mapping[str, Slot] = dict.fromkeys(
    ("tool", "build", "prepare", "copy_built", "copy_public", "copy_data", "vendor_stage"), ""
)
_NEVER_FOLDED = 10_000
_VARIABLE_TEXT = re.compile(r"^[A-Za-z0-9_./:@+-]+$")


def _dockerfile_of(
    app: DetectedApp, entry: EntryPoint, listening: Listening, *, files: AppFiles, recipes: Recipes
) -> str:
    slots = _slots(app, entry, listening, files)
    if app.language.images.get("assets"):
        slots |= _assets(files, recipes)
    stage = slots.get("vendor_stage") or ()
    filled = [] if isinstance(stage, str) else [(line, fill(line, slots).rstrip("\n")) for line in stage]
    slots["vendor_stage"] = [text for line, text in filled if text or not line]
    return fill(recipes.templates[f"{template_of(app, files)}.Dockerfile"], slots)


def template_of(app: DetectedApp, files: AppFiles) -> str:
    """The template of the first variant whose texts are there, else the framework's own."""
    return next((variant.template for variant in _variants(app, files)), app.framework.template)


def image_files_of(
    app: DetectedApp, entry: EntryPoint, listening: Listening, *, files: AppFiles, recipes: Recipes
) -> dict[str, str]:
    """Contents by path of what the image is built with: Dockerfile, and nginx.conf for an app that is files."""
    image_files = {"Dockerfile": _dockerfile_of(app, entry, listening, files=files, recipes=recipes)}
    template = template_of(app, files)
    if template in _STATIC_TEMPLATES:
        fallback = app.framework.fallback if template != "bundle" or app.key != "nextjs" else "$uri.html =404"
        slots: dict[str, Slot] = {"port": str(listening.port), "fallback": fallback, **_caching(app, files)}
        image_files["nginx.conf"] = fill(recipes.templates["nginx.conf"], slots)
    return image_files


def final_image_of(app: DetectedApp, files: AppFiles) -> str:
    """The image that the app runs in."""
    return app.language.images["web"] if template_of(app, files) == "bundle" else base_images_of(app)[1]


def general_ignore_file() -> str:
    """The .dockerignore for an app of which nothing is known."""
    return _ignore_file(_IGNORED_ALWAYS)


def _ignore_file(patterns: Iterable[str]) -> str:
    return "\n".join(("# What the image does not need, or must not hold.", *patterns)) + "\n"


def base_images_of(app: DetectedApp) -> tuple[str, str]:
    """The images that the app is built in and runs in."""
    images = app.language.images
    compiles = any(name in app.dependencies for name in app.language.compiled) and "compile" in images
    build = app.installer.build_image if app.installer and app.installer.build_image else images["build"]
    values = {"version": app.version, "installer_version": app.installer_version, "distribution": distribution_of(app)}
    pair = (images["compile"], images["compile"]) if compiles else (build, images["run"])
    build, run = fill_words(pair, values)
    return build, run


def distribution_of(app: DetectedApp) -> str:
    """The end of the tag of an image of the app's version, "" for languages whose images need none."""
    distributions = app.language.versions.distributions
    return distributions.get(app.version, distributions.get("", ""))


def ignore_file_of(app: DetectedApp, entry: EntryPoint, files: AppFiles) -> str:
    """The .dockerignore: what no image needs, and what may be secret."""
    needed = ["nginx.conf"] if template_of(app, files) in _STATIC_TEMPLATES else []
    patterns = dict.fromkeys((*_IGNORED_ALWAYS, *app.language.ignore, *entry.ignore))
    if template_of(app, files) == "static":
        patterns |= dict.fromkeys(("*.md", "**/.*", "!**/.well-known"))
    return _ignore_file(pattern for pattern in patterns if pattern not in {*needed, *entry.keep})


def definition_of(
    name: str, *, port: int, health_path: str, cpu: int | None = None, memory_mib: int | None = None
) -> str:
    """The definition of the app, valid as it is."""
    definition: dict[str, object] = {"name": name, "build": ".", "container_port": port}
    definition["health_check_path"] = health_path
    if cpu is not None and memory_mib is not None:
        definition |= {"cpu": cpu, "memory_mib": memory_mib}
    return yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=_NEVER_FOLDED)


def app_name_of(folder: str) -> str:
    """A name that the definition takes, made of the folder's."""
    words = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    named = words if words[:1].isalpha() else f"app-{words}"
    return named[:LONGEST_NAME].strip("-") or "app"


def _slots(app: DetectedApp, entry: EntryPoint, listening: Listening, files: AppFiles) -> dict[str, Slot]:
    build_image, run_image = base_images_of(app)
    place = {"port": str(listening.port), "path": listening.health_path}
    slots: dict[str, Slot] = {
        **_OPTIONAL_SLOTS,
        **place,
        "build_image": build_image,
        "run_image": run_image,
        "web_image": app.language.images.get("web", ""),
        "assets_image": app.language.images.get("assets", ""),
        "probe": _exec(fill_words(probe_of(app, files), place)),
        "start": _exec(fill_words(entry.command, place)),
        "environment": _environment({**app.framework.environment, **entry.environment}),
        "system": _one_run([*app.language.system, *app.framework.system, *_conditional(app, app.language.system_when)]),
        "prepare": [*app.framework.prepare, *_conditional(app, app.framework.prepare_when)],
        "output": next((each.output for each in _variants(app, files) if each.output), app.framework.output),
        **entry.slots,
    }
    if app.installer is not None:
        slots |= _installing(app, app.installer, entry, files)
    prepare = slots["prepare"]
    slots["prepare"] = _one_run([prepare] if isinstance(prepare, str) else prepare)
    return slots


def _one_run(lines: Iterable[str]) -> list[str]:
    """RUN lines that follow each other as one, since each would be a layer."""
    merged: list[str] = []
    for line in lines:
        if merged and line.startswith("RUN ") and merged[-1].startswith("RUN "):
            merged[-1] += f" \\\n    && {line.removeprefix('RUN ')}"
        elif line:
            merged.append(line)
    return merged


def probe_of(app: DetectedApp, files: AppFiles) -> Sequence[str]:
    """The words of the health check. What a bundle is built with is not in the image that serves it."""
    if template_of(app, files) == "bundle":
        return ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:$port$path")
    return app.language.probe


def _installing(app: DetectedApp, installer: Installer, entry: EntryPoint, files: AppFiles) -> dict[str, Slot]:
    values = {"installer_version": app.installer_version, "version": app.version}
    lines = installer.locked if app.locked or not installer.unlocked else installer.unlocked
    if entry.builds:
        every = installer.locked_all if app.locked else installer.unlocked_all
        lines = every or lines
    empty_variables = _empty_variables(installer, files)
    lines = [line.replace("RUN ", f"RUN {empty_variables}", 1) for line in lines]
    build = empty_variables + installer.run.replace("$script", "build")
    package = str(entry.slots.get("server_package", ""))
    empty = entry.slots.get("empty_modules", ())
    after = [] if isinstance(empty, str) or entry.builds else list(empty)
    added = fill_words((installer.add,), {"package": package}) if package else ()
    slots: dict[str, Slot] = {
        "tool": fill_words(installer.tool, values),
        "installer_environment": _environment(installer.environment),
        "copy_manifests": _copy_manifests(installer, files, leave_out=entry.ignore),
        "install": _one_run([*fill_words(lines, values), *after, *added]),
        # Some install as they build, and take an option for it.
        "locked": next((line for line in lines if not line.startswith("RUN ")), ""),
        "build_command": build,
        "prune": installer.prune,
        "package_command": installer.package,
        "artifacts": installer.artifacts,
        "copy_source": [f"COPY {folder}/ ./{folder}/" for folder in installer.source if files.has_folder(folder)],
    }
    if entry.builds:
        slots["build"] = _one_run(["COPY . .", f"RUN {build} && {installer.prune}", *empty])
    return slots


def _empty_variables(installer: Installer, files: AppFiles) -> str:
    """The start of a command whose settings name variables that the build lacks: an ENV would look like a secret."""
    names = sign_in_variables(files) if installer.language == "node" else ()
    return f"export {' '.join(f'{name}=' for name in names)} && " if names else ""


def _assets(files: AppFiles, recipes: Recipes) -> dict[str, Slot]:
    """How the scripts and styles of an app in another language are built with Node.js."""
    app = detect_app(files, recipes, "vite")
    entry = EntryPoint(builds=True, ignore=credential_files(files))
    installing = _installing(app, app.installer, entry, files) if app.installer else {}
    names = {"environment": "installer_environment", "tool": "tool", "manifests": "copy_manifests"}
    names |= {"install": "install", "build": "build_command"}
    return {f"assets_{name}": installing[slot] for name, slot in names.items()}


def _copy_manifests(installer: Installer, files: AppFiles, *, leave_out: Sequence[str]) -> list[str]:
    """COPY lines for the manifests that are there; the whole folder when a manifest installs the app itself."""
    source = installer.local_source
    if source and any(linear_regex.search(source, files.text(mark)) for mark in installer.marks):
        return ["COPY . ."]
    paths = (path for pattern in installer.manifests for path in sorted(files.find(pattern)))
    names = [path for path in paths if not any(fnmatchcase(path, pattern) for pattern in leave_out)]
    folders = [name for name in installer.manifests if files.has_folder(name)]
    lines = [f"COPY {' '.join(dict.fromkeys(names))} ./"] if names else []
    return lines + [f"COPY {folder}/ ./{folder}/" for folder in folders]


def _variants(app: DetectedApp, files: AppFiles) -> list[Variant]:
    variants = app.framework.variants
    return [each for each in variants if all(files.says(pattern, regex) for pattern, regex in each.texts.items())]


def _conditional(app: DetectedApp, conditions: Iterable[Conditional]) -> list[str]:
    met = (each for each in conditions if any(name in app.dependencies for name in each.dependencies))
    return [line for condition in met for line in condition.lines]


def _environment(variables: Mapping[str, str]) -> str:
    quoted = {name: value if _VARIABLE_TEXT.match(value) else json.dumps(value) for name, value in variables.items()}
    return f"ENV {' '.join(f'{name}={value}' for name, value in quoted.items())}" if quoted else ""


def _exec(words: Iterable[str]) -> str:
    return json.dumps(list(words))
