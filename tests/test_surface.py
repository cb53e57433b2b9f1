"""What a folder offers to others is a decision: it is kept in ``tests/golden/surface.txt``."""

import re

from tests.golden.surface import SURFACE, surface


def test_folders_use_of_each_other_exactly_the_names_that_are_kept() -> None:
    assert surface() == SURFACE.read_text(encoding="utf-8"), "if the change is meant: make goldens"


def test_no_folder_uses_a_private_name_of_another() -> None:
    assert re.findall(r"(?<![\w])_(?!_)\w+", surface()) == []
