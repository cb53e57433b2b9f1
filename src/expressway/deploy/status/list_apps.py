"""List the apps that Expressway deployed, over several regions at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from expressway.cloudformation.stack import StackState, may_be_an_apps
from expressway.core.progress import ReadPool
from expressway.deploy.shapes import AppListJson, ListedAppJson
from expressway.ecs_api.ports import Stacks
from expressway.errors import ExpresswayError, TargetError

_REGIONS_AT_ONCE = 8
_STACKS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class ListedApp:
    """One app as its stacks describe it; its status has more.

    `stacks`: status by name; `endpoint`: the service's host name, empty before there is one.
    """

    app_name: str
    region: str
    stacks: Mapping[str, str]
    endpoint: str = ""

    def to_dict(self) -> ListedAppJson:
        shape: ListedAppJson = {"app_name": self.app_name, "region": self.region, "stacks": dict(self.stacks)}
        if self.endpoint:
            shape["endpoint"] = self.endpoint
        return shape


@dataclass(frozen=True, slots=True)
class AppList:
    """Apps by region and name; `failed_regions`: the error of each region that could not be read.

    `unread_stacks` are stacks that are named as an app's and may not be read, by region and name, with the reason.
    """

    apps: tuple[ListedApp, ...]
    regions: tuple[str, ...]
    failed_regions: Mapping[str, ExpresswayError]
    unread_stacks: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    @property
    def read_regions(self) -> tuple[str, ...]:
        """The regions that were read, so that an app which is not listed there is not there."""
        return tuple(region for region in self.regions if region not in self.failed_regions)

    def raise_unless_read(self) -> None:
        """Raise the first region's error where no region could be read; the details have those of all."""
        if self.failed_regions and not self.read_regions:
            error = next(iter(self.failed_regions.values()))
            if len(self.failed_regions) > 1:
                error.details["failed_regions"] = self._failures()
            raise error

    def _failures(self) -> list[dict[str, Any]]:
        return [{"region": region, **error.to_dict()} for region, error in self.failed_regions.items()]

    def to_dict(self) -> AppListJson:
        shape: AppListJson = {"apps": [app.to_dict() for app in self.apps], "regions": list(self.regions)}
        if self.failed_regions:
            shape["failed_regions"] = self._failures()
        if self.unread_stacks:
            shape["unread_stacks"] = [
                {"region": region, "stack": name, "message": message}
                for (region, name), message in self.unread_stacks.items()
            ]
        return shape


def list_apps(places: Mapping[str, Callable[[], Stacks]]) -> AppList:
    """The apps of every region in `places` (by name), each read in a thread of its own.

    Only stacks with Expressway's metadata count; others of the same name are somebody else's.
    """
    with ReadPool(_REGIONS_AT_ONCE, thread_name_prefix="list regions") as pool:
        asked = {region: pool.submit(_apps_of, region, place) for region, place in places.items()}
    apps: list[ListedApp] = []
    unread: dict[tuple[str, str], str] = {}
    failed: dict[str, ExpresswayError] = {}
    for region, future in asked.items():
        try:
            found, refused = future.result()
            apps.extend(found)
            unread |= {(region, name): message for name, message in refused.items()}
        except ExpresswayError as error:
            failed[region] = error
    return AppList(tuple(apps), tuple(places), failed, unread)


def _apps_of(region: str, place: Callable[[], Stacks]) -> tuple[list[ListedApp], dict[str, str]]:
    """The apps of a region, and why stacks of an app's name there may not be read."""
    stacks = place()
    candidates = [name for name in stacks.names() if may_be_an_apps(name)]
    with ReadPool(_STACKS_AT_ONCE, thread_name_prefix="list stacks") as pool:
        asked = {name: pool.submit(stacks.describe, name) for name in candidates}
    owned: dict[str, list[StackState]] = {}
    refused: dict[str, str] = {}
    for name, future in asked.items():
        try:
            stack = future.result()
        except TargetError as error:
            if error.code != "access_denied":
                raise
            refused[name] = error.message
            continue
        if stack is not None and stack.owner_app:
            owned.setdefault(stack.owner_app, []).append(stack)
    return [_app(name, region, owned[name]) for name in sorted(owned)], refused


def _app(name: str, region: str, stacks: list[StackState]) -> ListedApp:
    endpoint = next((stack.outputs["Endpoint"] for stack in stacks if "Endpoint" in stack.outputs), "")
    return ListedApp(name, region, {stack.name: stack.status for stack in stacks}, endpoint)
