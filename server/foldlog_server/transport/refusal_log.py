"""Logs refusals: the first ones in a second with a line each, the rest as a number."""

import logging
from collections.abc import Callable, Iterable

from foldlog_server.errors import FoldlogError
from foldlog_server.timer import Timer

LINES_A_SECOND = 10
"""Lines for one method and reason; a client can repeat a refused call thousands of times a second."""

logger = logging.getLogger("foldlog.calls")

_Kind = tuple[str, str]  # method, reason


class RefusalLog:
    """Writes at most `LINES_A_SECOND` refusals of a method and reason, then one line for all it omitted.

    A second starts with its first refusal; the line for the rest is written when it ends.
    """

    def __init__(self, timer: Callable[[], Timer]) -> None:
        """`timer` returns the timer that ends a second, such as the running event loop."""
        self._timer = timer
        self._counts: dict[_Kind, int] = {}

    def refused(self, method: str, error: FoldlogError, personal: Callable[[], Iterable[str]]) -> None:
        """Log a refusal, or count it.

        A text that contains something `personal` of the request is logged only at debug.
        """
        kind = (method, error.reason.name)
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count == 1:
            self._timer().call_later(1.0, lambda: self._end_second(kind))
        if count <= LINES_A_SECOND:
            logger.info("%s refused: %s: %s", *kind, _text(error.message, personal))

    def end_all(self) -> None:
        """End every second now: the event loop may stop before it is over."""
        for kind in list(self._counts):
            self._end_second(kind)

    def _end_second(self, kind: _Kind) -> None:
        left_out = self._counts.pop(kind, 0) - LINES_A_SECOND
        if left_out > 0:
            logger.info("%s refused: %s: %d more times within a second", *kind, left_out)


def _text(message: str, personal: Callable[[], Iterable[str]]) -> str:
    if logger.isEnabledFor(logging.DEBUG) or not any(value in message for value in personal()):
        return message
    return "(its text says something about a person: see it with --log-level debug)"
