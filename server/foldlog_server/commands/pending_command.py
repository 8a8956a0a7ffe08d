"""One command on its way: what it asks of which streams, the states it is decided on, what came of it.

All of it is plain state; `aggregates` has the rules. What is made for every command is a struct of msgspec:
a dataclass or a named tuple takes three to five times as long to make.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

from google.protobuf.message import Message
from msgspec import Struct, field

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.commands import new_names
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import (
    FoldlogError,
    InvalidRequest,
    Rejected,
    WrongExpectedVersion,
)
from foldlog_server.log.event_store import Append, NewRequest, StreamAppend
from foldlog_server.log.events import EncodedEvent, NewEvent, id_of


class DeadlinePassed(Exception):
    """Nobody waits for the command any more, and it has not been decided: nothing happened."""

    def __str__(self) -> str:
        return "The deadline passed before the command was decided: nothing happened."


def never() -> bool:
    """There is no deadline."""
    return False


class StreamCommand(Struct, frozen=True):
    """What a command asks of one stream."""

    stream: str
    decider: AnyDecider
    command: Message | None
    """None asks for the state and changes nothing."""
    is_new: bool = False
    """The id was made for this command, so the stream cannot exist and need not be loaded."""


class StreamState(Struct):
    """The state of one stream after a decision."""

    stream: str
    version: int
    position: int
    """Of the stream's last event; 0 = the stream does not exist, or the last event is not stored."""
    state: Any


class Proposed(Struct, frozen=True):
    """What would be stored if a command were not only to be validated."""

    stream: str
    version: int
    event: NewEvent
    metadata: EventMetadata


class Result(Struct):
    """What a command did, or does once it is stored."""

    streams: Sequence[StreamState]
    events: Sequence[EncodedEvent] = ()
    """What was stored."""
    proposed: Sequence[Proposed] = ()


NO_LINKS: "Set[PendingCommand]" = frozenset()


class PendingCommand(Struct, eq=False):
    """One command on its way: waiting for its turn, decided, stored."""

    parts: Sequence[StreamCommand]
    metadata: EventMetadata
    expected_version: int | None = None
    request: NewRequest | None = None
    validate_only: bool = False
    command: Message | None = None
    """As it was received, whatever its parts are; None if nothing is to change."""
    is_late: Callable[[], bool] = never
    """Whether the deadlines of all who wait have passed; asked before it is decided, and never after."""
    ended: Callable[[], object] | None = None
    """Called when the outcome is known, before those who wait for it continue."""
    command_prefix: str = ""
    """What stands before the path of the command's fields where a violation names them."""

    aggregates: "Sequence[Aggregate]" = ()
    """Of its parts, in their order."""
    blocked_by: int = 0
    """The index of the part whose turn was not there when it was looked for last."""
    attempts: int = 0
    order: int = 0
    links: "Set[PendingCommand]" = NO_LINKS
    """Commands, not yet stored, on whose outcome it was decided."""
    dependents: "list[PendingCommand]" = field(default_factory=list)
    append: Append | None = None
    decision: Result | FoldlogError | None = None
    """What it was decided to do, or why not; not answered before what it was decided on is on disk."""
    outcome: Result | BaseException | None = None
    """What it did, or what stood in its way; None until that is known and durable."""
    waiters: "list[asyncio.Future[None]]" = field(default_factory=list)
    """One for each caller who waits for the outcome, so that one who gives up cancels its own alone."""

    async def settled(self) -> None:
        """Return once the outcome is known and durable."""
        if self.outcome is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiters.append(waiter)
            await waiter

    async def result(self) -> Result:
        """What the command did, once that is durable.

        Raises a `FoldlogError` for a refusal, equally durable, `DeadlinePassed` if nobody waited any more
        when it was to be decided, and whatever else stood in the way.
        """
        await self.settled()
        assert self.outcome is not None
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def settle(self, outcome: Result | BaseException) -> None:
        """Give the outcome to all who wait for it."""
        if self.ended is not None:
            self.ended()
        self.outcome = outcome
        for waiter in self.waiters:
            if not waiter.done():  # else its caller has given up
                waiter.set_result(None)


class Aggregate(Struct, eq=False):
    """The latest state of one stream, and who waits for it."""

    stream: str
    decider: AnyDecider
    state: Any
    loaded: bool
    version: int = 0
    position: int = 0
    loading: "asyncio.Task[None] | None" = None
    pending: list[PendingCommand] = field(default_factory=list)
    """Commands that made the state what it is and are not yet stored, in order."""
    line: list[PendingCommand] = field(default_factory=list)
    """Commands waiting for their turn, in order of arrival."""

    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not self.pending and not self.line and self.loading is None

    def is_turn_of(self, pending: PendingCommand) -> bool:
        """Whether nobody stands before a command, and there is a state to decide it on."""
        return self.loaded and bool(self.line) and self.line[0] is pending


def closure(pending: PendingCommand) -> list[PendingCommand]:
    """A command and every one that was decided on it, directly or not."""
    fallen, seen = [pending], {pending}
    for member in fallen:
        for dependent in member.dependents:
            if dependent not in seen:
                seen.add(dependent)
                fallen.append(dependent)
    return fallen


def left_by(pending: PendingCommand, stream: str) -> StreamState:
    """What a command made of a stream."""
    assert isinstance(pending.decision, Result)
    return next(state for state in pending.decision.streams if state.stream == stream)


def happens(pending: PendingCommand) -> Sequence[Sequence[Message]]:
    """What the command does to each of its streams; raises the refusals of all of them together."""
    expected = pending.expected_version
    if expected is not None:
        for aggregate in pending.aggregates:
            if expected != aggregate.version:
                raise WrongExpectedVersion(aggregate.stream, expected, aggregate.version)
    happened: list[Sequence[Message]] = []
    refusals: list[Rejected] = []
    for part, aggregate in zip(pending.parts, pending.aggregates, strict=True):
        try:
            happened.append(() if part.command is None else _decided(part, part.command, aggregate.state))
        except Rejected as refusal:
            refusals.append(refusal if part.is_new else refusal.of_aggregate(part.stream))
    if refusals:
        raise Rejected.of_all(refusals)
    if pending.command is not None:
        unclear = new_names.violations(pending.command, _new_names(pending, happened), pending.command_prefix)
        if unclear:
            raise InvalidRequest.fields(unclear)
    return happened


def _decided(part: StreamCommand, command: Message, state: Any) -> Sequence[Message]:
    happened: Sequence[Message] | None = part.decider.decide(command, state)
    if happened is None:  # what Python returns where a match has no case
        raise TypeError(
            f"`decide` of the decider {part.decider.category}, given {command.DESCRIPTOR.full_name}, returns "
            "None, and not a list of events. Add its case."
        )
    return happened


def _new_names(pending: PendingCommand, happened: Sequence[Sequence[Message]]) -> Iterator[str]:
    """The ids of the streams that begin, and what the events name for the first time."""
    for aggregate, events in zip(pending.aggregates, happened, strict=True):
        if events and not aggregate.version:
            yield id_of(aggregate.stream)
        yield from new_names.named_by(events)


def proposed(appends: Iterable[StreamAppend], metadata: EventMetadata) -> Sequence[Proposed]:
    """What appends would store."""
    return [
        Proposed(append.stream, version, event, metadata)
        for append in appends
        for version, event in enumerate(append.events, append.expected_version + 1)
    ]


def resolve(pending: PendingCommand) -> None:
    """Answer, now that the version it was decided on is on disk, and so has a position."""
    decision = pending.decision
    assert decision is not None
    if isinstance(decision, Result):
        for aggregate, stream in zip(pending.aggregates, decision.streams, strict=True):
            stream.position = aggregate.position
    pending.settle(decision)


def take_back(fallen: Sequence[PendingCommand]) -> None:
    """Undo what decisions did in memory; what stands before them on its way to the disk stays."""
    for pending in fallen:
        for link in pending.links:
            link.dependents.remove(pending)
    gone = set(fallen)
    for aggregate in dict.fromkeys(aggregate for pending in fallen for aggregate in pending.aggregates):
        aggregate.pending = [other for other in aggregate.pending if other not in gone]
        if aggregate.pending:
            left = left_by(aggregate.pending[-1], aggregate.stream)
            aggregate.state, aggregate.version = left.state, left.version
        else:
            aggregate.loaded = False
