"""One row of a table of AWS's own words: a pattern, and what it means."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageRule:
    """One row: a pattern, and the sentence and remedy it stands for (named groups of the pattern fill them).

    `certain` is False where the words fit several causes, all of which the sentence names.
    """

    code: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str
    permanent: bool = True
    certain: bool = True


def message_rule(
    code: str, pattern: str, sentence: str, remedy: str, *, permanent: bool = True, certain: bool = True
) -> MessageRule:
    """A row; case makes no difference to its pattern, and a dot stands for any character."""
    return MessageRule(
        code, re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence, remedy, permanent=permanent, certain=certain
    )
