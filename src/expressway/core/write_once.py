"""A write whose answer is lost may have been made: AWS is read again before the write is called a failure."""

from collections.abc import Callable

from expressway.error_codes import has_trait
from expressway.errors import ExpresswayError, TargetError


def is_lost(error: ExpresswayError) -> bool:
    """Whether AWS may have done what was asked all the same: the connection broke, or the answer was an error of its
    own (5xx). What AWS throttles, refuses or does not know it has not done."""
    return isinstance(error, TargetError) and has_trait(error.code, "may_have_been_done")


def write_once(write: Callable[[], object], *, is_done: Callable[[], bool]) -> None:
    """Make a write; where no answer came, it counts as made if AWS shows that it is.

    Raises:
        ExpresswayError: of the write, where it was refused, was not made, or cannot be looked at.
    """
    try:
        write()
    except ExpresswayError as error:
        if not is_lost(error) or not _shows(is_done):
            raise


def _shows(is_done: Callable[[], bool]) -> bool:
    try:
        return is_done()
    except ExpresswayError:
        return False
