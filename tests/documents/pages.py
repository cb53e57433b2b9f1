"""The generated pages of the documentation: where each is kept, and what makes it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.documents.codes_page import codes_page
from tests.documents.commands_page import commands_page
from tests.documents.definition_page import definition_page
from tests.documents.permissions_page import permissions_page
from tests.documents.tools_page import tools_page
from tests.golden.limits_page import LIMITS_PAGE, limits_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES: Mapping[Path, Callable[[], str]] = {
    DOCS / "reference" / "commands.md": commands_page,
    DOCS / "reference" / "tools.md": tools_page,
    DOCS / "reference" / "definition.md": definition_page,
    DOCS / "reference" / "codes.md": codes_page,
    DOCS / "reference" / "permissions.md": permissions_page,
    LIMITS_PAGE: limits_page,
}
"""They are kept in the repository, so that they can be read there; ``make goldens`` writes them anew."""


def write_pages() -> None:
    """Generate every page again."""
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")
