"""Checks the Dockerfile and .dockerignore that an app brings; neither is changed here."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from expressway.containerize import draft
from expressway.containerize.detect.framework import DetectedApp
from expressway.containerize.detect.registry_credentials import harmless_files
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import fill_words
from expressway.containerize.result import Containerization
from expressway.containerize.review.improve import improve_dockerfile, improve_ignore_file
from expressway.containerize.review.start import base_port, listening_port
from expressway.core import linear_regex
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.image.dockerfile.edit import ExpectedApp, official_name, split_image
from expressway.image.dockerfile.parser import parse_dockerfile

_COMPANIONS = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", ".ruby-version")
_NEEDS_MORE: Mapping[str, str] = {
    "requirements.txt": r"(?m)^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|file:)|@\s*file:",
    "package.json": r'"(?:preinstall|install|postinstall|prepare|prepublish|workspaces)"\s*:|"(?:file|link|workspace):',
    "Gemfile": r"\bpath:|:path\b|\bgemspec\b|eval_gemfile|\bfile:|\bFile\.",
}
_LOCKS = {
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml"),
    "Gemfile": ("Gemfile.lock",),
}


def with_own_dockerfile(
    made: Containerization, files: AppFiles, detected: DetectedApp | None, *, asked_port: int | None
) -> Containerization:
    """`made` with the port and base of the app's own Dockerfile, what is to be said of it, and the diff."""
    text = files.text("Dockerfile")
    parsed = parse_dockerfile(text)
    exposed = parsed.exposed_ports()
    told = next(iter(exposed), None) or listening_port(parsed) or base_port(parsed)
    port = asked_port or told or made.container_port
    place = {"port": str(port), "path": made.health_path}
    expected = ExpectedApp(
        port=port,
        asked_port=asked_port,
        probe=fill_words(draft.probe_of(detected, files), place) if detected else (),
        pinned=_pinned(detected),
        probe_base=draft.final_image_of(detected, files) if detected else "",
        files=frozenset(_sufficient_manifests(files)),
        harmless=harmless_files(files),
    )
    improved = {"Dockerfile": improve_dockerfile(text, expected)}
    if ".dockerignore" in files.paths:
        improved[".dockerignore"] = improve_ignore_file(files.text(".dockerignore"), files.paths)
    stage = parsed.stage()
    lacking = dict(made.files)
    if "expressway.yaml" in lacking:
        lacking["expressway.yaml"] = draft.definition_of(made.app_name, port=port, health_path=made.health_path)
    return replace(
        made,
        container_port=port,
        base_image=next(reversed(parsed.base_images()), stage.base if stage else ""),
        files=lacking,
        improved={path: each.content for path, each in improved.items() if each.content is not None},
        diff="".join(each.diff for each in improved.values()),
        findings=(
            *made.findings,
            *_missing_ignore_file(files),
            *(f for each in improved.values() for f in each.findings),
        ),
        assumptions=made.assumptions if told is None else (),
    )


def _missing_ignore_file(files: AppFiles) -> tuple[Finding, ...]:
    if ".dockerignore" in files.paths or "Dockerfile.dockerignore" in files.paths:
        return ()
    return (
        make_finding(
            code="no_ignore_file",
            cause="There is no .dockerignore: version control, local builds and secrets are sent with each build.",
            resource=".dockerignore",
        ),
    )


def _pinned(detected: DetectedApp | None) -> Mapping[str, str]:
    """Tags for official images, of the version that the app wants."""
    if detected is None:
        return {}
    images = detected.language.images
    values = {"version": detected.version, "distribution": draft.distribution_of(detected)}
    roles = sorted(images, key=("compile", "build", "run", "web", "assets").index)
    named = [split_image(fill_words((images[role],), values)[0]) for role in roles]
    return {official_name(name): tag for name, tag in reversed(named)}


def _sufficient_manifests(files: AppFiles) -> Iterator[str]:
    """Manifests that can be installed from without the source: they run no script and name no other file of the app."""
    companions = any(files.has(name) for name in _COMPANIONS) or files.has_folder("patches")
    for manifest, pattern in _NEEDS_MORE.items():
        text = files.text(manifest)
        if text and not companions and not linear_regex.search(pattern, text):
            yield from (manifest, *(lock for lock in _LOCKS.get(manifest, ()) if files.has(lock)))
