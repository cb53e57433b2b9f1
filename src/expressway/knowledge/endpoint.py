"""Which documentation endpoint may be asked: the operator's setting, held against what is safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from expressway.errors import TargetError
from expressway.knowledge.values import DEFAULT_KNOWLEDGE_URL, KNOWLEDGE_VARIABLE

_OFF = frozenset({"", "off", "false", "0", "no", "none"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class KnowledgeEndpoint:
    """The endpoint's URL, or why the one that was set may not be asked. Without either it is turned off."""

    url: str = ""
    problem: str = ""

    @property
    def is_on(self) -> bool:
        """Whether the tools are offered; a setting that is wrong is told when one of them is used."""
        return bool(self.url or self.problem)


def knowledge_endpoint(variables: Mapping[str, str]) -> KnowledgeEndpoint:
    """The endpoint that EXPRESSWAY_KNOWLEDGE_URL names: AWS's public one when unset, none when empty or ``off``.

    Only https is accepted, and http to this machine itself, without credentials in the URL.
    """
    given = variables.get(KNOWLEDGE_VARIABLE, DEFAULT_KNOWLEDGE_URL).strip()
    if given.lower() in _OFF:
        return KnowledgeEndpoint()
    problem = _problem(given)
    return KnowledgeEndpoint(problem=problem) if problem else KnowledgeEndpoint(given)


def usable_url(variables: Mapping[str, str]) -> str:
    """The URL that may be asked.

    Raises:
        TargetError: ``knowledge_off``, ``knowledge_url_refused``.
    """
    endpoint = knowledge_endpoint(variables)
    if endpoint.problem:
        raise TargetError(
            "knowledge_url_refused",
            f"{KNOWLEDGE_VARIABLE} cannot be used: {endpoint.problem}.",
            f"A person can set it to an https URL, or to off; unset, it is {DEFAULT_KNOWLEDGE_URL}.",
        )
    if not endpoint.url:
        raise TargetError(
            "knowledge_off",
            f"AWS Knowledge is turned off by {KNOWLEDGE_VARIABLE}.",
            "Go on without it; a person can unset the variable.",
        )
    return endpoint.url


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
