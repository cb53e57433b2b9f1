"""One row of a table of AWS's own words: a pattern, and what it means."""

import re
from dataclasses import dataclass

from expressway.diagnose.catalog import CATALOG


@dataclass(frozen=True, slots=True)
class MessageRule:
    """One row: a pattern, and the sentence and remedy it stands for (named groups of the pattern fill them).

    `certain` is False where the words fit several causes, all of which the sentence names. Names that users chose are
    hidden from the pattern (`foreign_names`), unless it `reads_names` because one of them tells something.
    """

    code: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str
    certain: bool = True
    reads_names: bool = False


def message_rule(
    code: str, pattern: str, *, cause: str = "", remedy: str = "", certain: bool = True, reads_names: bool = False
) -> MessageRule:
    """A row; case makes no difference to its pattern, and a dot stands for any character.

    Where it has no words of its own, it stands for those of the catalogue.
    """
    compiled, entry = re.compile(pattern, re.IGNORECASE | re.DOTALL), CATALOG[code]
    return MessageRule(code, compiled, cause or entry.cause, remedy or entry.remedy, certain, reads_names)
