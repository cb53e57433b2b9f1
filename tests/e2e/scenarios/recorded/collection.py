"""The collection of recorded situations: a decorator that files them, and one world that holds them all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.names import SERVICE
from tests.e2e.scenarios.recorded.world import World
from tests.e2e.scenarios.scenario import Question, Scenario, codes, pattern

Change = Callable[[Situation], None]
_CLUSTER = "shop"  # alike for all, so that no name tells what is wrong


@dataclass(frozen=True, slots=True)
class RecordedScenario:
    """A scenario, and what makes it out of a healthy service."""

    scenario: Scenario
    change: Change

    def world(self, now: datetime) -> World:
        """The records of an account in which this situation, and nothing else, is."""
        situation = Situation(_CLUSTER, now)
        self.change(situation)
        return situation.world


_COLLECTION: list[RecordedScenario] = []


def recorded(
    title: str,
    *,
    finds: str,
    words: str,
    also: str = "",
    cluster: str = _CLUSTER,
    service: str = SERVICE,
    symptoms: str = "",
    more: tuple[Question, ...] = (),
) -> Callable[[Change], Change]:
    """File the function below as a scenario of its name. Codes are parted by blanks."""

    def file(change: Change) -> Change:
        scenario = Scenario(
            change.__name__, title, cluster, service, codes(finds), codes(also), pattern(words), symptoms, more
        )
        _COLLECTION.append(RecordedScenario(scenario, change))
        return change

    return file


def recorded_scenarios() -> list[RecordedScenario]:
    """All of them; the modules that describe them are read on the first call."""
    from tests.e2e.scenarios.recorded import (  # noqa: F401 - reading them files their scenarios
        in_the_account,
        in_the_image,
        in_the_network,
        in_the_task,
    )

    return _COLLECTION
