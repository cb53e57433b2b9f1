"""Templates as files in a folder: all of them, or none."""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from expressway.cloudformation.template import Template
from expressway.errors import ExpresswayError


def write_templates(folder: Path, templates: Sequence[Template]) -> tuple[Path, ...]:
    """Write each template to ``{stack name}.template.json`` in `folder`, which is made if it is missing.

    All are written beside their places first and then moved there, so that a full disk leaves what was there.

    Raises:
        ExpresswayError: ``output_not_writable``; nothing was written, and no folder was made.
    """
    paths = tuple(folder / f"{template.stack_name}.template.json" for template in templates)
    try:
        with _made(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as drafts:
            for path, template in zip(paths, templates, strict=True):
                (Path(drafts) / path.name).write_text(template.body, encoding="utf-8")
            for path in paths:
                (Path(drafts) / path.name).replace(path)
    except OSError as exc:
        raise ExpresswayError(
            "output_not_writable",
            f"The templates cannot be written into {folder}: {exc.strerror or exc}.",
            "Name a folder that can be made or written, on a disk with room.",
            {"path": str(exc.filename or folder)},
        ) from exc
    return paths


@contextmanager
def _made(folder: Path) -> Generator[None]:
    """`folder`, gone again when what follows fails, with the parents that had to be made."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise
