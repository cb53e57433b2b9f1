"""Checks the Dockerfile and .dockerignore that an app brings; neither is changed here."""

from collections.abc import Mapping
from dataclasses import replace

from expressway.diagnosis.framework_marks import DetectedApp
from expressway.model.app_files import AppFiles
from expressway.model.dockerfile import parse_dockerfile
from expressway.model.dockerfile_edit import ExpectedApp, official_name, split_image
from expressway.model.finding import Finding
from expressway.model.template_text import fill_words
from expressway.operations.containerize import draft
from expressway.operations.containerize.improvement import improve_dockerfile, improve_ignore_file
from expressway.operations.containerize.result import Containerization


def with_own_dockerfile(
    made: Containerization, files: AppFiles, detected: DetectedApp | None, *, asked_port: int | None
) -> Containerization:
    """`made` with the port and base of the app's own Dockerfile, what is to be said of it, and the diff."""
    text = files.text("Dockerfile")
    parsed = parse_dockerfile(text)
    exposed = parsed.exposed_ports()
    port = asked_port or next(iter(exposed), made.container_port)
    place = {"port": str(port), "path": made.health_path}
    expected = ExpectedApp(
        port=port,
        asked_port=asked_port,
        probe=fill_words(detected.language.probe, place) if detected else (),
        pinned=_pinned(detected, files),
        files=frozenset(path for path in files.paths if "/" not in path),
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
        assumptions=made.assumptions if not exposed else (),
    )


def _missing_ignore_file(files: AppFiles) -> tuple[Finding, ...]:
    if ".dockerignore" in files.paths or "Dockerfile.dockerignore" in files.paths:
        return ()
    return (
        Finding(
            code="no_ignore_file",
            severity="warning",
            cause="There is no .dockerignore: version control, local builds and secrets are sent with each build.",
            remedy="Add the .dockerignore among the files.",
            resource=".dockerignore",
        ),
    )


def _pinned(detected: DetectedApp | None, files: AppFiles) -> Mapping[str, str]:
    """Tags for official images, of the version that the app wants."""
    if detected is None:
        return {}
    images = {**detected.language.images, "run": draft.final_image_of(detected, files)}
    values = {"version": detected.version, "distribution": ""}
    named = [split_image(fill_words((image,), values)[0]) for image in (*images.values(),)]
    return {official_name(name): tag for name, tag in reversed(named)}
