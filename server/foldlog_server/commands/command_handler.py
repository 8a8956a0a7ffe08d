"""Carries a command out once: an accepted one is durable before it is answered, a repeated one gets the
first answer."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from google.protobuf.message import Message
from msgspec import Struct
from msgspec.structs import replace

from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.commands.aggregates import MAX_ATTEMPTS, Aggregates
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.pending_command import (
    Decided,
    PendingCommand,
    Proposed,
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


Tell = Callable[[Outcome | BaseException], None]
"""Who wants to know what a command did, or what stood in its way."""


class _Attempt(Struct, frozen=True):
    """A command with a request id, to be carried out unless it was before."""

    command: Command
    route: Route
    request: NewRequest
    tell: Tell
    number: int = 1


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
        self._looking: set[asyncio.Task[None]] = set()

    def submit(self, command: Command, route: Route, tell: Tell) -> None:
        """Take a command in, and tell what it did once that is durable.

        What stood in its way is told likewise: a `FoldlogError` for a refusal, equally durable, and
        `DeadlinePassed` if nobody waited any more when it was to be decided. A command that was taken in in
        time runs to its end, whether or not somebody still wants to know.
        """
        options = command.options
        refusal = self._store.refusal
        if refusal is not None:
            tell(refusal)
        elif not options.request_id or options.validate_only:
            mistaken = self._mistaken(options)
            if mistaken is None:
                self._carry_out(command, route, None, lambda found: tell(self._outcome(command, found)))
            else:
                tell(mistaken)
        else:
            key = RequestKey(command.actor, options.request_id.lower())
            self._once(_Attempt(command, route, NewRequest(key, fingerprint(command)), tell))

    async def outcome_of(self, key: RequestKey) -> Outcome:
        """What a command did, as its repeat is told; one that is being carried out is waited for.

        Raises `ReadRefused` if nothing is recorded for the request id, `LogDetached` if the files that say so
        are not those that will be served, and `StoreHindered` or `DataDamaged` if it cannot be looked up.
        """
        while (flight := self._flights.get(key)) is not None:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            flight.pending.waiting.append(partial(_wake, settled))
            await settled
        try:
            recorded = await self._store.find_request(key)
            outcome = None if recorded is None else await self._replay(recorded)
        except (StoreHindered, DataDamaged) as error:
            raise error.not_looked_up() from error
        refusal = self._store.refusal
        if isinstance(refusal, LogDetached):
            raise refusal
        if outcome is None:
            raise ReadRefused.request_not_found(key.request_id)
        return outcome

    def _once(self, attempt: _Attempt) -> None:
        command, request, tell = attempt.command, attempt.request, attempt.tell
        flight = self._flights.get(request.key)

        def hear(found: Decided | BaseException) -> None:
            if isinstance(found, DuplicateRequest | FoldlogError):
                self._look_up(attempt, found)
            else:
                tell(self._outcome(command, found, replayed=flight is not None))

        if flight is None:
            mistaken = self._mistaken(command.options)
            if mistaken is None:
                self._carry_out(command, attempt.route, request, hear)
            else:
                hear(mistaken)
        elif flight.fingerprint != request.fingerprint:
            hear(InvalidRequest.request_id_reused(request.key.request_id))
        else:
            flight.pending.waiting.append(hear)
            flight.pending.is_late = _both(flight.pending.is_late, command.is_late)

    def _mistaken(self, options: CommandOptions) -> ReadRefused | None:
        """Why the version that is expected was read in another history; None if it was not."""
        if options.expected_version_token:
            try:
                self._store.lineage.position_of(options.expected_version_token, self._store.head.position)
            except ReadRefused as refusal:
                return refusal
        return None

    def _look_up(self, attempt: _Attempt, refusal: DuplicateRequest | FoldlogError) -> None:
        looking = asyncio.get_running_loop().create_task(self._answer_recorded(attempt, refusal))
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def _answer_recorded(self, attempt: _Attempt, refusal: DuplicateRequest | FoldlogError) -> None:
        """Whoever was refused may have been carried out before.

        The writer looks every request up; so only what is not stored has to be looked up here, and the many
        commands that come for the first time are spared a search.
        """
        request = attempt.request
        try:
            recorded = await self._store.find_request(request.key)
            if recorded is None:
                self._refuse(attempt, refusal)
            elif recorded.fingerprint != request.fingerprint:
                attempt.tell(InvalidRequest.request_id_reused(request.key.request_id))
            else:
                outcome = await self._replay(recorded)
                attempt.tell(StoreUnavailable() if self._may_be_lost else outcome)
        except (StoreHindered, DataDamaged) as error:
            attempt.tell(error.not_looked_up())
        except BaseException as error:
            attempt.tell(error)

    def _refuse(self, attempt: _Attempt, refusal: DuplicateRequest | FoldlogError) -> None:
        if isinstance(refusal, FoldlogError):
            attempt.tell(refusal)
        elif attempt.number == MAX_ATTEMPTS:
            attempt.tell(Contended(attempt.route.split(attempt.command.message)[0].stream, MAX_ATTEMPTS))
        else:
            # What was there for the writer and is gone has left the window: the command is new again.
            self._once(replace(attempt, number=attempt.number + 1))

    def _carry_out(
        self,
        command: Command,
        route: Route,
        request: NewRequest | None,
        hear: Callable[[Decided | BaseException], None],
    ) -> None:
        options = command.options
        pending = PendingCommand(
            route.split(command.message),
            _metadata(command),
            [hear],
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

    @property
    def _may_be_lost(self) -> bool:
        """Whether what is known by now may not outlive this process."""
        return isinstance(self._store.refusal, LogDetached)

    def _outcome(
        self, command: Command, found: Decided | BaseException, *, replayed: bool = False
    ) -> Outcome | BaseException:
        """What is told; a domain that cannot show what it made is told of, and holds up nobody else."""
        if isinstance(found, BaseException):
            return found
        if self._may_be_lost:
            return StoreUnavailable()
        streams: list[StreamOutcome] = []
        position = 0
        try:
            for stream in found.streams:
                streams.append(self._stream_outcome(stream))
                position = max(position, stream.position)
        except Exception as error:
            return error
        if command.options.validate_only:
            return Outcome(streams, 0, proposed=found.proposed, replayed=replayed, validated_only=True)
        return Outcome(streams, position, found.events, replayed=replayed)

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


def _wake(waiter: "asyncio.Future[None]", _: object) -> None:
    if not waiter.done():  # its caller has given up
        waiter.set_result(None)


def _both(first: Callable[[], bool], second: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: first() and second()


def fingerprint(command: Command) -> bytes:
    """32 bytes that tell a command from any other: its name, its fields as parsed, its expected version."""
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
