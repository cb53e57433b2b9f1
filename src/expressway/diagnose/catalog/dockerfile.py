"""Findings about a Dockerfile and the folder that it is built from."""

from expressway.diagnose.catalog.entry import Subject

_dockerfile = Subject("dockerfile").code

DOCKERFILE_CODES = (
    _dockerfile("dockerfile_invalid", "The Dockerfile cannot be parsed"),
    _dockerfile("base_image_not_pinned", "A base image has no version", "warning"),
    _dockerfile(
        "source_before_dependencies",
        "The source is copied before its dependencies are installed",
        "warning",
        remedy="Copy the manifests first, install, then copy the source.",
    ),
    _dockerfile(
        "secret_file_copied",
        "A file that usually holds secrets is copied into the image",
        topics=("secrets and permissions",),
        remedy="Remove the line, name the file in .dockerignore, and give the values when the service runs.",
    ),
    _dockerfile("secret_in_image", "An instruction puts a secret into the image", topics=("secrets and permissions",)),
    _dockerfile(
        "secret_files_in_context",
        "The build context holds files that usually hold secrets",
        "warning",
        topics=("secrets and permissions",),
        remedy="Name it in .dockerignore. (Expressway's own builds keep it out in any case.)",
    ),
    _dockerfile("registry_credentials", "A file of the app holds registry credentials", topics=("image pull",)),
    _dockerfile(
        "no_ignore_file", "There is no .dockerignore", "warning", remedy="Add the .dockerignore among the files."
    ),
    _dockerfile(
        "ignore_file_not_checked",
        "The .dockerignore is too long to check",
        "info",
        remedy="Shorten it with patterns such as **/*.log.",
    ),
    _dockerfile(
        "no_health_check", "The Dockerfile has no HEALTHCHECK", "info", remedy="Add a HEALTHCHECK that asks the app."
    ),
    _dockerfile(
        "runs_as_root",
        "The application runs as root",
        "warning",
        remedy="Add USER with an ordinary user before CMD; folders that the app writes to have to be that user's.",
    ),
    _dockerfile("port_not_exposed", "The Dockerfile exposes no port", "info"),
    _dockerfile("port_fixed_in_source", "The source ignores PORT"),
    _dockerfile("shell_form_command", "The start command is in shell form", "warning"),
    _dockerfile(
        "development_server",
        "The start command runs a development server",
        "warning",
        remedy="Start the framework's server for production.",
    ),
    _dockerfile("hadolint_*", "A rule of hadolint, such as hadolint_dl3008", "critical", "warning", "info"),
)
