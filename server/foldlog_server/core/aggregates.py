"""The latest states in memory: commands are decided on them in order of arrival, and answered from disk.

Rules
1. Commands of one aggregate are decided in order of arrival; one that names several waits for its turn in
   each of them.
2. A state is advanced as soon as a command is decided, so commands on a hot aggregate share a batch. A
   decision on a state that is not yet stored is linked to the decision that made it.
3. When an append fails, everything linked to it fails with it, at once, and is decided again, in order,
   before anything that arrived later.
4. Every outcome, also a refusal, a conflict, or that there is nothing to do, is given only when the
   version it was decided on is on disk.
5. A state with pending decisions is not evicted. A stream is loaded once, however many wait for it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from google.protobuf.message import Message

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.core.codec import Codec
from foldlog_server.core.decider import AnyDecider
from foldlog_server.core.errors import Contended, FoldlogError, Rejected, WrongExpectedVersion
from foldlog_server.core.event_store import (
    Append,
    Appended,
    EventStore,
    LinkedAppendFailed,
    NewRequest,
    StreamAppend,
)
from foldlog_server.core.events import EncodedEvent, NewEvent

MAX_ATTEMPTS = 10
"""How often a command is decided before the race for its stream counts as lost."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """What a command asks of one stream."""

    stream: str
    decider: AnyDecider
    command: Message | None
    """None asks for the state and changes nothing."""
    is_new: bool = False
    """The id was made for this command, so the stream cannot exist and need not be loaded."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of one stream after a decision."""

    stream: str
    version: int
    position: int
    """Of the stream's last event; 0 = the stream does not exist, or the last event is not stored."""
    state: Any


@dataclass(frozen=True, slots=True)
class Decided:
    """What a command did."""

    streams: tuple[StreamState, ...]
    events: tuple[EncodedEvent, ...] = ()
    proposed: tuple[tuple[str, int, NewEvent], ...] = ()
    """Of a decision that was only to be validated: stream, version and event, none of it stored."""


@dataclass(slots=True, eq=False)
class Decision:
    """One command on its way: waiting for its turn, decided, stored."""

    parts: tuple[Part, ...]
    metadata: EventMetadata
    outcome: "asyncio.Future[Decided | FoldlogError]"
    expected_version: int | None = None
    request: NewRequest | None = None
    validate_only: bool = False

    attempts: int = 0
    order: int = 0
    links: set["Decision"] = field(default_factory=set)
    dependents: list["Decision"] = field(default_factory=list)
    append: Append | None = None
    found: "Decided | FoldlogError | None" = None


@dataclass(slots=True)
class _Entry:
    """The latest state of one stream, and who waits for it."""

    decider: AnyDecider
    state: object
    version: int = 0
    position: int = 0
    loaded: bool = False
    loading: "asyncio.Task[None] | None" = None
    pending: "deque[Decision]" = field(default_factory=deque)
    """Decisions that made the state what it is and are not yet stored, in order."""
    line: "deque[Decision]" = field(default_factory=deque)
    """Decisions waiting for their turn, in order of arrival."""

    def is_idle(self) -> bool:
        return not self.pending and not self.line and self.loading is None


class Aggregates:
    """Decides commands on the latest states and appends what happens."""

    def __init__(
        self,
        store: EventStore,
        codec: Codec,
        new_id: Callable[[], str],
        *,
        capacity: int = 10_000,
    ) -> None:
        """`capacity` is how many states are kept; `new_id` makes the events' ids."""
        self._store = store
        self._codec = codec
        self._new_id = new_id
        self._capacity = capacity
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._order = count(1)

    async def latest(self, stream: str, decider: AnyDecider) -> StreamState:
        """The state of a stream with everything that was taken in before, once that is on disk."""
        outcome: asyncio.Future[Decided | FoldlogError] = asyncio.get_running_loop().create_future()
        self.submit(Decision((Part(stream, decider, None),), EventMetadata(), outcome))
        found = await outcome
        if isinstance(found, FoldlogError):
            raise found
        return found.streams[0]

    def submit(self, decision: Decision) -> None:
        """Take a command in; its outcome is set when it is known and durable."""
        decision.order = next(self._order)
        for part in decision.parts:
            self._entry(part).line.append(decision)
        self._evict()
        self._advance(decision)

    # Turns

    def _entry(self, part: Part) -> _Entry:
        entry = self._entries.get(part.stream)
        if entry is None:
            entry = _Entry(part.decider, part.decider.initial, loaded=part.is_new)
            self._entries[part.stream] = entry
        else:
            self._entries.move_to_end(part.stream)
        return entry

    def _evict(self) -> None:
        excess = len(self._entries) - self._capacity
        if excess > 0:
            for name in list(islice(self._entries, excess)):
                if self._entries[name].is_idle():
                    del self._entries[name]

    def _advance(self, decision: Decision) -> None:
        """Decide a command if it is its turn everywhere, and then whoever comes next."""
        ready = deque([decision])
        while ready:
            turn = ready.popleft()
            if not self._is_its_turn(turn):
                continue
            entries = [self._entries[part.stream] for part in turn.parts]
            for entry in entries:
                entry.line.popleft()
            self._decide(turn, entries)
            ready.extend(entry.line[0] for entry in entries if entry.line)

    def _is_its_turn(self, decision: Decision) -> bool:
        first_everywhere = all_loaded = True
        for part in decision.parts:
            entry = self._entries[part.stream]
            first_everywhere &= bool(entry.line) and entry.line[0] is decision
            if not entry.loaded:
                all_loaded = False
                self._load(part.stream, entry)
        return first_everywhere and all_loaded

    # Loading

    def _load(self, stream: str, entry: _Entry) -> None:
        if entry.loading is None:
            entry.loading = asyncio.get_running_loop().create_task(self._fold(stream, entry))

    async def _fold(self, stream: str, entry: _Entry) -> None:
        try:
            state, version, position = await fold(self._store, self._codec, entry.decider, stream)
        except Exception as error:
            entry.loading = None
            self._fail_line(entry, error)
        else:
            entry.state, entry.version, entry.position = state, version, position
            entry.loaded, entry.loading = True, None
            if entry.line:
                self._advance(entry.line[0])

    def _fail_line(self, entry: _Entry, error: Exception) -> None:
        waiting = list(entry.line)
        for decision in waiting:
            self._leave_lines(decision)
            _resolve_with_exception(decision, error)
        self._advance_heads(part.stream for decision in waiting for part in decision.parts)

    def _leave_lines(self, decision: Decision) -> None:
        for part in decision.parts:
            line = self._entries[part.stream].line
            if decision in line:
                line.remove(decision)

    def _advance_heads(self, streams: Iterable[str]) -> None:
        for stream in dict.fromkeys(streams):
            entry = self._entries.get(stream)
            if entry is not None and entry.line:
                self._advance(entry.line[0])

    # Deciding

    def _decide(self, decision: Decision, entries: Sequence[_Entry]) -> None:
        decision.attempts += 1
        decision.links = {entry.pending[-1] for entry in entries if entry.pending}
        try:
            happened = self._happens(decision, entries)
        except FoldlogError as refusal:
            self._settle_when_durable(decision, refusal)
        except Exception as error:
            _resolve_with_exception(decision, error)
        else:
            self._carry_out(decision, entries, happened)

    def _happens(self, decision: Decision, entries: Sequence[_Entry]) -> list[list[Message]]:
        for part, entry in zip(decision.parts, entries, strict=True):
            expected = decision.expected_version
            if expected is not None and expected != entry.version:
                raise WrongExpectedVersion(part.stream, expected, entry.version)
        happened: list[list[Message]] = []
        refusals: list[Rejected] = []
        for part, entry in zip(decision.parts, entries, strict=True):
            if part.command is None:
                happened.append([])
                continue
            try:
                happened.append(list(part.decider.decide(part.command, entry.state)))
            except Rejected as refusal:
                refusals.append(refusal)
        if refusals:
            raise Rejected.of_all(refusals)
        return happened

    def _carry_out(
        self, decision: Decision, entries: Sequence[_Entry], happened: list[list[Message]]
    ) -> None:
        after = [_fold_on(entry, payloads) for entry, payloads in zip(entries, happened, strict=True)]
        streams = tuple(
            StreamState(part.stream, entry.version + len(payloads), entry.position, state)
            for part, entry, payloads, state in zip(decision.parts, entries, happened, after, strict=True)
        )
        events = [tuple(self._new_event(payload) for payload in payloads) for payloads in happened]
        if decision.validate_only:
            self._settle_when_durable(
                decision, Decided(streams, proposed=_proposed(entries, streams, events))
            )
        elif decision.request is None and not any(happened):
            self._settle_when_durable(decision, Decided(streams))
        else:
            self._append(decision, entries, streams, events)

    def _new_event(self, payload: Message) -> NewEvent:
        return NewEvent(self._new_id(), payload.DESCRIPTOR.full_name, payload.SerializeToString())

    def _append(
        self,
        decision: Decision,
        entries: Sequence[_Entry],
        streams: tuple[StreamState, ...],
        events: list[tuple[NewEvent, ...]],
    ) -> None:
        append = Append(
            tuple(
                StreamAppend(stream.stream, entry.version, new)
                for stream, entry, new in zip(streams, entries, events, strict=True)
            ),
            decision.metadata,
            decision.request,
            tuple(link.append for link in decision.links if link.append is not None),
        )
        decision.append = append
        decision.found = Decided(streams)
        for link in decision.links:
            link.dependents.append(decision)
        for entry, stream in zip(entries, streams, strict=True):
            entry.state, entry.version = stream.state, stream.version
            entry.pending.append(decision)
        self._store.append(append).add_done_callback(
            lambda future: self._on_appended(decision, append, future)
        )

    # Outcomes

    def _settle_when_durable(self, decision: Decision, found: Decided | FoldlogError) -> None:
        decision.found = found
        if not decision.links:
            self._resolve(decision)
        for link in decision.links:
            link.dependents.append(decision)

    def _on_appended(self, decision: Decision, append: Append, future: "asyncio.Future[Appended]") -> None:
        if decision.append is not append:  # it failed with what it was linked to, and was decided again
            future.exception()
            return
        error = future.exception()
        if error is None:
            self._stored(decision, future.result())
        else:
            self._failed(decision, error)

    def _stored(self, decision: Decision, appended: Appended) -> None:
        assert isinstance(decision.found, Decided)
        for stream, position in _last_positions(decision.append, appended.events):
            self._entries[stream].position = position
        for part in decision.parts:
            self._entries[part.stream].pending.remove(decision)
        decision.found = Decided(decision.found.streams, appended.events)
        self._resolve(decision)
        dependents, decision.dependents = decision.dependents, []
        for dependent in dependents:
            dependent.links.discard(decision)
            if not dependent.links and dependent.append is None:
                self._resolve(dependent)

    def _resolve(self, decision: Decision) -> None:
        if isinstance(decision.found, Decided):
            decision.found = self._with_durable_positions(decision.found)
        assert decision.found is not None
        if not decision.outcome.done():
            decision.outcome.set_result(decision.found)

    def _with_durable_positions(self, decided: Decided) -> Decided:
        """The positions of versions that were not stored yet when this was decided."""
        streams = tuple(
            StreamState(s.stream, s.version, self._entries[s.stream].position, s.state)
            for s in decided.streams
        )
        return Decided(streams, decided.events, decided.proposed)

    def _failed(self, decision: Decision, error: BaseException) -> None:
        """Fail a decision and everything linked to it, then decide again what can be, in order."""
        fallen = _closure(decision)
        retried = [other for other in fallen if other is not decision]
        if isinstance(error, WrongExpectedVersion | LinkedAppendFailed):
            if decision.attempts < MAX_ATTEMPTS:
                retried.append(decision)
            else:
                stream = decision.parts[0].stream
                decision.outcome.set_result(Contended(stream, decision.attempts))
        elif isinstance(error, FoldlogError):
            decision.outcome.set_result(error)
        else:
            _resolve_with_exception(decision, error)
        self._take_back(fallen)
        self._queue_again(sorted(retried, key=lambda other: other.order))

    def _take_back(self, fallen: Sequence[Decision]) -> None:
        """Undo what decisions did in memory; what stands before them on its way to the disk stays."""
        for decision in fallen:
            for link in decision.links:
                link.dependents.remove(decision)
        gone = set(fallen)
        for stream in dict.fromkeys(part.stream for decision in fallen for part in decision.parts):
            entry = self._entries[stream]
            entry.pending = deque(other for other in entry.pending if other not in gone)
            if entry.pending:
                entry.state, entry.version = _left_by(entry.pending[-1], stream)
            else:
                entry.loaded = False

    def _queue_again(self, decisions: Sequence[Decision]) -> None:
        """Put decisions at the front of their lines, before everything that arrived later."""
        for decision in reversed(decisions):
            decision.links, decision.dependents = set(), []
            decision.append = decision.found = None
            for part in decision.parts:
                self._entries[part.stream].line.appendleft(decision)
        self._advance_heads(part.stream for decision in decisions for part in decision.parts)


async def fold(
    store: EventStore,
    codec: Codec,
    decider: AnyDecider,
    stream: str,
    until: int | None = None,
) -> tuple[object, int, int]:
    """The state of a stream, its version and the position of its last event; up to a version if given."""
    state, version, position = decider.initial, 0, 0
    while until is None or version < until:
        limit = _PAGE if until is None else min(_PAGE, until - version)
        events = await store.read_stream(stream, from_version=version + 1, limit=limit)
        if not events:
            break
        for encoded in events:
            state = decider.evolve(state, codec.decode(encoded).payload)
        version += len(events)
        position = events[-1].position
    return state, version, position


def _fold_on(entry: _Entry, payloads: Iterable[Message]) -> object:
    state = entry.state
    for payload in payloads:
        state = entry.decider.evolve(state, payload)
    return state


def _proposed(
    entries: Sequence[_Entry], streams: Sequence[StreamState], events: Sequence[tuple[NewEvent, ...]]
) -> tuple[tuple[str, int, NewEvent], ...]:
    return tuple(
        (stream.stream, entry.version + number, event)
        for entry, stream, new in zip(entries, streams, events, strict=True)
        for number, event in enumerate(new, start=1)
    )


def _last_positions(append: Append | None, events: Sequence[EncodedEvent]) -> Iterable[tuple[str, int]]:
    """Each stream that got events, with the position of the last one."""
    assert append is not None
    stored = 0
    for part in append.streams:
        stored += len(part.events)
        if part.events:
            yield part.stream, events[stored - 1].position


def _left_by(decision: Decision, stream: str) -> tuple[object, int]:
    """The state and version that a decision gave a stream."""
    assert isinstance(decision.found, Decided)
    return next((s.state, s.version) for s in decision.found.streams if s.stream == stream)


def _closure(decision: Decision) -> list[Decision]:
    """A decision and everything that was decided on it, directly or not."""
    fallen, seen = [decision], {decision}
    for member in fallen:
        for dependent in member.dependents:
            if dependent not in seen:
                seen.add(dependent)
                fallen.append(dependent)
    return fallen


def _resolve_with_exception(decision: Decision, error: BaseException) -> None:
    if not decision.outcome.done():
        decision.outcome.set_exception(error)
