"""Checks that the installed code can still read and fold every stored event."""

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
from foldlog_server.views.batch import one_line

MOST = 1_000
"""How many different problems are listed; further ones are only counted."""

_PAGE = 1_000


class Kind(StrEnum):
    """The kinds of things that would break."""

    LOG = "log"
    """The log has lost events: a server refuses to open it."""
    EVENT = "event"
    """An event cannot be read: folds that include it fail."""
    FOLD = "fold"
    """Aggregates of a category: commands on them fail, or are decided on a wrong state."""
    VIEW = "view"
    """A view stops, or parks documents."""


class Problem(NamedTuple):
    """One thing that would break, and how often."""

    kind: Kind
    name: str
    """The name of the message, the category or the view."""
    error: str
    position: int
    """The position of the first event concerned."""
    where: str
    """The stream and version of that event, or the document."""
    times: int = 1
    """How many events or, of a view, documents are concerned."""


class Findings:
    """How much was checked, and what would break."""

    def __init__(self) -> None:
        self.events = 0
        self.streams = 0
        self.unlisted = 0
        """How often something would break beyond the problems that are listed."""
        self._problems: dict[tuple[Kind, str, str], Problem] = {}

    @property
    def problems(self) -> Sequence[Problem]:
        """The problems, by position."""
        return sorted(self._problems.values(), key=lambda problem: problem.position)

    def add(self, problem: Problem) -> None:
        """Add a problem; the same one again is only counted."""
        group = (problem.kind, problem.name, problem.error)
        known = self._problems.get(group)
        if known is not None:
            first = min(known, problem, key=lambda one: one.position)
            self._problems[group] = first._replace(times=known.times + problem.times)
        elif len(self._problems) < MOST:
            self._problems[group] = problem
        else:
            self.unlisted += problem.times


class History:
    """Decodes and folds all streams of a log, and collects the problems."""

    def __init__(
        self,
        log: Log,
        deciders: Mapping[str, AnyDecider],
        codec: Codec,
        snapshots: Snapshots,
        findings: Findings,
    ) -> None:
        """`deciders` are by category; `snapshots` are those stored beside the log."""
        self._findings = findings
        self._log = log
        self._deciders = deciders
        self._codec = codec
        self._snapshots = snapshots

    async def check(self, until: int) -> AsyncIterator[int]:
        """Check everything that is stored up to a position; yields the position after each page.

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
    """The state of one stream, from event to event; it ends at the first event that cannot be folded."""

    def __init__(self, stream: str, decider: AnyDecider | None, codec: Codec) -> None:
        self.version = 0
        self._stream = stream
        self._decider = decider
        self._state = decider.initial if decider is not None else None
        self._codec = codec
        self._position = 0

    def take(self, events: Sequence[EncodedEvent], kept: Snapshot | None) -> Iterator[Problem]:
        """Fold some more events; yields the problems."""
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
                    yield self._broken(f"{envelope.type}: {one_line(error)}")
            if kept is not None and kept.event_id == envelope.event_id:
                yield from self._compare(kept)

    def render(self) -> Iterator[Problem]:
        """Render the state; yields the problem if that fails."""
        if self._decider is not None:
            try:
                self._decider.render(id_of(self._stream), self.version, self._state)
            except Exception as error:
                yield self._broken(f"its answer: {one_line(error)}")

    def _read(self, event: EncodedEvent) -> Message | str:
        """The payload, or why it cannot be read."""
        try:
            payload: Message = self._codec.decode(event).payload
        except EventUnreadable as error:
            return error.why
        except Exception as error:
            return f"its upcaster: {one_line(error)}"
        return payload

    def _compare(self, kept: Snapshot) -> Iterator[Problem]:
        if self._decider is not None and state_codec.encode(kept.state) != state_codec.encode(self._state):
            yield self._broken(
                "its events make another state than its snapshot: raise the decider's revision"
            )

    def _broken(self, error: str) -> Problem:
        assert self._decider is not None
        category, self._decider = self._decider.category, None
        return self._problem(Kind.FOLD, category, error)

    def _problem(self, kind: Kind, name: str, error: str) -> Problem:
        return Problem(kind, name, error, self._position, f"{self._stream}, version {self.version}")
