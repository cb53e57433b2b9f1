"""List the apps that Expressway deployed, over several regions at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from expressway.errors import ExpresswayError
from expressway.model.cancellation import ReadPool
from expressway.model.stack import StackState, may_be_an_apps

_REGIONS_AT_ONCE = 8
_STACKS_AT_ONCE = 8


class StackListing(Protocol):
    """The stacks of one region (adapters.cloudformation.CloudFormation)."""

    def names(self) -> tuple[str, ...]: ...
    def describe(self, stack_name: str) -> StackState | None: ...


@dataclass(frozen=True, slots=True)
class ListedApp:
    """One app as its stacks tell; ask for its status for more.

    `stacks`: status by name; `endpoint`: the service's host name, empty before there is one.
    """

    app_name: str
    region: str
    stacks: Mapping[str, str]
    endpoint: str = ""

    def to_dict(self) -> dict[str, Any]:
        shape: dict[str, Any] = {"app_name": self.app_name, "region": self.region, "stacks": dict(self.stacks)}
        return shape | ({"endpoint": self.endpoint} if self.endpoint else {})


@dataclass(frozen=True, slots=True)
class AppList:
    """Apps by region and name; `failed_regions`: the error of each region that could not be read."""

    apps: tuple[ListedApp, ...]
    regions: tuple[str, ...]
    failed_regions: Mapping[str, ExpresswayError]

    @property
    def read_regions(self) -> tuple[str, ...]:
        """The regions that were read, so that an app which is not listed there is not there."""
        return tuple(region for region in self.regions if region not in self.failed_regions)

    def to_dict(self) -> dict[str, Any]:
        failed = [{"region": region, **error.to_dict()} for region, error in self.failed_regions.items()]
        shape: dict[str, Any] = {"apps": [app.to_dict() for app in self.apps], "regions": list(self.regions)}
        return shape | ({"failed_regions": failed} if failed else {})


def list_apps(places: Mapping[str, Callable[[], StackListing]]) -> AppList:
    """The apps of every region in `places` (by name), each read in a thread of its own.

    Only stacks with Expressway's metadata count; others of the same name are somebody else's.
    """
    with ReadPool(_REGIONS_AT_ONCE, thread_name_prefix="list regions") as pool:
        asked = {region: pool.submit(_apps_of, region, place) for region, place in places.items()}
    apps: list[ListedApp] = []
    failed: dict[str, ExpresswayError] = {}
    for region, future in asked.items():
        try:
            apps.extend(future.result())
        except ExpresswayError as error:
            failed[region] = error
    return AppList(tuple(apps), tuple(places), failed)


def _apps_of(region: str, place: Callable[[], StackListing]) -> list[ListedApp]:
    stacks = place()
    candidates = [name for name in stacks.names() if may_be_an_apps(name)]
    with ReadPool(_STACKS_AT_ONCE, thread_name_prefix="list stacks") as pool:
        described = list(pool.map(stacks.describe, candidates))
    owned: dict[str, list[StackState]] = {}
    for stack in described:
        if stack is not None and stack.owner_app:
            owned.setdefault(stack.owner_app, []).append(stack)
    return [_app(name, region, owned[name]) for name in sorted(owned)]


def _app(name: str, region: str, stacks: list[StackState]) -> ListedApp:
    endpoint = next((stack.outputs["Endpoint"] for stack in stacks if "Endpoint" in stack.outputs), "")
    return ListedApp(name, region, {stack.name: stack.status for stack in stacks}, endpoint)
