"""Carries a command out once: an accepted one is durable before it is answered, a repeated one gets the
first answer.

A command, step by step
1. `Calls.gathered` (transport/calls) starts calls together that arrive together (transport/arrivals), parses
   the bytes and checks the rules of the fields (transport/field_rules).
2. `CommandHandler.execute` is given the command by transport/command_service. It looks whether the command's
   request id is being carried out already: then it waits for that outcome instead.
3. `Aggregates.submit` has it wait for its turn on each of its streams, and loads what is not in memory.
4. `Aggregates._decide` asks the deciders of its streams (`happens`). What was decided and is not yet stored
   counts for the next command.
5. `EventStore.append` stores what happens, with the request id: one transaction and one sync for all that has
   gathered (stores/group_commit, stores/sqlite/writer).
6. `PendingCommand.settle` gives the outcome to all who wait in `PendingCommand.result`; a refusal, too, only
   when what it was decided on is on disk. `CommandHandler._outcome` renders the aggregates, and
   transport/command_service puts the reply together around the stored bytes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import Message
from msgspec import Struct

from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.commands.aggregates import MAX_ATTEMPTS, Aggregates
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.pending_command import (
    PendingCommand,
    Proposed,
    Result,
    StreamState,
    never,
)
from foldlog_server.commands.routing import Route
from foldlog_server.commands.snapshots import Until
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import (
    Contended,
    DataDamaged,
    FoldlogError,
    InvalidRequest,
    LogDetached,
    ReadRefused,
    StoreHindered,
    StoreUnavailable,
)
from foldlog_server.log.event_store import (
    DuplicateRequest,
    EventStore,
    NewRequest,
    RecordedRequest,
    RequestKey,
)
from foldlog_server.log.events import EncodedEvent, category_of, id_of


class Command(Struct, frozen=True):
    """A command as it was received: checked, not yet routed."""

    name: str
    """The full name of its method, such as "foldlog.orders.v1.CommandService.AddItem"."""
    message: Message
    options: CommandOptions
    actor: str = ""
    traceparent: str = ""
    tracestate: str = ""
    is_late: Callable[[], bool] = never
    """Whether the caller's deadline has passed."""


class StreamOutcome(Struct, frozen=True):
    """One stream after the command."""

    stream: str
    version: int
    aggregate: Message | None
    """The state as replies show it; None if there is nothing to show."""


class Outcome(Struct, frozen=True):
    """What a command did."""

    streams: Sequence[StreamOutcome]
    position: int
    events: Sequence[EncodedEvent] = ()
    proposed: Sequence[Proposed] = ()
    replayed: bool = False
    validated_only: bool = False


class _Flight(Struct, frozen=True):
    """A command with a request id that is being carried out."""

    fingerprint: bytes
    pending: PendingCommand


class CommandHandler:
    """Carries commands out on the aggregates, each request id once."""

    def __init__(
        self,
        store: EventStore,
        folds: Folds,
        deciders: Mapping[str, AnyDecider],
        aggregates: Aggregates,
    ) -> None:
        """`deciders` are by category."""
        self._store = store
        self._folds = folds
        self._deciders = deciders
        self._aggregates = aggregates
        self._flights: dict[RequestKey, _Flight] = {}

    async def execute(self, command: Command, route: Route) -> Outcome:
        """Carry a command out, and return what it did once that is durable.

        Raises a `FoldlogError` for a refusal, equally durable, and `DeadlinePassed` if nobody waited any more
        when it was to be decided. A command that was submitted in time runs to its end, whether or not
        somebody still waits for it.
        """
        refusal = self._store.refusal
        if refusal is not None:
            raise refusal
        options = command.options
        if options.request_id and not options.validate_only:
            return await self._execute_once(command, route)
        self._check_history(options)
        return self._outcome(command, await self._submit(command, route).result())

    async def outcome_of(self, key: RequestKey) -> Outcome:
        """What a command did, as its repeat is answered; waits for one that is being carried out.

        Raises `ReadRefused` if nothing is recorded for the request id, `LogDetached` if the files that say so
        are not those that will be served, and `StoreHindered` or `DataDamaged` if it cannot be looked up.
        """
        while (flight := self._flights.get(key)) is not None:
            await flight.pending.settled()
        try:
            recorded = await self._store.find_request(key)
            outcome = None if recorded is None else await self._replay(recorded)
        except (StoreHindered, DataDamaged) as error:
            error.not_looked_up()
            raise
        refusal = self._store.refusal
        if isinstance(refusal, LogDetached):
            raise refusal
        if outcome is None:
            raise ReadRefused.request_not_found(key.request_id)
        return outcome

    async def _execute_once(self, command: Command, route: Route) -> Outcome:
        """As `execute`, for a command with a request id: a repeat has the outcome of the first."""
        key = RequestKey(command.actor, command.options.request_id.lower())
        request = NewRequest(key, fingerprint(command))
        for _ in range(MAX_ATTEMPTS):
            flight = self._flights.get(key)
            try:
                if flight is None:
                    self._check_history(command.options)
                    pending = self._submit(command, route, request)
                else:
                    pending = _joined(flight, command, request)
                result = await pending.result()
            except (DuplicateRequest, FoldlogError) as refusal:
                recorded = await self._recorded(request)
                if recorded is not None:
                    return recorded
                if isinstance(refusal, FoldlogError):
                    raise
                # What the writer found and is gone has left the window: the command is new again.
            else:
                return self._outcome(command, result, replayed=flight is not None)
        raise Contended(route.split(command.message)[0].stream, MAX_ATTEMPTS)

    def _check_history(self, options: CommandOptions) -> None:
        """Raise `ReadRefused` if the version that is expected was read in another history."""
        if options.expected_version_token:
            self._store.lineage.position_of(options.expected_version_token, self._store.head.position)

    async def _recorded(self, request: NewRequest) -> Outcome | None:
        """What a command did that was carried out before; None if it was not.

        The writer looks every request up; so only what is not stored has to be looked up here, and the many
        commands that come for the first time are spared a search.
        """
        try:
            recorded = await self._store.find_request(request.key)
            if recorded is None:
                return None
            if recorded.fingerprint != request.fingerprint:
                raise InvalidRequest.request_id_reused(request.key.request_id)
            outcome = await self._replay(recorded)
        except (StoreHindered, DataDamaged) as error:
            error.not_looked_up()
            raise
        if self._may_be_lost:
            raise StoreUnavailable()
        return outcome

    def _submit(self, command: Command, route: Route, request: NewRequest | None = None) -> PendingCommand:
        options = command.options
        pending = PendingCommand(
            route.split(command.message),
            _metadata(command),
            options.expected_version if options.HasField("expected_version") else None,
            request,
            options.validate_only,
            command.message,
            command.is_late,
            command_prefix=route.form.prefix,
        )
        if request is not None:
            self._flights[request.key] = _Flight(request.fingerprint, pending)
            pending.ended = lambda: self._flights.pop(request.key)
        self._aggregates.submit(pending)
        return pending

    @property
    def _may_be_lost(self) -> bool:
        """Whether what is known by now may not outlive this process."""
        return isinstance(self._store.refusal, LogDetached)

    def _outcome(self, command: Command, result: Result, *, replayed: bool = False) -> Outcome:
        """The result as callers are answered."""
        if self._may_be_lost:
            raise StoreUnavailable()
        streams: list[StreamOutcome] = []
        position = 0
        for stream in result.streams:
            streams.append(self._stream_outcome(stream))
            position = max(position, stream.position)
        if command.options.validate_only:
            return Outcome(streams, 0, proposed=result.proposed, replayed=replayed, validated_only=True)
        return Outcome(streams, position, result.events, replayed=replayed)

    def _stream_outcome(self, stream: StreamState) -> StreamOutcome:
        decider = self._deciders[category_of(stream.stream)]
        aggregate = decider.render(id_of(stream.stream), stream.version, stream.state)
        return StreamOutcome(stream.stream, stream.version, aggregate)

    async def _replay(self, recorded: RecordedRequest) -> Outcome:
        """The first outcome again: the states folded to the versions they had, the events read again."""
        streams: list[StreamState] = []
        events: list[EncodedEvent] = []
        for stream, first, last in recorded.streams:
            decider = self._deciders[category_of(stream)]
            streams.append(await self._folds.fold(decider, stream, Until(version=last)))
            while first <= last:
                read = await self._store.read_stream(stream, from_version=first, limit=last - first + 1)
                events += read
                first += len(read)
        return Outcome(
            [self._stream_outcome(stream) for stream in streams],
            max(stream.position for stream in streams),
            tuple(events),
            replayed=True,
        )


def _joined(flight: _Flight, command: Command, request: NewRequest) -> PendingCommand:
    """The command that is being carried out; it is late when the later of the two is."""
    if flight.fingerprint != request.fingerprint:
        raise InvalidRequest.request_id_reused(request.key.request_id)
    flight.pending.is_late = _both(flight.pending.is_late, command.is_late)
    return flight.pending


def _both(first: Callable[[], bool], second: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: first() and second()


def fingerprint(command: Command) -> bytes:
    """32 bytes that distinguish a command from any other: its name, its fields as parsed, its expected
    version."""
    options = command.options
    expected = str(options.expected_version) if options.HasField("expected_version") else ""
    head = f"{command.name}\n{expected}\n".encode()
    return hashlib.sha256(head + command.message.SerializeToString(deterministic=True)).digest()


def _metadata(command: Command) -> EventMetadata:
    options = command.options
    # Field by field, as in every message that is made for every command: with named arguments it takes
    # twice as long.
    metadata = EventMetadata()
    metadata.request_id = request_id = options.request_id
    metadata.correlation_id = options.correlation_id or request_id
    metadata.causation_id = options.causation_id
    metadata.actor = command.actor
    if command.traceparent:
        metadata.traceparent = command.traceparent
        metadata.tracestate = command.tracestate
    return metadata
