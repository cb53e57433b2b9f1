"""Write the goldens and the generated pages of the documentation again: ``python -m tests.golden.regenerate``.

Look at the difference before committing.
"""

from pathlib import Path

from expressway.cloudformation.template import AppTemplates
from expressway.synth.synthesizer import Synthesizer
from tests.containerize.golden import rewrite as rewrite_containerized_apps
from tests.documents.pages import write_pages
from tests.golden.plans import FOLDER, definition, definition_text, plan_files
from tests.golden.surface import SURFACE, surface

__all__ = ["FOLDER", "NAMES", "definition_text", "golden_files", "kept_files", "template_files"]

NAMES = sorted(path.stem for path in (FOLDER / "definitions").glob("*.yaml"))


def template_files(name: str, templates: AppTemplates) -> dict[Path, str]:
    """The files of one definition's templates."""
    folder = FOLDER / "templates" / name
    return {folder / f"{template.stack_name}.template.json": template.body for template in templates}


def golden_files(name: str, synthesizer: Synthesizer) -> dict[Path, str]:
    """Every file that one definition gives: its templates and its plans."""
    return template_files(name, synthesizer.synthesize(definition(name))) | plan_files(name, synthesizer)


def kept_files(name: str) -> dict[Path, str]:
    """The files that are kept for one definition."""
    paths = [path for kind in ("templates", "plans") for path in (FOLDER / kind / name).glob("*.json")]
    return {path: path.read_text(encoding="utf-8") for path in paths}


def main() -> None:
    with Synthesizer() as synthesizer:
        for name in NAMES:
            files = golden_files(name, synthesizer)
            for stale in set(kept_files(name)) - set(files):
                stale.unlink()
            for path, text in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    rewrite_containerized_apps()
    write_pages()
    SURFACE.write_text(surface(), encoding="utf-8")


if __name__ == "__main__":
    main()
