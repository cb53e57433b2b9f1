"""The boto3 client of one service: its configuration, and when it gives up an endpoint that is out of reach."""

import platform
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import botocore
import botocore.session
from botocore.config import Config
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ReadTimeoutError
from botocore.loaders import Loader, create_loader

from expressway.core.progress import raise_if_cancelled

RETRIES = 5
_CONNECTIONS = 25
"""Kept open for one service: as many as troubleshooting a cluster asks at the same time."""
_USER_AGENT = (
    f"Boto3/{boto3.__version__} md/Botocore#{botocore.__version__} ua/2.1 os/{platform.system().lower()} "
    f"lang/python#{platform.python_version()} app/expressway"
)
"""Botocore builds its own twice for each call, which is a sixth of what a call costs here."""
ATTEMPTS = 2
"""One may meet a connection that was closed meanwhile; throttling is retried as ever."""
_CONNECT_SECONDS, _READ_SECONDS = 5, 60
_HURRIED_CONNECT_SECONDS, _HURRIED_READ_SECONDS = 3, 20
_REMEMBERED_SECONDS = 5.0


class UnreachableEndpointRetry:
    """What is known of one client's endpoint: for a few seconds after it was given up, calls fail without a try."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lost: Exception | None = None
        self._until = 0.0

    def watch(self, client: Any) -> None:
        """Give up soon what this client cannot reach; asked before botocore's own retries, which cost a quota."""
        needs_retry = _needs_retry(client)
        client.meta.events.register_first(needs_retry.replace("needs-retry", "before-send"), self._refuse)
        client.meta.events.register_first(needs_retry, self._give_up)

    def _refuse(self, **_: Any) -> None:
        if self._is_lost and self._lost is not None:
            raise self._lost

    def _give_up(self, attempts: int, caught_exception: Exception | None, **_: Any) -> None:
        """Raise what was caught, which ends the retries, as botocore's own handlers may."""
        if not isinstance(caught_exception, BotoConnectionError | HTTPClientError):
            return
        if not self._is_lost:
            if attempts < ATTEMPTS:
                return
            if not isinstance(caught_exception, ReadTimeoutError):  # one slow answer says nothing about the next call
                self._lost, self._until = caught_exception, self._monotonic() + _REMEMBERED_SECONDS
        raise caught_exception

    @property
    def _is_lost(self) -> bool:
        return self._monotonic() < self._until


def make_client(
    session: boto3.Session,
    service: str,
    region: str,
    retries: int,
    *,
    endpoint_url: str | None = None,
    hurried: bool = False,
) -> Any:
    """The boto3 client of `service`; with `hurried` it soon gives up an endpoint that is out of reach."""
    # On loopback no proxy is used, and the variants of AWS's own endpoints make no sense there.
    loopback: dict[str, Any] = {"proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
    config = Config(
        region_name=region,
        retries={"mode": "standard", "max_attempts": retries},
        connect_timeout=_HURRIED_CONNECT_SECONDS if hurried else _CONNECT_SECONDS,
        read_timeout=_HURRIED_READ_SECONDS if hurried else _READ_SECONDS,
        max_pool_connections=_CONNECTIONS,
        user_agent=_USER_AGENT,
        ignore_configured_endpoint_urls=True,  # an override that `open_session` did not refuse is not followed either
        **(loopback if endpoint_url else {}),
    )
    make: Any = session.client
    client = make(service, endpoint_url=endpoint_url, config=config)
    client.meta.events.register_first("before-call", _stop_if_cancelled)
    if endpoint_url:  # the sandbox, which is on loopback: a port that refuses connections is not asked again
        client.meta.events.register_first(_needs_retry(client), _raise_if_nobody_listens)
    if hurried:
        UnreachableEndpointRetry().watch(client)
    return client


def _stop_if_cancelled(**_: object) -> None:
    raise_if_cancelled()


def _needs_retry(client: Any) -> str:
    return f"needs-retry.{client.meta.service_model.service_id.hyphenize()}"


def _raise_if_nobody_listens(caught_exception: Exception | None, **_: Any) -> None:
    if isinstance(caught_exception, EndpointConnectionError):
        raise caught_exception


class _Models(Loader):
    """A loader for many sessions. Each boto3 session appends its folder of resources, which nothing here uses; on a
    copy of the list, so that it does not grow."""

    @property
    def search_paths(self) -> list[str]:
        return [*super().search_paths]


@cache
def _models(data_path: str | None) -> Loader:
    return _Models(create_loader(data_path).search_paths, include_default_search_paths=False)


def share_models(core: botocore.session.Session) -> None:
    """Let a session read the service models that this process has parsed: each takes up to 0.2 s, EC2's 0.5 s.

    Raises:
        BotoCoreError: the session's profile does not exist, or the shared configuration cannot be read.
    """
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
