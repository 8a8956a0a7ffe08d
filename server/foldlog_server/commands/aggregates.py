"""The latest states in memory: commands are decided on them in order of arrival, and answered from disk.

Rules
1. Commands of one aggregate are decided in order of arrival; one that names several waits for its turn in
   each of them.
2. A state is advanced as soon as a command is decided, so commands on a hot aggregate share a batch. A
   decision on a state that is not yet stored is linked to the decision that made it.
3. When an append fails, everything linked to it fails with it, at once, and is decided again, in order,
   before anything that arrived later. Where it is unknown what was stored, nothing is decided again: a
   refusal would say that nothing happened, and after a restart it may have.
4. Every outcome, also a refusal, a conflict, or that there is nothing to do, is given only when the
   version it was decided on is on disk.
5. A state with pending decisions is not evicted. A stream is loaded once, however many wait for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count, islice

from google.protobuf.message import Message

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.pending_command import (
    NO_LINKS,
    DeadlinePassed,
    Decided,
    Decision,
    Entry,
    Part,
    StreamState,
    closure,
    happens,
    proposed,
    resolve,
    settling,
    take_back,
)
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import (
    Contended,
    DataDamaged,
    FoldlogError,
    LogDetached,
    StoreHindered,
    StoreUnavailable,
    WrongExpectedVersion,
)
from foldlog_server.log.event_store import (
    Append,
    Appended,
    EventStore,
    LinkedAppendFailed,
    StreamAppend,
)
from foldlog_server.log.events import NewEvent

MAX_ATTEMPTS = 10
"""How often a command is decided before the race for its stream counts as lost."""


_OF_ALL = StoreUnavailable | StoreHindered | LogDetached | DataDamaged
"""What stood in the way of an append that is likely to stand in the way of what was decided on it."""


class Aggregates:
    """Decides commands on the latest states and appends what happens."""

    def __init__(
        self,
        store: EventStore,
        folds: Folds,
        new_id: Callable[[], str],
        *,
        capacity: int = 10_000,
    ) -> None:
        """`capacity` is how many states are kept, and at most a 64th more; `new_id` makes the events' ids."""
        self._store = store
        self._folds = folds
        self._new_id = new_id
        self._capacity = capacity
        self._most = capacity + capacity // 64  # evicted together, so that not every command has to look
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._order = count(1)

    async def latest(self, stream: str, decider: AnyDecider) -> StreamState:
        """The state of a stream with everything that was taken in before, once that is on disk."""
        outcome: asyncio.Future[Decided] = asyncio.get_running_loop().create_future()
        self.submit(Decision((Part(stream, decider, None),), EventMetadata(), [settling(outcome)]))
        return (await outcome).streams[0]

    def submit(self, decision: Decision) -> None:
        """Take a command in; who waits for it is told its outcome when that is known and durable."""
        decision.order = next(self._order)
        decision.entries = entries = [self._entry(part) for part in decision.parts]
        if all(entry.loaded and not entry.line for entry in entries):
            self._decide_in_time(decision)  # at once, as almost all are
        else:
            self._wait_in_line(decision)
        if len(self._entries) > self._most:
            self._evict()

    # Turns

    def _entry(self, part: Part) -> Entry:
        entry = self._entries.get(part.stream)
        if entry is None:
            entry = Entry(part.stream, part.decider, part.decider.initial, part.is_new)
            self._entries[part.stream] = entry
        else:
            self._entries.move_to_end(part.stream)
        return entry

    def _wait_in_line(self, decision: Decision) -> None:
        for entry in decision.entries:
            entry.line.append(decision)
            if not entry.loaded:
                self._load(entry)
        self._advance(decision)

    def _evict(self) -> None:
        for name in list(islice(self._entries, len(self._entries) - self._capacity)):
            if self._entries[name].is_idle():
                del self._entries[name]

    def _advance(self, decision: Decision) -> None:
        """Decide a command if it is its turn everywhere, and then whoever comes next."""
        ready = [decision]
        for turn in ready:
            if self._is_its_turn(turn):
                for entry in turn.entries:
                    del entry.line[0]
                self._decide_in_time(turn)
                ready += [entry.line[0] for entry in turn.entries if entry.line]

    def _is_its_turn(self, decision: Decision) -> bool:
        """Begins with the part that was in the way before: thousands of loads cost one look each."""
        entries, first = decision.entries, decision.blocked_by
        for index in (*range(first, len(entries)), *range(first)):
            entry = entries[index]
            if not entry.is_turn_of(decision):
                decision.blocked_by = index
                if not entry.loaded:
                    self._load(entry)
                return False
        return True

    # Loading

    def _load(self, entry: Entry) -> None:
        if entry.loading is None:
            entry.loading = asyncio.get_running_loop().create_task(self._fold(entry))

    async def _fold(self, entry: Entry) -> None:
        try:
            folded = await self._folds.fold(entry.decider, entry.stream)
        except Exception as error:
            entry.loading = None
            self._fail_line(entry, error)
        else:
            entry.state, entry.version, entry.position = folded.state, folded.version, folded.position
            entry.loaded, entry.loading = True, None
            if entry.line:
                self._advance(entry.line[0])

    def _fail_line(self, entry: Entry, error: Exception) -> None:
        waiting = list(entry.line)
        for decision in waiting:
            for other in decision.entries:
                other.line.remove(decision)
            decision.settle(error)
        self._advance_heads(other for decision in waiting for other in decision.entries)

    def _advance_heads(self, entries: Iterable[Entry]) -> None:
        for entry in dict.fromkeys(entries):
            if entry.line:
                self._advance(entry.line[0])

    # Deciding

    def _decide_in_time(self, decision: Decision) -> None:
        if decision.is_late():
            decision.settle(DeadlinePassed())
        else:
            self._decide(decision)

    def _decide(self, decision: Decision) -> None:
        decision.attempts += 1
        decision.links = NO_LINKS
        for entry in decision.entries:
            if entry.pending:
                decision.links |= {entry.pending[-1]}
        try:
            appends, streams = self._evolved(decision, happens(decision))
        except FoldlogError as refusal:
            self._settle_when_durable(decision, refusal)
        except Exception as error:
            decision.settle(error)
        else:
            self._carry_out(decision, appends, streams)

    def _evolved(
        self, decision: Decision, happened: Sequence[Sequence[Message]]
    ) -> tuple[list[StreamAppend], list[StreamState]]:
        """What is to be stored, and the states that it makes."""
        appends: list[StreamAppend] = []
        streams: list[StreamState] = []
        for entry, payloads in zip(decision.entries, happened, strict=True):
            state, events = entry.state, []
            for payload in payloads:
                state = entry.decider.evolve(state, payload)
                events.append(self._new_event(payload))
            appends.append(StreamAppend(entry.stream, entry.version, tuple(events)))
            streams.append(StreamState(entry.stream, entry.version + len(events), entry.position, state))
        return appends, streams

    def _carry_out(
        self, decision: Decision, appends: Sequence[StreamAppend], streams: Sequence[StreamState]
    ) -> None:
        if decision.validate_only:
            would_be = proposed(appends, decision.metadata)
            self._settle_when_durable(decision, Decided(streams, proposed=would_be))
        elif decision.request is None and not any(append.events for append in appends):
            self._settle_when_durable(decision, Decided(streams))
        else:
            self._append(decision, appends, streams)

    def _new_event(self, payload: Message) -> NewEvent:
        return NewEvent(self._new_id(), payload.DESCRIPTOR.full_name, payload.SerializeToString())

    def _append(
        self, decision: Decision, appends: Sequence[StreamAppend], streams: Sequence[StreamState]
    ) -> None:
        append = Append(tuple(appends), decision.metadata, decision.request)
        decision.append = append
        decision.found = Decided(streams)
        if decision.links:
            append.after = tuple([link.append for link in decision.links if link.append is not None])
            for link in decision.links:
                link.dependents.append(decision)
        for entry, stream in zip(decision.entries, streams, strict=True):
            entry.state, entry.version = stream.state, stream.version
            entry.pending.append(decision)
        self._store.append(append).add_done_callback(partial(self._on_appended, decision, append))

    # Outcomes

    def _settle_when_durable(self, decision: Decision, found: Decided | FoldlogError) -> None:
        decision.found = found
        if not decision.links:
            resolve(decision)
        for link in decision.links:
            link.dependents.append(decision)

    def _on_appended(self, decision: Decision, append: Append, future: "asyncio.Future[Appended]") -> None:
        if decision.append is not append:  # it failed with what it was linked to, and was decided again
            future.exception()
            return
        error = future.exception()
        if error is None:
            self._stored(decision, append, future.result())
        else:
            self._failed(decision, error)

    def _stored(self, decision: Decision, append: Append, appended: Appended) -> None:
        assert isinstance(decision.found, Decided)
        streams = decision.found.streams
        stored = 0
        for entry, part, state in zip(decision.entries, append.streams, streams, strict=True):
            entry.pending.remove(decision)
            if part.events:
                stored += len(part.events)
                last = appended.events[stored - 1]
                entry.position = last.position
                self._folds.reached(entry.decider, part.expected_version, state, last)
            state.position = entry.position
        decision.found.events = appended.events
        decision.settle(decision.found)
        if decision.dependents:
            self._release(decision)

    def _release(self, decision: Decision) -> None:
        """Answer those that were decided on a decision that is stored, and wait for nothing else."""
        dependents, decision.dependents = decision.dependents, []
        for dependent in dependents:
            dependent.links -= {decision}
            if not dependent.links and dependent.append is None:
                resolve(dependent)

    def _failed(self, decision: Decision, error: BaseException) -> None:
        """Fail a decision and everything linked to it, then decide again what can be, in order."""
        fallen = closure(decision)
        retried = [other for other in fallen if other is not decision]
        if isinstance(error, _OF_ALL):
            for lost in retried:
                lost.append = None
                lost.settle(error)
            retried = []
        if isinstance(error, WrongExpectedVersion | LinkedAppendFailed):
            if decision.attempts < MAX_ATTEMPTS:
                retried.append(decision)
            else:
                decision.settle(Contended(decision.parts[0].stream, decision.attempts))
        else:
            decision.settle(error)
        take_back(fallen)
        self._queue_again(sorted(retried, key=lambda other: other.order))

    def _queue_again(self, decisions: Sequence[Decision]) -> None:
        """Put decisions at the front of their lines, before everything that arrived later."""
        for decision in reversed(decisions):
            decision.append = decision.found = None
            for entry in decision.entries:
                entry.line.insert(0, decision)
        self._advance_heads(entry for decision in decisions for entry in decision.entries)
