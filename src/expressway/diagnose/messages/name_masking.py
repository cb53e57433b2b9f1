"""Names that users chose, hidden in AWS's words: an application may be called image, a command pull, a role denied.

A message is looked at for AWS's own phrases; what stands where a name stands is no phrase, whatever it reads. Hidden
letters and digits become ``x`` and nothing moves, so that the place of a match is the place of the name in the text.
"""

import re
from functools import lru_cache

LONGEST_MESSAGE = 4_000
_HIDDEN = re.compile(r"\barn(?=:)|[^\W_]")
_END = r"[^\s\"'<>()\[\]]"
_NAMED = "service|task|instance|container|elb|target-group|deployment|cluster|taskSet|capacity-provider"
_OWN_WORDS = r"(?:i/o|net/http|service-linked|oom[-_]kill\w*)(?![\w/-])"
"""What AWS, Go and runc write with a hyphen or a slash, and what rules look for."""

_NAMES = re.compile(
    "|".join(
        (
            # Commands and folders, which may have blanks; runc and Docker quote them as Go does.
            r"(\bexec:? ?)\"(?:[^\"\\]|\\.)*\"",
            r"(\bstat )[^:\n]*(?=: no such file)",
            r"(\bchdir to cwd )\(\"?[^\"\n)]*\"?\)(?= set in config)",
            # One quoted word, but not a message that another one quotes.
            r"(?<!message: )(?<!\w)\"[^\"\s]*\"(?!\w)",
            r"(?<!\w)'[^'\s]*'(?!\w)",
            rf"\barn:[\w-]*:{_END}*",
            r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s\"'<>]+",
            # ECS's service events: (service web), (task 0123), (target-group arn:…); service (web) in older ones.
            rf"(\((?:{_NAMED})\s)[^\s()]+",
            r"(\bservice )\([^\s()]+\)",
            r"(\bcontainer )\S+(?= is unhealthy)",
            r"(\[manifests )[^\]\n]*",
            r"(\bstack \[)[^\]\n]*",
            # Where nothing marks the name but the words around it.
            r"(\b(?:user:|with name|named|identifier|lookup) )\S+",
            r"(\bjson key ).*",
            r"(\bparameters: )\S+(?:, ?\S+)*",
            r"(\b(?:user|group) )[^\s:]+(?=: no matching)",
            r"(\b(?:denied for|no such image:|resolve ref) )[^\s,]+",
            r"(\blog group )\S+(?= does not exist)",
            r"(?<!\S)\S+(?= already exists)",
            r"(\b(?:role|secret|parameter|repository|cluster|policy|manifest for) )\S+(?= (?:was |is )?not found)",
            # Paths, images, names of several parts.
            rf"(?<![\w.+=@:/-])(?!{_OWN_WORDS})[\w.+=@:]*[-/_]{_END}*",
        )
    ),
    re.IGNORECASE,
)
"""What captures before a name is shown: AWS's own words that tell that one follows."""


@lru_cache(maxsize=256)  # a hundred tasks say the same
def names_hidden(text: str) -> str:
    """The text, as long as before, with the names in it made unreadable; an ARN still begins with ``arn:``.

    Of a text beyond the length of AWS's messages the beginning counts: what is looked for in it may take the square.
    """
    return _NAMES.sub(_hidden, text[:LONGEST_MESSAGE])


def _hidden(found: re.Match[str]) -> str:
    shown = found[found.lastindex] if found.lastindex else ""
    return shown + _HIDDEN.sub(lambda one: one[0] if one[0] == "arn" else "x", found[0][len(shown) :])
