"""The picture of the demo: nothing in it is cut off, and it shows the steps that the demo has."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from expressway.cli.commands.demo import STEPS, Steps
from expressway.cli.views.output import message_console, recording
from expressway.core.progress import Progress

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
COLUMN = 12.2
"""The width of a character in rich's pictures."""


def lines(picture: Path) -> list[str]:
    """The text of each line; fails where one goes beyond the right border of the terminal."""
    tree = ET.parse(picture)
    found: dict[float, dict[float, str]] = {}
    (border,) = [float(rect.attrib["width"]) for clip in tree.iter(f"{SVG}clipPath") for rect in clip
                 if clip.attrib["id"].endswith("clip-terminal")]  # fmt: skip
    for text in tree.iter(f"{SVG}text"):
        if "clip-path" in text.attrib:
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            said = (text.text or "").replace("\N{NO-BREAK SPACE}", " ")
            assert x + len(said.rstrip()) * COLUMN <= border + COLUMN / 2, f"cut off: {said}"
            found.setdefault(y, {})[round(x / COLUMN)] = said
    return [_joined(found[y]) for y in sorted(found)]


def _joined(parts: dict[int, str]) -> str:
    line = ""
    for column in sorted(parts):
        line = line.ljust(column) + parts[column]
    return line.rstrip()


@pytest.fixture(autouse=True)
def fresh_console() -> Iterator[None]:
    message_console.cache_clear()
    yield
    message_console.cache_clear()


@pytest.mark.parametrize("columns", ["40", "80", "300"])
def test_what_is_long_goes_on_below_its_own_beginning_whatever_the_terminal(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    picture = tmp_path / "demo.svg"
    word = "0123456789" * 30
    with recording(picture):
        steps = Steps()
        with steps.step("One"):
            steps.say(f"[red]The cause: {word}[/]")
            steps.tell(Progress("service", f"UPDATE_FAILED {word}", level="error"))
    shown = lines(picture)
    assert "".join(shown).replace(" ", "").count(word) == 2
    begun = next(number for number, line in enumerate(shown) if "UPDATE_FAILED" in line)
    assert shown[begun + 1].startswith(" " * 20)
    assert shown[begun - 1].startswith(" " * 4)


def test_the_kept_picture_is_whole_and_current() -> None:
    shown = lines(ROOT / "docs" / "demo.svg")
    source = (ROOT / "src/expressway/cli/commands/demo.py").read_text()
    names = set(re.findall(r'steps\.step\("(.+?)"\)', source))
    titles = [line for line in shown if line[1:4] == f"/{STEPS} "]
    assert len(titles) == STEPS
    assert {title[4:] for title in titles} == names - {"Find the AWS account"}
    assert shown[-1].startswith("Every step held")
    assert "(httpbin-express-service ended in UPDATE_ROLLBACK_COMPLETE.)" in " ".join(" ".join(shown).split())
