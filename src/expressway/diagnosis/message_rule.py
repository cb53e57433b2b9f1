"""One row of a table of AWS's own words: a pattern, and what it means."""

import re
from dataclasses import dataclass


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
    permanent: bool = True
    certain: bool = True
    reads_names: bool = False


def message_rule(
    code: str,
    pattern: str,
    sentence: str,
    remedy: str,
    *,
    permanent: bool = True,
    certain: bool = True,
    reads_names: bool = False,
) -> MessageRule:
    """A row; case makes no difference to its pattern, and a dot stands for any character."""
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return MessageRule(code, compiled, sentence, remedy, permanent, certain, reads_names)
