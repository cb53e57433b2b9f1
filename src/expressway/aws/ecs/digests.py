"""Digests of what ECS runs, so that two task definitions or revisions can be told to be the same but for their names.

A digest stays in this process: it is made of environment values, too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

Raw = Mapping[str, Any]

_NAMES_OF_A_DEFINITION = frozenset(
    {
        *("taskDefinitionArn", "family", "revision", "status", "registeredAt", "registeredBy", "deregisteredAt"),
        *("deleteRequestedAt", "requiresAttributes", "compatibilities"),
    }
)
"""What ECS writes into each; everything else was asked for by whoever registered it."""
_SETTINGS_OF_A_REVISION = (
    *("launchType", "capacityProviderStrategy", "platformVersion", "platformFamily", "networkConfiguration"),
    *("serviceRegistries", "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"),
)
_WITHOUT_ORDER = frozenset({"environment", "secrets", "securityGroups", "subnets", "environmentFiles"})


def definition_content(raw: Raw) -> str:
    """A digest of a DescribeTaskDefinition.taskDefinition without its name, number, times and state."""
    return _digest({key: value for key, value in raw.items() if key not in _NAMES_OF_A_DEFINITION})


def revision_settings(raw: Raw) -> str:
    """A digest of what a service revision sets beside its task definition: network, launch type, health checks.

    Target groups themselves are left out: an Express service has two of them, and a revision takes either.
    """
    managed: Raw = raw.get("ecsManagedResources") or {}
    checks = {
        (group.get("healthCheckPath", ""), group.get("healthCheckPort", 0), group.get("port", 0))
        for path in managed.get("ingressPaths") or ()
        for group in path.get("targetGroups") or ()
    }
    own = {key: raw[key] for key in _SETTINGS_OF_A_REVISION if raw.get(key)}
    return _digest({**own, "checks": sorted(checks)})


def _digest(content: object) -> str:
    return hashlib.sha256(_text(_ordered(content)).encode()).hexdigest()


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True, default=str)


def _ordered(node: object, key: str = "") -> object:
    """The same with empty members left out, and with lists in order where their order says nothing."""
    if isinstance(node, Mapping):
        members = {name: _ordered(value, name) for name, value in cast("Raw", node).items()}
        return {name: value for name, value in members.items() if value not in (None, [], {}, "")}
    if isinstance(node, list | tuple):
        some = [_ordered(one) for one in cast("Sequence[object]", node)]
        return sorted(some, key=_text) if key in _WITHOUT_ORDER else some
    return node
