"""An endpoint that is out of reach is given up soon: where a read may become a gap, nobody waits for all retries."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ReadTimeoutError

ATTEMPTS = 2
"""One may meet a connection that was closed meanwhile; throttling is retried as ever."""
CONNECT_SECONDS = 3
READ_SECONDS = 20
_REMEMBERED_SECONDS = 5.0


def ask_once_where_nobody_listens(client: Any) -> None:
    """Send no call of this client again to a port that refuses connections: for the sandbox, which is on loopback."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"needs-retry.{service}", _raise_if_nobody_listens)


def _raise_if_nobody_listens(caught_exception: Exception | None, **_: Any) -> None:
    if isinstance(caught_exception, EndpointConnectionError):
        raise caught_exception


class LostEndpoint:
    """What is known of one client's endpoint: for a few seconds after it was given up, calls fail without a try."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lost: Exception | None = None
        self._until = 0.0

    def watch(self, client: Any) -> None:
        """Give up soon what this client cannot reach; asked before botocore's own retries, which cost a quota."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{service}", self._refuse)
        client.meta.events.register_first(f"needs-retry.{service}", self._give_up)

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
