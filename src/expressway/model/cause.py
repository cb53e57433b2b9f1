"""The cause of a failure: one sentence, what it rests on, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """The first real cause of a failed deployment.

    Attributes:
        code: stable snake_case word, such as ``image_not_found`` (agents branch on it).
        sentence: the cause in one sentence; what it quotes of others is marked (`model.quotation`).
        evidence: AWS's own words and log lines that the sentence rests on, most telling first.
        remedy: what to do about it.
        resource: the ARN, logical id or name of what failed; empty when there is no single one.
        permanent: True when trying again cannot help before somebody changes something.
        certain: False when what was read fits several causes, all of which the sentence names.
        gaps: facts that could not be read (a permission is missing), so that nothing is concluded from them.
    """

    code: str
    sentence: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    resource: str = ""
    permanent: bool = True
    certain: bool = True
    gaps: tuple[str, ...] = ()

    def to_dict(self) -> Mapping[str, Any]:
        """The shape in which every face shows a cause; empty parts are left out."""
        parts: dict[str, Any] = {
            "code": self.code,
            "sentence": self.sentence,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
            "resource": self.resource,
            "gaps": list(self.gaps),
        }
        return {key: value for key, value in parts.items() if value}
