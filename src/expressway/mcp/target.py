"""Where a call acts: `profile` and `region`, which every tool that reaches AWS takes in the same way.

They are taken at the front desk, before a tool sees its own arguments, so that no tool can forget them.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from expressway.mcp.schemas import text

TARGET_PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "profile": text("Profile."),
    "region": text("Region."),
}
"""The server's instructions explain them once for all tools."""


@dataclass(frozen=True, slots=True)
class SelectedTarget:
    """What a call asks for; None means the server's own."""

    profile: str | None = None
    region: str | None = None

    def key(self, name: str) -> str:
        """`name` as it is called at this target, so that equal names at two targets are told apart."""
        where = "/".join(part or "" for part in (self.profile, self.region))
        return f"{where}/{name}" if self.profile or self.region else name


_SELECTED: ContextVar[SelectedTarget] = ContextVar("selected_target", default=SelectedTarget())  # noqa: B039 - frozen


def selected_target() -> SelectedTarget:
    """What the call that runs asks for. Ask on the event loop: worker threads do not know it."""
    return _SELECTED.get()


@contextmanager
def selecting(arguments: Mapping[str, Any]) -> Generator[None]:
    """Let the call inside act where `arguments` say."""
    token = _SELECTED.set(SelectedTarget(arguments.get("profile"), arguments.get("region")))
    try:
        yield
    finally:
        _SELECTED.reset(token)
