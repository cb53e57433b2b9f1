"""Write the golden templates anew: ``python -m tests.golden.regenerate``. Look at the difference before committing."""

from pathlib import Path

from expressway.adapters.synthesizer import Synthesizer
from expressway.model.definition import parse_definition_text
from expressway.model.template import AppTemplates

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in (FOLDER / "definitions").glob("*.yaml"))


def definition_text(name: str) -> str:
    return (FOLDER / "definitions" / f"{name}.yaml").read_text(encoding="utf-8")


def template_files(name: str, templates: AppTemplates) -> dict[Path, str]:
    """The files of one definition's templates."""
    folder = FOLDER / "templates" / name
    return {folder / f"{template.stack_name}.template.json": template.body for template in templates}


def main() -> None:
    with Synthesizer() as synthesizer:
        for name in NAMES:
            templates = synthesizer.synthesize(parse_definition_text(definition_text(name)))
            files = template_files(name, templates)
            for stale in set((FOLDER / "templates" / name).glob("*.json")) - set(files):
                stale.unlink()
            for path, text in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
