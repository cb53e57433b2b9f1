"""CloudWatch Logs behind a narrow port: the end of a task's log, and log groups that come and go.

Secrets of known kinds are masked as lines are read, before anything is judged, kept or shown. What nobody will see is
cut off before, since to look for secrets takes a millisecond for each kilobyte; a margin beyond the cut is looked
through too, and ends with a whole word, so that neither cut leaves half of a secret.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import ask, ask_items, aws_error_code, aws_error_message, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.service import LogEvent, LogGroup, LogSearch
from expressway.core.text import shortened
from expressway.errors import UsageError
from expressway.privacy.masking.detector import masked_lines
from expressway.privacy.untrusted import echoed

_MISSING = "ResourceNotFoundException"
_PAGES_A_SEARCH = 20
_SHORTEST_SEARCH_SECONDS = 1.0
_TAIL_LINE_CHARACTERS = 8_000
"""Of the end of a task's log: an exception with its trace may be one event."""
_FOUND_LINE_CHARACTERS = 2_000
_TEXT_CHARACTERS = 200_000
"""Of all lines together."""
_MARGIN_CHARACTERS = 1_000


class Logs:
    """The log groups of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    @property
    def _client(self) -> Any:
        """Made by the first read: not every question needs it."""
        return self._session.client("logs")

    def tail_events(self, log_group: str, stream: str, *, limit: int = 60) -> tuple[LogEvent, ...] | None:
        """The last `limit` lines of one stream, oldest first; empty without the stream, None where the log group is
        not there (any more).
        """
        doing = f"read the log {log_group}"
        try:
            answer = self._client.get_log_events(
                logGroupName=log_group, logStreamName=stream, limit=limit, startFromHead=False
            )
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) == _MISSING:  # one code for both; only the message says which
                return () if "log stream" in aws_error_message(exc) else None
            raise map_aws_error(exc, doing) from exc
        events = [_log_event({"logStreamName": stream, **event}, log_group) for event in answer["events"]]
        return _masked(_newest(events, _TAIL_LINE_CHARACTERS), _TAIL_LINE_CHARACTERS)

    def search(
        self,
        log_group: str,
        *,
        start: datetime,
        end: datetime,
        streams: Sequence[str] = (),
        stream_prefix: str = "",
        pattern: str = "",
        limit: int = 200,
    ) -> LogSearch:
        """The newest `limit` events between two moments, oldest first; 200,000 characters of them, 2,000 of each.

        Args:
            streams: names of streams to look into; all of the group, or all that begin with `stream_prefix`.
            pattern: in the syntax of CloudWatch Logs' filter patterns; empty matches every event.

        CloudWatch Logs tells the oldest first. Where there is more than 20 pages can hold, the older half of the
        time is given up, again and again, until the end of it has been read.

        Raises:
            UsageError: ``invalid_arguments`` for a pattern that CloudWatch Logs does not understand.
            TargetError: ``access_denied`` without logs:FilterLogEvents, and the like.
        """
        narrowed: dict[str, Any] = {"filterPattern": pattern} if pattern else {}
        if streams:
            narrowed["logStreamNames"] = list(streams)
        elif stream_prefix:
            narrowed["logStreamNamePrefix"] = stream_prefix
        complete = True
        while True:
            kept: deque[LogEvent] = deque(maxlen=limit)
            read = self._read_pages(log_group, start, end, narrowed, kept)
            if read is None:
                return LogSearch(group_exists=False)
            found, finished = read
            short = (end - start).total_seconds() <= _SHORTEST_SEARCH_SECONDS
            if finished or short:
                newest = _newest(kept, _FOUND_LINE_CHARACTERS)
                whole = complete and finished and found <= limit and len(newest) == len(kept)
                return LogSearch(_masked(newest, _FOUND_LINE_CHARACTERS), whole)
            start, complete = start + (end - start) / 2, False

    def _read_pages(
        self, log_group: str, start: datetime, end: datetime, narrowed: Mapping[str, Any], kept: "deque[LogEvent]"
    ) -> tuple[int, bool] | None:
        """How many events there were and whether all pages were read; None without group or stream."""
        token: dict[str, str] = {}
        found = 0
        for _ in range(_PAGES_A_SEARCH):
            page = self._filter(
                f"search the log {log_group}",
                logGroupName=log_group,
                startTime=int(start.timestamp() * 1000),
                endTime=int(end.timestamp() * 1000),
                **narrowed,
                **token,
            )
            if page is None:
                return None
            prefix = str(narrowed.get("logStreamNamePrefix", ""))
            parsed = (_log_event(raw, log_group) for raw in page.get("events", []))
            events = [event for event in parsed if event.stream.startswith(prefix)]
            found += len(events)
            kept.extend(events)
            if not page.get("nextToken"):
                return found, True
            token = {"nextToken": page["nextToken"]}
        return found, False

    def _filter(self, doing: str, **arguments: Any) -> Mapping[str, Any] | None:
        try:
            return self._client.filter_log_events(**arguments)
        except (ClientError, BotoCoreError) as exc:
            code = aws_error_code(exc)
            if code == _MISSING:
                return None
            if code == "InvalidParameterException" and "filterPattern" in arguments:
                raise UsageError(
                    "invalid_arguments",
                    f"CloudWatch Logs does not take the filter_pattern {echoed(arguments['filterPattern'])}: "
                    f"{aws_error_message(exc)}",
                    'Write it as CloudWatch Logs does: ERROR, "two words", ?either ?or, { $.level = "error" }.',
                ) from exc
            raise map_aws_error(exc, doing) from exc

    def group(self, log_group: str) -> LogGroup | None:
        """The log group of exactly this name, or None."""
        doing = "list the log groups"
        call = self._client.describe_log_groups
        groups = ask_items(call, "logGroups", doing, by="nextToken", missing={_MISSING}, logGroupNamePrefix=log_group)
        named = (group for group in groups if group["logGroupName"] == log_group)
        return next((LogGroup(log_group, group.get("retentionInDays")) for group in named), None)

    def delete_group(self, log_group: str) -> bool:
        """Delete a log group; False when there was none."""
        doing = f"delete the log group {log_group}"
        return ask(self._client.delete_log_group, doing, missing={_MISSING}, logGroupName=log_group) is not None


def _log_event(raw: Mapping[str, Any], log_group: str) -> LogEvent:
    moment = datetime.fromtimestamp(raw.get("timestamp", 0) / 1000, UTC)
    return LogEvent(moment, str(raw.get("message", "")).rstrip(), raw.get("logStreamName", ""), log_group)


def _newest(events: Sequence[LogEvent], line_characters: int) -> list[LogEvent]:
    """As many of the newest events as fit, oldest first."""
    kept: list[LogEvent] = []
    left = _TEXT_CHARACTERS
    for event in reversed(events):
        left -= min(len(event.message), line_characters)
        if left < 0 and kept:
            break
        kept.append(event)
    return kept[::-1]


def _masked(events: Iterable[LogEvent], line_characters: int) -> tuple[LogEvent, ...]:
    """The events without secrets; a key may stand on several lines of one stream, with others between them."""
    masked = list(events)
    for stream in {event.stream for event in masked}:
        places = [at for at, event in enumerate(masked) if event.stream == stream]
        looked_at = (shortened(masked[at].message, line_characters + _MARGIN_CHARACTERS) for at in places)
        for at, message in zip(places, masked_lines(looked_at), strict=True):
            if len(masked[at].message) > line_characters:
                message = f"{message[:line_characters].removesuffix('…')}…"
            masked[at] = replace(masked[at], message=message)
    return tuple(masked)
