"""Whether the code at hand can still read and fold everything that was ever stored."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from google.protobuf.message import Message

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.commands.snapshots import EVERY, Snapshot, Snapshots, Until
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import EventUnreadable
from foldlog_server.log.codec import Codec
from foldlog_server.log.event_store import Log
from foldlog_server.log.events import EncodedEvent, category_of, id_of
from foldlog_server.views.batch import told

MOST = 1_000
"""Problems that are told apart; what differs from all of them is only counted."""

_PAGE = 1_000


class Kind(StrEnum):
    """What would break."""

    LOG = "log"
    """It has lost what was stored: a server refuses to open it."""
    EVENT = "event"
    """It cannot be read: whatever folds it fails."""
    FOLD = "fold"
    """Aggregates of a category: commands on them fail, or are decided on a wrong state."""
    VIEW = "view"
    """It stops, or parks documents."""


class Problem(NamedTuple):
    """One thing that would break, and how often."""

    kind: Kind
    name: str
    """Of the message, the category or the view."""
    error: str
    position: int
    """Of the first event that this is about."""
    where: str
    """The stream and version of that event, or the document."""
    times: int = 1
    """Events or, of a view, documents."""


class Findings:
    """What was looked at, and what would break."""

    def __init__(self) -> None:
        self.events = 0
        self.streams = 0
        self.untold = 0
        """What would break beyond the problems that are told apart."""
        self._problems: dict[tuple[Kind, str, str], Problem] = {}

    @property
    def problems(self) -> Sequence[Problem]:
        """What would break, by position."""
        return sorted(self._problems.values(), key=lambda problem: problem.position)

    def add(self, problem: Problem) -> None:
        """Note a problem; the same one again is counted."""
        group = (problem.kind, problem.name, problem.error)
        known = self._problems.get(group)
        if known is not None:
            first = min(known, problem, key=lambda one: one.position)
            self._problems[group] = first._replace(times=known.times + problem.times)
        elif len(self._problems) < MOST:
            self._problems[group] = problem
        else:
            self.untold += problem.times


class History:
    """Decodes and folds all streams of a log, and notes what it cannot."""

    def __init__(
        self,
        log: Log,
        deciders: Mapping[str, AnyDecider],
        codec: Codec,
        snapshots: Snapshots,
        findings: Findings,
    ) -> None:
        """`deciders` are by category; `snapshots` are those that are kept beside the log."""
        self._findings = findings
        self._log = log
        self._deciders = deciders
        self._codec = codec
        self._snapshots = snapshots

    async def check(self, until: int) -> AsyncIterator[int]:
        """Check all that was stored up to a position; gives how far that is, page by page.

        Raises `DataDamaged` for bytes that do not fit their checksum.
        """
        position = 0
        while position < until:
            events = await self._log.read_all(from_position=position + 1, limit=min(_PAGE, until - position))
            for event in events:
                envelope = RecordedEventMessage.FromString(event.record)
                if envelope.version == 1:
                    await self._check_stream(envelope.stream, until)
            position = events[-1].position
            yield position

    async def _check_stream(self, stream: str, until: int) -> None:
        decider = self._deciders.get(category_of(stream))
        fold = _Fold(stream, decider, self._codec)
        self._findings.streams += 1
        while events := await self._page(stream, fold.version, until):
            self._findings.events += len(events)
            for problem in fold.take(events, self._kept(stream, decider, events)):
                self._findings.add(problem)
        for problem in fold.render():
            self._findings.add(problem)

    async def _page(self, stream: str, version: int, until: int) -> Sequence[EncodedEvent]:
        events = await self._log.read_stream(stream, from_version=version + 1, limit=_PAGE)
        return [event for event in events if event.position <= until]

    def _kept(
        self, stream: str, decider: AnyDecider | None, events: Sequence[EncodedEvent]
    ) -> Snapshot | None:
        """The newest snapshot of a page of events."""
        last = RecordedEventMessage.FromString(events[-1].record).version
        if decider is None or last < EVERY:
            return None
        return self._snapshots.newest(stream, decider, Until(version=last))


class _Fold:
    """The state of one stream, from event to event; none any more behind one that cannot be part of it."""

    def __init__(self, stream: str, decider: AnyDecider | None, codec: Codec) -> None:
        self.version = 0
        self._stream = stream
        self._decider = decider
        self._state = decider.initial if decider is not None else None
        self._codec = codec
        self._position = 0

    def take(self, events: Sequence[EncodedEvent], kept: Snapshot | None) -> Iterator[Problem]:
        """Go on by some events; gives what would break."""
        for event in events:
            envelope = RecordedEventMessage.FromString(event.record)
            self.version, self._position = envelope.version, event.position
            payload = self._read(event)
            if isinstance(payload, str):
                self._decider = None
                yield self._problem(Kind.EVENT, envelope.type, payload)
            elif self._decider is not None:
                try:
                    self._state = self._decider.evolve(self._state, payload)
                except Exception as error:
                    yield self._broken(f"{envelope.type}: {told(error)}")
            if kept is not None and kept.event_id == envelope.event_id:
                yield from self._compare(kept)

    def render(self) -> Iterator[Problem]:
        """Make the answer that shows the state; gives what would break."""
        if self._decider is not None:
            try:
                self._decider.render(id_of(self._stream), self.version, self._state)
            except Exception as error:
                yield self._broken(f"its answer: {told(error)}")

    def _read(self, event: EncodedEvent) -> Message | str:
        """The payload, or why it cannot be read."""
        try:
            payload: Message = self._codec.decode(event).payload
        except EventUnreadable as error:
            return error.why
        except Exception as error:
            return f"its upcaster: {told(error)}"
        return payload

    def _compare(self, kept: Snapshot) -> Iterator[Problem]:
        if self._decider is not None and state_codec.encode(kept.state) != state_codec.encode(self._state):
            yield self._broken("its events make another state than was kept: raise the decider's revision")

    def _broken(self, error: str) -> Problem:
        assert self._decider is not None
        category, self._decider = self._decider.category, None
        return self._problem(Kind.FOLD, category, error)

    def _problem(self, kind: Kind, name: str, error: str) -> Problem:
        return Problem(kind, name, error, self._position, f"{self._stream}, version {self.version}")
