"""AWS Knowledge: which endpoint may be asked, what it offers, and what it answers (written by others)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from expressway.errors import TargetError

KNOWLEDGE_VARIABLE = "EXPRESSWAY_KNOWLEDGE_URL"
DEFAULT_KNOWLEDGE_URL = "https://knowledge-mcp.global.api.aws"
"""AWS's public endpoint: no account, no credentials; it serves documentation only."""
SEARCH = "aws___search_documentation"
READ = "aws___read_documentation"
RECOMMEND = "aws___recommend"
KNOWLEDGE_TOOLS = (SEARCH, READ, RECOMMEND)
"""Those of the endpoint's tools that are passed on, by the endpoint's own names."""

DESCRIPTION_CHARACTERS = 32_000
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_OFF = frozenset({"", "off", "false", "0", "no", "none"})


def named_url(variables: Mapping[str, str]) -> str:
    """The endpoint that EXPRESSWAY_KNOWLEDGE_URL names: AWS's public one when unset; empty where it is turned off."""
    given = variables.get(KNOWLEDGE_VARIABLE, DEFAULT_KNOWLEDGE_URL).strip()
    return "" if given.lower() in _OFF else given


def usable_url(variables: Mapping[str, str]) -> str:
    """The same, where it may be asked: https, or http to this machine itself, without credentials in the URL.

    Raises:
        TargetError: ``knowledge_off``, ``knowledge_url_refused``.
    """
    url = named_url(variables)
    if not url:
        raise TargetError(
            "knowledge_off",
            f"AWS Knowledge is turned off by {KNOWLEDGE_VARIABLE}.",
            "Go on without it; a person can unset the variable.",
        )
    if problem := _problem(url):
        raise TargetError(
            "knowledge_url_refused",
            f"{KNOWLEDGE_VARIABLE} cannot be used: {problem}.",
            f"A person can set it to an https URL, or to off; unset, it is {DEFAULT_KNOWLEDGE_URL}.",
        )
    return url


def _problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        return "it is no https URL"
    if parts.username is not None or parts.password is not None:
        return "it contains credentials, which would end up in logs and error messages"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "it is neither https nor on this machine"
    return ""


@dataclass(frozen=True, slots=True)
class KnowledgeTool:
    """A tool as the endpoint lists it: its own words and the JSON Schema of its arguments."""

    name: str
    description: str
    input_schema: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The schema's properties by name."""
        found = self.input_schema.get("properties")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class KnowledgeAnswer:
    """What the endpoint answered: text, or JSON where it is some; `refused` when it calls its answer an error."""

    content: Any
    refused: bool = False


@dataclass(frozen=True, slots=True)
class KnowledgeResult:
    """An answer as it is shown: where it comes from, the endpoint's content, and what was cut off it.

    `tools` is what the endpoint lists now; it is for the face, and no part of the answer.
    """

    source: str
    content: Any
    truncated: Mapping[str, Any] | None = None
    tools: tuple[KnowledgeTool, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """``source``, ``content`` and, where something was cut off, ``truncated``."""
        shape = {"source": self.source, "content": self.content, "truncated": self.truncated}
        return {name: value for name, value in shape.items() if value is not None}


def characters_in(content: Any) -> int:
    """How much text is in an answer, whatever its shape; names and numbers count as they are written."""
    if isinstance(content, Mapping):
        return characters_in([*content.keys(), *content.values()])
    return sum(map(characters_in, content)) if isinstance(content, list | tuple) else len(str(content))


def cut_content(content: Any, characters: int) -> Any:
    """The first `characters` of an answer, in the same shape: what follows is left out, no name or number is broken."""
    return _cut(content, characters)[0]


def _cut(content: Any, budget: int) -> tuple[Any, int]:
    """The content that fits, and what is left of the budget; nothing fits once that is below 1."""
    if isinstance(content, str):
        return content[:budget], budget - len(content)
    if isinstance(content, Mapping):
        kept_members: dict[str, Any] = {}
        for name, item in content.items():
            budget -= len(str(name))
            if budget < 1:
                break
            kept_members[name], budget = _cut(item, budget)
        return kept_members, budget
    if isinstance(content, list | tuple):
        kept: list[Any] = []
        for item in content:
            if budget < 1:
                break
            shown, budget = _cut(item, budget)
            kept.append(shown)
        return kept, budget
    return content, budget - len(str(content))
