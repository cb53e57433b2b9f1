"""Whether something that failed may be asked again, as a value: each event makes the next state.

Closed, every call goes on. After a number of failures in a row it opens: calls are turned away at once, until a pause
is over. Then one call at a time may try; if it works the breaker closes, if not the pause begins anew.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """How many failures in a row open the breaker, and how long it stays open."""

    failures_to_open: int = 3
    pause_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """`opened_at` is on the caller's own monotonic scale (seconds), None while closed."""

    rule: BreakerRule = BreakerRule()
    failures: int = 0
    opened_at: float | None = None
    trying: bool = False

    def wait_seconds(self, now: float) -> float:
        """How long calls are turned away; 0 when one may go on now."""
        if self.opened_at is None:
            return 0.0
        left = self.rule.pause_seconds - (now - self.opened_at)
        if left > 0:
            return left
        return self.rule.pause_seconds if self.trying else 0.0

    def asked(self) -> "CircuitBreaker":
        """A call goes on; while open it is the one that tries."""
        return self if self.opened_at is None else replace(self, trying=True)

    def worked(self) -> "CircuitBreaker":
        """A call was answered."""
        return CircuitBreaker(self.rule)

    def failed(self, now: float) -> "CircuitBreaker":
        """A call was not answered."""
        failures = self.failures + 1
        if self.opened_at is not None and not self.trying:
            return replace(self, failures=failures)  # it began before the breaker opened, and tells nothing new
        opens = self.trying or failures >= self.rule.failures_to_open
        return CircuitBreaker(self.rule, failures, now if opens else None)

    def given_up(self) -> "CircuitBreaker":
        """A call ended without telling how the other side is; another may try."""
        return replace(self, trying=False)
