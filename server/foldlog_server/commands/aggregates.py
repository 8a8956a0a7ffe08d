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
    Aggregate,
    DeadlinePassed,
    PendingCommand,
    Result,
    StreamCommand,
    StreamState,
    closure,
    happens,
    proposed,
    resolve,
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
        self._by_stream: OrderedDict[str, Aggregate] = OrderedDict()
        self._order = count(1)

    async def latest(self, stream: str, decider: AnyDecider) -> StreamState:
        """The state of a stream with everything that was taken in before, once that is on disk."""
        pending = PendingCommand((StreamCommand(stream, decider, None),), EventMetadata())
        self.submit(pending)
        return (await pending.result()).streams[0]

    def submit(self, pending: PendingCommand) -> None:
        """Submit a command, to be decided when it is its turn; `pending.result()` waits for what it does."""
        pending.order = next(self._order)
        pending.aggregates = aggregates = [self._aggregate_of(part) for part in pending.parts]
        if all(aggregate.loaded and not aggregate.line for aggregate in aggregates):
            self._decide_in_time(pending)  # at once, as almost all are
        else:
            self._wait_in_line(pending)
        if len(self._by_stream) > self._most:
            self._evict()

    # Step 3 (of those that command_handler lists): turns

    def _aggregate_of(self, part: StreamCommand) -> Aggregate:
        aggregate = self._by_stream.get(part.stream)
        if aggregate is None:
            aggregate = Aggregate(part.stream, part.decider, part.decider.initial, part.is_new)
            self._by_stream[part.stream] = aggregate
        else:
            self._by_stream.move_to_end(part.stream)
        return aggregate

    def _wait_in_line(self, pending: PendingCommand) -> None:
        for aggregate in pending.aggregates:
            aggregate.line.append(pending)
            if not aggregate.loaded:
                self._load(aggregate)
        self._advance(pending)

    def _evict(self) -> None:
        for name in list(islice(self._by_stream, len(self._by_stream) - self._capacity)):
            if self._by_stream[name].is_idle():
                del self._by_stream[name]

    def _advance(self, pending: PendingCommand) -> None:
        """Decide a command if it is its turn everywhere, and then those who come next."""
        ready = [pending]
        for turn in ready:
            if self._is_its_turn(turn):
                for aggregate in turn.aggregates:
                    del aggregate.line[0]
                self._decide_in_time(turn)
                ready += [aggregate.line[0] for aggregate in turn.aggregates if aggregate.line]

    def _is_its_turn(self, pending: PendingCommand) -> bool:
        """Begins with the part that was in the way before: thousands of loads cost one look each."""
        aggregates, first = pending.aggregates, pending.blocked_by
        for index in (*range(first, len(aggregates)), *range(first)):
            aggregate = aggregates[index]
            if not aggregate.is_turn_of(pending):
                pending.blocked_by = index
                if not aggregate.loaded:
                    self._load(aggregate)
                return False
        return True

    # Step 3: loading

    def _load(self, aggregate: Aggregate) -> None:
        if aggregate.loading is None:
            aggregate.loading = asyncio.get_running_loop().create_task(self._fold(aggregate))

    async def _fold(self, aggregate: Aggregate) -> None:
        try:
            folded = await self._folds.fold(aggregate.decider, aggregate.stream)
        except Exception as error:
            aggregate.loading = None
            self._fail_line(aggregate, error)
        else:
            aggregate.state, aggregate.version, aggregate.position = (
                folded.state,
                folded.version,
                folded.position,
            )
            aggregate.loaded, aggregate.loading = True, None
            if aggregate.line:
                self._advance(aggregate.line[0])

    def _fail_line(self, aggregate: Aggregate, error: Exception) -> None:
        waiting = list(aggregate.line)
        for pending in waiting:
            for other in pending.aggregates:
                other.line.remove(pending)
            pending.settle(error)
        self._advance_heads(other for pending in waiting for other in pending.aggregates)

    def _advance_heads(self, aggregates: Iterable[Aggregate]) -> None:
        for aggregate in dict.fromkeys(aggregates):
            if aggregate.line:
                self._advance(aggregate.line[0])

    # Step 4: deciding

    def _decide_in_time(self, pending: PendingCommand) -> None:
        if pending.is_late():
            pending.settle(DeadlinePassed())
        else:
            self._decide(pending)

    def _decide(self, pending: PendingCommand) -> None:
        pending.attempts += 1
        pending.links = NO_LINKS
        for aggregate in pending.aggregates:
            if aggregate.pending:
                pending.links |= {aggregate.pending[-1]}
        try:
            appends, streams = self._evolved(pending, happens(pending))
        except FoldlogError as refusal:
            self._settle_when_durable(pending, refusal)
        except Exception as error:
            pending.settle(error)
        else:
            self._carry_out(pending, appends, streams)

    def _evolved(
        self, pending: PendingCommand, happened: Sequence[Sequence[Message]]
    ) -> tuple[list[StreamAppend], list[StreamState]]:
        """What is to be stored, and the states that it makes."""
        appends: list[StreamAppend] = []
        streams: list[StreamState] = []
        for aggregate, payloads in zip(pending.aggregates, happened, strict=True):
            state, events, known = aggregate.state, [], aggregate.decider.events
            for payload in payloads:
                if not isinstance(payload, known):  # stored, it could not be folded again
                    raise _unknown(payload, aggregate)
                state = aggregate.decider.evolve(state, payload)
                events.append(self._new_event(payload))
            appends.append(StreamAppend(aggregate.stream, aggregate.version, tuple(events)))
            streams.append(
                StreamState(aggregate.stream, aggregate.version + len(events), aggregate.position, state)
            )
        return appends, streams

    def _carry_out(
        self, pending: PendingCommand, appends: Sequence[StreamAppend], streams: Sequence[StreamState]
    ) -> None:
        if pending.validate_only:
            would_be = proposed(appends, pending.metadata)
            self._settle_when_durable(pending, Result(streams, proposed=would_be))
        elif pending.request is None and not any(append.events for append in appends):
            self._settle_when_durable(pending, Result(streams))
        else:
            self._append(pending, appends, streams)

    def _new_event(self, payload: Message) -> NewEvent:
        return NewEvent(self._new_id(), payload.DESCRIPTOR.full_name, payload.SerializeToString())

    # Steps 5 and 6: appending, and what came of it

    def _append(
        self, pending: PendingCommand, appends: Sequence[StreamAppend], streams: Sequence[StreamState]
    ) -> None:
        append = Append(tuple(appends), pending.metadata, pending.request)
        pending.append = append
        pending.decision = Result(streams)
        if pending.links:
            append.after = tuple([link.append for link in pending.links if link.append is not None])
            for link in pending.links:
                link.dependents.append(pending)
        for aggregate, stream in zip(pending.aggregates, streams, strict=True):
            aggregate.state, aggregate.version = stream.state, stream.version
            aggregate.pending.append(pending)
        self._store.append(append).add_done_callback(partial(self._on_appended, pending, append))

    def _settle_when_durable(self, pending: PendingCommand, decision: Result | FoldlogError) -> None:
        pending.decision = decision
        if not pending.links:
            resolve(pending)
        for link in pending.links:
            link.dependents.append(pending)

    def _on_appended(
        self, pending: PendingCommand, append: Append, future: "asyncio.Future[Appended]"
    ) -> None:
        if pending.append is not append:  # it failed with what it was linked to, and was decided again
            future.exception()
            return
        error = future.exception()
        if error is None:
            self._stored(pending, append, future.result())
        else:
            self._failed(pending, error)

    def _stored(self, pending: PendingCommand, append: Append, appended: Appended) -> None:
        assert isinstance(pending.decision, Result)
        streams = pending.decision.streams
        stored = 0
        for aggregate, part, state in zip(pending.aggregates, append.streams, streams, strict=True):
            aggregate.pending.remove(pending)
            if part.events:
                stored += len(part.events)
                last = appended.events[stored - 1]
                aggregate.position = last.position
                self._folds.reached(aggregate.decider, part.expected_version, state, last)
            state.position = aggregate.position
        pending.decision.events = appended.events
        pending.settle(pending.decision)
        if pending.dependents:
            self._release(pending)

    def _release(self, pending: PendingCommand) -> None:
        """Resolve the commands that waited only for this one to be stored."""
        dependents, pending.dependents = pending.dependents, []
        for dependent in dependents:
            dependent.links -= {pending}
            if not dependent.links and dependent.append is None:
                resolve(dependent)

    def _failed(self, pending: PendingCommand, error: BaseException) -> None:
        """Fail a decision and everything linked to it, then decide again what can be, in order."""
        fallen = closure(pending)
        retried = [other for other in fallen if other is not pending]
        if isinstance(error, _OF_ALL):
            for lost in retried:
                lost.append = None
                lost.settle(error)
            retried = []
        if isinstance(error, WrongExpectedVersion | LinkedAppendFailed):
            if pending.attempts < MAX_ATTEMPTS:
                retried.append(pending)
            else:
                pending.settle(Contended(pending.parts[0].stream, pending.attempts))
        else:
            pending.settle(error)
        take_back(fallen)
        self._queue_again(sorted(retried, key=lambda other: other.order))

    def _queue_again(self, several: Sequence[PendingCommand]) -> None:
        """Put decisions at the front of their lines, before everything that arrived later."""
        for pending in reversed(several):
            pending.append = pending.decision = None
            for aggregate in pending.aggregates:
                aggregate.line.insert(0, pending)
        self._advance_heads(aggregate for pending in several for aggregate in pending.aggregates)


def _unknown(payload: object, aggregate: Aggregate) -> TypeError:
    return TypeError(
        f"`decide` of the decider {aggregate.decider.category} returned a {type(payload).__name__}, which "
        "its `evolve` is not annotated with. Add it there."
    )
