"""How an app is started, as far as its files tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from expressway.containerize.template_text import Slot
from expressway.diagnose.finding import Finding


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the template of a Dockerfile needs beyond what every app of its language has.

    Attributes:
        command: the words that start it; ``$port`` stands for the port.
        slots: further slots of the template.
        environment: variables that the start needs.
        builds: whether the source has to be built before it can start.
        ignore, keep: patterns that .dockerignore needs besides, or must not have.
    """

    command: tuple[str, ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=dict[str, Slot])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    builds: bool = False
    assumptions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
