"""How an app starts, for each kind of entry that the frameworks' data name."""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from expressway.containerize.detect.framework import DetectedApp, EntryPoint
from expressway.containerize.detect.manifests import json_object, section, sections, toml_table
from expressway.containerize.detect.node import find_bundle, find_next, find_node_start
from expressway.containerize.detect.python import find_django, find_python_app
from expressway.containerize.detect.registry_credentials import credential_files, credential_findings, sign_in_variables
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Entry
from expressway.privacy.untrusted import named

_DATA_FOLDERS = ("templates", "views", "static", "public", "assets", "migrations", "web", "config")
_CARGO_TARGETS = {"bin": "src/bin", "bench": "benches", "example": "examples", "test": "tests"}
_CARGO_PROGRAM = re.compile(r"src/bin/(?:(\w[\w-]*)\.rs|(\w[\w-]*)/main\.rs)$")
_MAIN = re.compile(r"(?m)^package main\b")
_RUST_STOP_WRAPPER = (
    "/usr/local/bin/app & app=$$!; trap 'kill -TERM $$app' TERM INT; wait $$app; trap - TERM INT; wait $$app"
)


def find_entry_point(app: DetectedApp, files: AppFiles) -> EntryPoint:
    """What the framework's kind of entry finds; files that hold credentials for a registry stay out of the build."""
    entry = _FINDERS[app.framework.entry](app, files)
    variables = sign_in_variables(files) if app.installer and app.installer.language == "node" else ()
    listed = ", ".join(map(named, variables))
    public_packages = (f"The build does not get {listed}: every package was assumed to be public.",) if listed else ()
    return replace(
        entry,
        assumptions=(*entry.assumptions, *public_packages),
        findings=(*entry.findings, *credential_findings(files)),
        ignore=(*entry.ignore, *credential_files(files)),
    )


def _static_folder(_: DetectedApp, files: AppFiles) -> EntryPoint:
    folder = "." if files.has("index.html") else "public"
    if folder != ".":
        return EntryPoint(slots={"folder": f"{folder}/", "hide_configuration": []})
    # The whole folder contains nginx.conf as well, which is not to be served.
    slots = {"folder": ".", "hide_configuration": ["RUN rm /usr/share/nginx/html/nginx.conf"]}
    assumption = "All files of the folder are served, but for those that .dockerignore names."
    return EntryPoint(slots=slots, assumptions=(assumption,))


def _go_main(_: DetectedApp, files: AppFiles) -> EntryPoint:
    if any(_MAIN.search(files.text(path)) for path in files.find("*.go")):
        return EntryPoint(slots={"package": ".", "copy_data": _data_folders(files)})
    programs = [path for path, text in files.sources("*.go") if _MAIN.search(text) and not path.endswith("_test.go")]
    folders = sorted({posixpath.dirname(path) for path in programs})
    module = re.search(r"(?m)^module\s+(\S+)", files.text("go.mod"))
    own = posixpath.basename(module[1]) if module else ""
    chosen = next((folder for folder in folders if posixpath.basename(folder) in {own, "server", "api", "web"}), None)
    chosen = chosen or next(iter(folders), "cmd/app")
    assumption = "" if folders else "No package main was found; ./cmd/app was assumed."
    if len(folders) > 1:
        listed = ", ".join(map(named, folders))
        assumption = f"Programs are in {listed}; {named(chosen)} was taken for the one that serves."
    slots = {"package": f"./{chosen}", "copy_data": _data_folders(files)}
    return EntryPoint(slots=slots, assumptions=(assumption,) if assumption else ())


def _cargo(app: DetectedApp, files: AppFiles) -> EntryPoint:
    manifest = toml_table(files.text("Cargo.toml"))
    binaries = sections(manifest, "bin") or ("bin" not in manifest and _cargo_programs(files)) or ()
    package = section(manifest, "package")
    name = str(package.get("default-run") or (binaries and binaries[0].get("name")) or package.get("name", "app"))
    assumption = f"Cargo.toml has several programs; {named(name)} was taken for the one that serves."
    handles = app.handles_stop(files)
    # A first process without a handler ignores SIGTERM, and is killed half a minute later.
    sources = _cargo_targets(manifest, files)
    command = ("/usr/local/bin/app",) if handles else ("bash", "-c", _RUST_STOP_WRAPPER)
    reasons = () if handles else ("The source does not handle SIGTERM: a shell passes it on, so that a stop is quick.",)
    slots = {
        "binary": name,
        "source_files": " ".join(sources),
        "empty_programs": " \\\n    && ".join(f"echo 'fn main() {{}}' > {path}" for path in sources),
        "source_folders": " ".join(dict.fromkeys(posixpath.dirname(path) or "." for path in sources)),
        "copy_data": _data_folders(files),
    }
    return EntryPoint(command, slots, assumptions=(assumption,) if len(binaries) > 1 else (), reasons=reasons)


def _cargo_programs(files: AppFiles) -> tuple[Mapping[str, str], ...]:
    """What Cargo takes for programs where neither Cargo.toml names one nor src/main.rs is there."""
    if "src/main.rs" in files.paths:
        return ()
    found = [_CARGO_PROGRAM.match(path) for path in files.paths]
    return tuple({"name": match[1] or match[2], "path": match[0]} for match in found if match)


def _cargo_targets(manifest: Mapping[str, Any], files: AppFiles) -> tuple[str, ...]:
    """The files of the targets that Cargo.toml names, without which Cargo refuses it, and of the usual program."""
    library = section(manifest, "lib")
    named = [str(library.get("path") or "src/lib.rs")] if library else []
    for kind, folder in _CARGO_TARGETS.items():
        for target in sections(manifest, kind):
            usual = (f"{folder}/{target.get('name')}.rs", f"{folder}/{target.get('name')}/main.rs")
            found = next((path for path in usual if path in files.paths), "src/main.rs")
            named.append(str(target.get("path") or found))
    named += [] if "bin" in manifest else [program["path"] for program in _cargo_programs(files)]
    main = ["src/main.rs"] if "src/main.rs" in files.paths or not named else []
    return tuple(dict.fromkeys((*main, *named)))


def _dotnet(app: DetectedApp, files: AppFiles) -> EntryPoint:
    projects = [path for pattern in ("*.csproj", "*.fsproj") for path in files.find(pattern)]
    project = projects[0]
    assembled = re.search(r"<AssemblyName>\s*([\w.-]+)\s*<", files.text(project))
    assembly = assembled[1] if assembled else project.rpartition(".")[0]
    assumption = f"Several projects are here; {named(project)} was taken."
    distributions = app.language.versions.distributions
    distribution = distributions.get(app.version, distributions.get("", ""))
    slots = {"project": project, "assembly": assembly, "distribution": distribution}
    return EntryPoint(slots=slots, assumptions=(assumption,) if len(projects) > 1 else ())


def _rack(app: DetectedApp, files: AppFiles) -> EntryPoint:
    if files.has("config.ru"):
        puma, rackup = ("puma", "--bind", "tcp://0.0.0.0:$port"), ("rackup", "--host", "0.0.0.0", "--port", "$port")
        return EntryPoint(("bundle", "exec", *(puma if "puma" in app.dependencies else rackup), "config.ru"))
    found = [path for path, text in files.sources("*.rb") if re.search(r"require\s+['\"]sinatra['\"]", text)]
    file = next(iter(found), "app.rb")
    assumptions = [f"There is no config.ru; {named(file)} is run itself."]
    if not {"puma", "webrick", "falcon", "thin"} & app.dependencies:
        assumptions.append("The Gemfile names no server (puma, for instance), without which Sinatra does not start.")
    return EntryPoint(("bundle", "exec", "ruby", file, "-o", "0.0.0.0", "-p", "$port"), assumptions=tuple(assumptions))


def _php(app: DetectedApp, files: AppFiles) -> EntryPoint:
    root = "/var/www/html"
    in_public = files.has("public/index.php")
    document_root = app.framework.document_root or (f"{root}/public" if in_public else root)
    composer = files.has("composer.json")
    assets = "vite" in section(json_object(files.text("package.json")), "devDependencies")
    copied = ["COPY --from=vendor /app/vendor ./vendor"] if composer else []
    copied += ["COPY --from=assets /app/public/build ./public/build"] if assets else []
    assumption = "There is no composer.json; nothing is installed."
    return EntryPoint(
        slots={
            "document_root": document_root,
            "vendor_stage": [*(_VENDOR if composer else ()), *(_ASSETS if assets else ())],
            "copy_app": ["COPY . .", *copied],
            # Styles are made of the templates that packages bring, too.
            "assets_sources": copied[:1] if composer else [],
        },
        assumptions=() if composer or app.key == "php" else (assumption,),
        keep=() if composer else ("vendor",),
    )


_VENDOR = (
    "FROM $build_image AS vendor",
    "WORKDIR /app",
    "# Packages change less often than the source: this layer is kept until composer.json or its lock change.",
    "$copy_manifests",
    "$install",
    "COPY . .",
    "RUN composer dump-autoload --no-dev --no-scripts --optimize",
    "",
)
_ASSETS = (
    "FROM $assets_image AS assets",
    "$assets_environment",
    "WORKDIR /app",
    "$assets_tool",
    "$assets_manifests",
    "$assets_install",
    "COPY . .",
    "$assets_sources",
    "RUN $assets_build",
    "",
)


def _data_folders(files: AppFiles) -> list[str]:
    """Folders that a compiled program may read when it runs."""
    return [f"COPY {folder}/ ./{folder}/" for folder in _DATA_FOLDERS if files.has_folder(folder)]


_FINDERS: Mapping[Entry, Callable[[DetectedApp, AppFiles], EntryPoint]] = {
    "python_app": find_python_app,
    "django": find_django,
    "node_start": find_node_start,
    "node_next": find_next,
    "node_bundle": find_bundle,
    "static_folder": _static_folder,
    "go_main": _go_main,
    "cargo": _cargo,
    "dotnet": _dotnet,
    "rack": _rack,
    "php": _php,
    "none": lambda app, _: EntryPoint(app.framework.start),
}
