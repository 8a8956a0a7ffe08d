"""Which history a position was seen in, so that none is taken for another one's.

After a copy of a log was put back and written on, the same number means another event. A position that is
given out therefore travels with a mark: the random id of the run that wrote the event there. Every opening
for writing begins a run behind the last event, and the log keeps position and id of each. Two histories of
one log part where one of them was opened anew; from there on no run of the one is in the other. So a mark
fits if, and only if, everything up to its position is the same, which is judged from memory.

A log that was restored from another one keeps the runs of what it took over, and knows its ancestors: their
tokens are good up to the last position that both have.

A token is text: 32 characters for log and run (base64, RFC 4648, 5), a dot, the position.
"""

import base64
import re
import uuid
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from foldlog_server.errors import ReadRefused

RUN_BYTES = 8
NO_RUN = bytes(RUN_BYTES)
"""What wrote position 0, which all histories begin with."""

TOKEN = re.compile(r"([A-Za-z0-9_-]{32})\.(0|[1-9][0-9]{0,18})")
_LAST_POSITION = 2**63 - 1
_LOG_BYTES = 16


class Ancestor(NamedTuple):
    """A log whose history another one shares up to a position."""

    log_id: str
    position: int
    chain: bytes
    """The chain hash at the position."""
    left_time: int
    """When the histories parted, in nanoseconds since the epoch."""
    cause: str


class Opening(NamedTuple):
    """A run of a writer, and the position behind which it began."""

    position: int
    run: bytes
    time: int


class Place(NamedTuple):
    """A position in one history."""

    position: int
    run: bytes
    """That wrote it."""


class Lineage:
    """The runs that wrote one log, and the logs that it goes back to."""

    def __init__(
        self,
        log_id: str,
        openings: Iterable[Opening],
        ancestors: Iterable[Ancestor] = (),
    ) -> None:
        """Openings and ancestors are in the order in which they came to be; the log's id is a UUID."""
        self._log_id = log_id
        self._starts, self._runs = _intervals(openings)
        self._shared = _shared(log_id, ancestors)
        log = uuid.UUID(log_id).bytes
        self._beginnings = [base64.urlsafe_b64encode(log + run).decode() + "." for run in self._runs]
        self._origin = base64.urlsafe_b64encode(log + NO_RUN).decode() + "."

    def place(self, position: int) -> Place:
        """A position of this log as it is now, marked."""
        return Place(position, self._runs[self._index(position)] if position else NO_RUN)

    def token(self, position: int) -> str:
        """A position of this log as text."""
        return (self._beginnings[self._index(position)] if position else self._origin) + str(position)

    def has(self, place: Place, head: int) -> bool:
        """Whether everything up to the place is in this log, whose last position is `head`."""
        return place.position <= head and place == self.place(place.position)

    def position_of(self, token: str, head: int) -> int:
        """The position that a token names in this log.

        Raises `ReadRefused` for one of another history, and ValueError for what is no token.
        """
        log, place = _parsed(token)
        log_id, last_shared = self._shared.get(log, ("", -1))
        if place.position <= last_shared and self.has(place, head):
            return place.position
        asked = log_id or str(uuid.UUID(bytes=log))
        raise self._refusal(asked, place, last_shared, head)

    def check(self, place: Place, head: int) -> None:
        """Raise `ReadRefused` for a place of another history of this log."""
        if not self.has(place, head):
            raise self._refusal(self._log_id, place, _LAST_POSITION, head)

    def _index(self, position: int) -> int:
        if position > self._starts[-1]:
            return -1
        return bisect_left(self._starts, position) - 1

    def _refusal(self, asked: str, place: Place, last_shared: int, head: int) -> ReadRefused:
        """Says the last position of this log that is also in the history of the place, as far as known."""
        common, is_exact = None, False
        if last_shared >= 0 and place.run in self._runs:
            common, is_exact = min(last_shared, self._end_of(place.run, head)), True
        elif 0 <= last_shared < place.position:  # or before it, if the ancestor itself was set back
            common = last_shared
        return ReadRefused.history_replaced(asked, self._log_id, place.position, common, is_exact=is_exact)

    def _end_of(self, run: bytes, head: int) -> int:
        following = self._runs.index(run) + 1
        return self._starts[following] if following < len(self._starts) else head


def is_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    found = TOKEN.fullmatch(text)
    return found is not None and int(found[2]) <= _LAST_POSITION


def _parsed(token: str) -> tuple[bytes, Place]:
    found = TOKEN.fullmatch(token)
    if found is None or int(found[2]) > _LAST_POSITION:
        raise ValueError("not a token of a position")
    decoded = base64.urlsafe_b64decode(found[1])
    return decoded[:_LOG_BYTES], Place(int(found[2]), decoded[_LOG_BYTES:])


def opening_of_former_releases(chain_hash: bytes, time: int) -> Opening:
    """Stands for all runs of releases that did not record any, in a log whose chain ends with this hash.

    The hash's beginning is the id: another history, another id.
    """
    return Opening(0, chain_hash[:RUN_BYTES], time)


def _intervals(openings: Iterable[Opening]) -> tuple[list[int], list[bytes]]:
    """Behind which positions each run wrote, ascending; one that wrote nothing has no part in it."""
    starts, runs = [0], [NO_RUN]
    for opening in openings:
        while starts and starts[-1] >= opening.position:
            starts.pop()
            runs.pop()
        starts.append(opening.position)
        runs.append(opening.run)
    return starts, runs


def _shared(log_id: str, ancestors: Iterable[Ancestor]) -> dict[bytes, tuple[str, int]]:
    """Id and last common position of this log and of those it goes back to, by the bytes of the id."""
    shared = {uuid.UUID(log_id).bytes: (log_id, _LAST_POSITION)}
    last = _LAST_POSITION
    for ancestor in reversed(list(ancestors)):  # what a later log has not got, no earlier one shares
        last = min(last, ancestor.position)
        shared.setdefault(uuid.UUID(ancestor.log_id).bytes, (ancestor.log_id, last))
    return shared
