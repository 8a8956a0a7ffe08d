"""Decides whether a position that a client has seen belongs to the history of this log.

When a copy of a log is put back and written to, the same number means another event. So every position that
is given out carries a mark: the random id of the run that wrote the event there. Each time the log is opened
for writing a new run begins after the last event, and the log stores the position and the id of each run. Two
histories of one log diverge where one of them was opened again; from there on they have no run in common. So
a mark fits if and only if everything up to its position is the same, which is decided in memory.

A log that was restored from another one keeps the runs that it copied, and knows its ancestors: their tokens
are valid up to the last position that both logs have.

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
"""The run of position 0, with which all histories begin."""

TOKEN = re.compile(r"([A-Za-z0-9_-]{32})\.(0|[1-9][0-9]{0,18})")
_LAST_POSITION = 2**63 - 1
_LOG_BYTES = 16


class Ancestor(NamedTuple):
    """A log with which this one shares its history up to a position."""

    log_id: str
    position: int
    chain: bytes
    """The chain hash at the position."""
    left_time: int
    """When the histories diverged, in nanoseconds since the epoch."""
    cause: str


class Opening(NamedTuple):
    """A run of a writer, and the position after which it began."""

    position: int
    run: bytes
    time: int


class Place(NamedTuple):
    """A position in one history."""

    position: int
    run: bytes
    """The run that wrote it."""


class Lineage:
    """The runs that wrote one log, and the logs that it descends from."""

    def __init__(
        self,
        log_id: str,
        openings: Iterable[Opening],
        ancestors: Iterable[Ancestor] = (),
    ) -> None:
        """Openings and ancestors come oldest first; the log's id is a UUID."""
        self._log_id = log_id
        self._starts, self._runs = _intervals(openings)
        self._shared = _shared(log_id, ancestors)
        log = uuid.UUID(log_id).bytes
        self._beginnings = [base64.urlsafe_b64encode(log + run).decode() + "." for run in self._runs]
        self._origin = base64.urlsafe_b64encode(log + NO_RUN).decode() + "."

    def place(self, position: int) -> Place:
        """A position of this log with its mark."""
        return Place(position, self._runs[self._index(position)] if position else NO_RUN)

    def token(self, position: int) -> str:
        """A position of this log as text."""
        return (self._beginnings[self._index(position)] if position else self._origin) + str(position)

    def has(self, place: Place, head: int) -> bool:
        """Whether this log has everything up to the place; its last position is `head`."""
        return place.position <= head and place == self.place(place.position)

    def position_of(self, token: str, head: int) -> int:
        """The position that a token names in this log.

        Raises `ReadRefused` for a token of another history, and ValueError for text that is not a token.
        """
        log, place = _parsed(token)
        log_id, last_shared = self._shared.get(log, ("", -1))
        if place.position <= last_shared and self.has(place, head):
            return place.position
        asked = log_id or str(uuid.UUID(bytes=log))
        raise self._refusal(asked, place, last_shared, head)

    def check(self, place: Place, head: int) -> None:
        """Raise `ReadRefused` if the place belongs to another history of this log."""
        if not self.has(place, head):
            raise self._refusal(self._log_id, place, _LAST_POSITION, head)

    def _index(self, position: int) -> int:
        if position > self._starts[-1]:
            return -1
        return bisect_left(self._starts, position) - 1

    def _refusal(self, asked: str, place: Place, last_shared: int, head: int) -> ReadRefused:
        """Names the last position that this log shares with the history of the place, as far as known."""
        common, is_exact = None, False
        if last_shared >= 0 and place.run in self._runs:
            common, is_exact = min(last_shared, self._end_of(place.run, head)), True
        elif 0 <= last_shared < place.position:  # or earlier, if an older copy of the ancestor was put back
            common = last_shared
        return ReadRefused.history_replaced(asked, self._log_id, place.position, common, is_exact=is_exact)

    def _end_of(self, run: bytes, head: int) -> int:
        following = self._runs.index(run) + 1
        return self._starts[following] if following < len(self._starts) else head


def is_token(text: str) -> bool:
    """Whether a text has the form of a token of a position."""
    found = TOKEN.fullmatch(text)
    return found is not None and int(found[2]) <= _LAST_POSITION


def _parsed(token: str) -> tuple[bytes, Place]:
    found = TOKEN.fullmatch(token)
    if found is None or int(found[2]) > _LAST_POSITION:
        raise ValueError("not a token of a position")
    decoded = base64.urlsafe_b64decode(found[1])
    return decoded[:_LOG_BYTES], Place(int(found[2]), decoded[_LOG_BYTES:])


def opening_of_former_releases(chain_hash: bytes, time: int) -> Opening:
    """An opening that stands for all runs of releases that did not record them.

    Its id is the beginning of the log's last chain hash: different histories get different ids.
    """
    return Opening(0, chain_hash[:RUN_BYTES], time)


def _intervals(openings: Iterable[Opening]) -> tuple[list[int], list[bytes]]:
    """The position after which each run wrote, ascending; runs that wrote nothing are left out."""
    starts, runs = [0], [NO_RUN]
    for opening in openings:
        while starts and starts[-1] >= opening.position:
            starts.pop()
            runs.pop()
        starts.append(opening.position)
        runs.append(opening.run)
    return starts, runs


def _shared(log_id: str, ancestors: Iterable[Ancestor]) -> dict[bytes, tuple[str, int]]:
    """Id and last common position of this log and of its ancestors, by the bytes of the id."""
    shared = {uuid.UUID(log_id).bytes: (log_id, _LAST_POSITION)}
    last = _LAST_POSITION
    for ancestor in reversed(list(ancestors)):  # what a later log lacks, no earlier one shares
        last = min(last, ancestor.position)
        shared.setdefault(uuid.UUID(ancestor.log_id).bytes, (ancestor.log_id, last))
    return shared
