"""Writes nginx.conf for apps that are files in the end."""

from expressway.containerize.detect.framework import DetectedApp
from expressway.containerize.detect.listening import Listening
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Recipes
from expressway.containerize.template_text import Slot, fill


def web_server_file(
    app: DetectedApp, listening: Listening, template: str, *, files: AppFiles, recipes: Recipes
) -> str | None:
    """nginx.conf, for an app that is files in the end; None for others. `template` is that of its Dockerfile."""
    if template not in {"bundle", "static"}:
        return None
    fallback = app.framework.fallback if template != "bundle" or app.key != "nextjs" else "$uri.html =404"
    slots: dict[str, Slot] = {"port": str(listening.port), "fallback": fallback, **_caching(app, files)}
    return fill(recipes.templates["nginx.conf"], slots)


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
