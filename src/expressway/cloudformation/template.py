"""What synthesis makes: CloudFormation templates as text, and what can be read from them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from expressway.aws.values.limits import TEMPLATE_BODY

RETAINING = frozenset({"Retain", "RetainExceptOnCreate"})
"""The deletion policies that keep a resource when its stack is deleted."""


@dataclass(frozen=True)
class Template:
    """One stack's CloudFormation template; `body` is the very text that the CDK wrote (JSON)."""

    stack_name: str
    body: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the body, as 64 hexadecimal digits."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @cached_property
    def sent_body(self) -> str:
        """What CloudFormation is sent: the body, without the whitespace between its values where it is too large."""
        if len(self.body.encode()) <= TEMPLATE_BODY.maximum:
            return self.body
        try:
            return json.dumps(json.loads(self.body), ensure_ascii=False, separators=(",", ":"))
        except ValueError:
            return self.body

    @cached_property
    def document(self) -> dict[str, Any]:
        """The parsed body. Treat it as read-only: it is shared by all who ask."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class AppTemplates:
    """The templates of one app. `repository` is None when the app deploys an image that already exists."""

    repository: Template | None
    service: Template

    def __iter__(self) -> Iterator[Template]:
        """The templates in the order in which they are deployed."""
        if self.repository is not None:
            yield self.repository
        yield self.service


IMAGE_PARAMETER = "ImageUri"
"""The parameter of the service stack that names the image to run."""
