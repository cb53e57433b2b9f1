"""Things that are read by their ids, some of them before it is known that they are wanted."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from expressway.core.concurrent_reads import ConcurrentReads

T = TypeVar("T")


class GuessedReads(Generic[T]):
    """Things of one kind. A guess saves a round trip where it was right; where it was wrong or was refused, what is
    wanted is read by itself, so that a guess never decides what is told.

    Args:
        id_of: what a thing is known by.
        at_most: how many ids a call takes.
    """

    def __init__(
        self,
        reads: ConcurrentReads,
        name: str,
        read: Callable[[Sequence[str]], tuple[T, ...]],
        *,
        id_of: Callable[[T], str],
        at_most: int = 100,
    ) -> None:
        self._reads = reads
        self._name = name
        self._read = read
        self._id_of = id_of
        self._at_most = at_most
        self._guesses: list[tuple[frozenset[str], Future[tuple[T, ...]]]] = []
        self._wanted: dict[str, None] = {}
        self._asked: list[Future[tuple[T, ...]]] = []

    def guess(self, ids: Iterable[str]) -> None:
        """Begin to read what may be wanted; before anything is asked for."""
        self._guesses = [(frozenset(some), future) for some, future in self._begun(list(dict.fromkeys(ids)))]

    def ask(self, ids: Iterable[str]) -> None:
        """Begin to read what is wanted and was not guessed."""
        guessed = frozenset[str]().union(*(some for some, _ in self._guesses))
        new = [one for one in dict.fromkeys(ids) if one and one not in self._wanted]
        self._wanted.update(dict.fromkeys(new))
        self._asked.extend(future for _, future in self._begun([one for one in new if one not in guessed]))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The ids that were asked for."""
        return tuple(self._wanted)

    def take(self) -> tuple[T, ...]:
        """All that is wanted; what was refused is left out, and a gap."""
        for guess in [one for one in self._guesses if one[1].exception() is not None]:
            self._guesses.remove(guess)
            self._asked.extend(future for _, future in self._begun([one for one in self._wanted if one in guess[0]]))
        guessed = (one for _, future in self._guesses for one in future.result())
        asked = (one for future in self._asked for one in self._reads.take(future, ()))
        return (*(one for one in guessed if self._id_of(one) in self._wanted), *asked)

    def _begun(self, ids: Sequence[str]) -> list[tuple[list[str], Future[tuple[T, ...]]]]:
        chunks = [list(ids[start : start + self._at_most]) for start in range(0, len(ids), self._at_most)]
        return [(some, self._reads.ask(self._name, lambda some=some: self._read(some))) for some in chunks]
