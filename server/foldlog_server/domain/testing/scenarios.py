"""Given these events, when this command comes, then these events happen; and the documents that a view
makes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider, Command, Decider, Event, State
from foldlog_server.domain.view import AnyView, Key
from foldlog_server.errors import Rejected
from foldlog_server.log.events import AnyRecordedEvent, RecordedEvent, id_of

Result = TypeVar("Result")


def given(decider: Decider[Command, State, Event], *events: Message) -> "Given[State]":
    """The aggregate to which exactly these events happened, in this order."""
    return Given(decider, events, after(decider, events))


def after(decider: Decider[Command, State, Event], events: Sequence[Message]) -> State:
    """The state after the events.

    Asserts that the decider knows them, that `evolve` changes neither them nor the state before, and that
    every state on the way can be kept as a snapshot, and read again as it was.
    """
    any_decider: AnyDecider = decider
    state = decider.initial
    for event in events:
        _check_known(decider, event)
        evolve = partial(any_decider.evolve, state, event)
        state = keeping_state(decider, "evolve", state, partial(unchanged, event, evolve))
        _check_state(decider, event, state)
    return state


@dataclass(frozen=True)
class Given(Generic[State]):
    """An aggregate to which some events happened."""

    decider: Decider[Any, State, Any]
    events: tuple[Message, ...]
    state: State

    def when(self, command: Message) -> "Outcome":
        """The outcome of a command. Asserts that `decide` changes neither it nor the state, and that `evolve`
        takes every event that happens."""
        try:
            decide = partial(self.decider.decide, command, self.state)
            happened = keeping_state(self.decider, "decide", self.state, partial(unchanged, command, decide))
        except Rejected as refusal:
            return Outcome(command, (), refusal)
        after(self.decider, [*self.events, *happened])
        return Outcome(command, tuple(happened), None)

    def shows(self, expected: Message | None, *, id: str) -> None:
        """The decider renders exactly this at the version of the last event."""
        got = self.decider.render(id, len(self.events), self.state)
        if not same(got, expected):
            fail("the aggregate shows", [expected], [got])


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command."""

    command: Message
    events: tuple[Message, ...]
    refusal: Rejected | None

    def then(self, *expected: Message) -> None:
        """Exactly these events happen, in this order."""
        if self.refusal is not None:
            fail(f"{show(self.command)} makes", expected, [self.refusal])
        if len(expected) != len(self.events) or not all(map(same, self.events, expected)):
            fail(f"{show(self.command)} makes", expected, self.events)

    def then_nothing(self) -> None:
        """The command is accepted, and nothing happens."""
        self.then()

    def then_rejected(self, reason: str, **metadata: object) -> None:
        """The command is refused for this reason, such as "INSUFFICIENT_FUNDS", with at least this
        metadata, and a message that is a sentence."""
        expected = {name: str(value) for name, value in metadata.items()}
        wanted = f"{reason} {expected}"
        if self.refusal is None:
            fail(f"{show(self.command)} is refused with", [wanted], self.events)
        if self.refusal.reason.name != reason or not expected.items() <= self.refusal.metadata.items():
            fail(f"{show(self.command)} is refused with", [wanted], [self.refusal])
        assert self.refusal.message.endswith("."), f"The message is no sentence: {self.refusal.message}"


_FIRST_SECOND = 1_767_258_000


def recorded_time(position: int) -> Timestamp:
    """When a scenario records the event at a position: a second after the event before it."""
    return Timestamp(seconds=_FIRST_SECOND + position, nanos=position)


class ViewScenario:
    """A log of its own, and the documents that a view makes of it.

        balances = ViewScenario(BALANCES)
        balances.given("account-1", Opened(owner="Ada"), Deposited(cents=5))
        assert balances.document("accounts", "1") == Account(account_id="1", owner="Ada", cents=5)

    Each event gets the next position of the log and the next version of its stream. Documents are encoded
    after every event, as the server does, so that nothing is shared between them or with an event.
    """

    def __init__(self, view: AnyView) -> None:
        self._view = view
        self._position = 0
        self._versions: dict[str, int] = {}
        self._documents: dict[Key, bytes] = {}

    def given(self, stream: str, *payloads: Message) -> None:
        """Record the payloads in the stream, and apply those that the view handles."""
        for payload in payloads:
            recorded = self.record(stream, payload)
            if isinstance(payload, self._view.events):
                self._apply(recorded)

    def record(self, stream: str, payload: Message) -> AnyRecordedEvent:
        """Record the payload in the stream, and leave the view as it is."""
        self._position += 1
        self._versions[stream] = self._versions.get(stream, 0) + 1
        stored = type(payload)()
        stored.CopyFrom(payload)
        return RecordedEvent(
            position=self._position,
            stream=stream,
            id=id_of(stream),
            version=self._versions[stream],
            type=payload.DESCRIPTOR.full_name,
            recorded_time=recorded_time(self._position),
            payload=stored,
            envelope=RecordedEventMessage(event_id=f"event-{self._position}"),
        )

    def document(self, collection: str, id: str) -> Message | None:
        """The document as answers show it, or None if it does not exist."""
        encoded, answered = self._documents.get(Key(collection, id)), self._view.answered
        if encoded is None:
            return None
        kind: type[Message] = self._view.collections[collection]
        return kind.FromString(encoded if answered is None else answered(encoded))

    def ids(self, collection: str) -> list[str]:
        """The ids of the collection's documents, in their order."""
        return sorted(key.id for key in self._documents if key.collection == collection)

    def _apply(self, recorded: AnyRecordedEvent) -> None:
        before = recorded.payload.SerializeToString(deterministic=True)
        keys = keys_of(self._view, recorded)
        assert len(keys) == len(set(keys)), f"{recorded.type} yields a key twice: {keys}"
        for key in keys:
            self._evolve(key, recorded)
        after = recorded.payload.SerializeToString(deterministic=True)
        assert after == before, f"{self._view.name} changed the event {recorded.type}"
        assert recorded.recorded_time == recorded_time(recorded.position)

    def _evolve(self, key: Key, recorded: AnyRecordedEvent) -> None:
        view = self._view
        assert key.collection in view.collections, (
            f"{recorded.type} yields a key of {key.collection}, and the view {view.name} has "
            f"{', '.join(view.collections)}."
        )
        kind, before = view.collections[key.collection], self._documents.get(key)
        document = view.evolve(key, None if before is None else kind.FromString(before), recorded)
        if document is None:
            self._documents.pop(key, None)
            return
        assert isinstance(document, kind), (
            f"{recorded.type} makes of {key} a {type(document).__name__}, and not a {kind.__name__}."
        )
        self._documents[key] = document.SerializeToString(deterministic=True)


def keys_of(view: AnyView, recorded: AnyRecordedEvent) -> list[Key]:
    """The keys of the documents that an event changes. Asserts that the view has a case for it."""
    keys: Iterable[Key] | None = view.keys(recorded)
    assert keys is not None, (
        f"`keys` of the view {view.name}, given {recorded.type}, returns None, and not a list of keys. "
        "Add its case."
    )
    return list(keys)


def keeping_state(decider: AnyDecider, what: str, state: object, act: Callable[[], Result]) -> Result:
    """What `act` returns. Asserts that the state that it was given is as it was: states are shared."""
    before = state_codec.encode(state)
    try:
        return act()
    finally:
        assert state_codec.encode(state) == before, (
            f"`{what}` of the decider {decider.category} changes the state that it is given. Return a new "
            "one, as with _replace, and copy a mapping before it is changed: aggregates share states."
        )


def unchanged(message: Message, act: Callable[[], Result]) -> Result:
    """What `act` returns. Asserts that the message has the same bytes afterwards."""
    before = message.SerializeToString(deterministic=True)
    try:
        return act()
    finally:
        assert message.SerializeToString(deterministic=True) == before, f"changed: {show(message)}"


def same(left: Message | None, right: Message | None) -> bool:
    """Equal messages of one type: protobuf compares the content alone."""
    return type(left) is type(right) and left == right


def show(thing: object) -> str:
    """A message with its type, which its repr leaves out."""
    match thing:
        case Message():
            return (
                f"{thing.DESCRIPTOR.full_name} {{ {text_format.MessageToString(thing, as_one_line=True)} }}"
            )
        case Rejected():
            return f"{thing.reason.name} {thing.metadata} code {thing.reason.code}: {thing.message}"
        case _:
            return str(thing)


def fail(what: str, expected: Sequence[object], got: Sequence[object]) -> NoReturn:
    lines = [what, "expected:", *_lines(expected), "got:", *_lines(got)]
    raise AssertionError("\n".join(lines))


def _lines(things: Sequence[object]) -> list[str]:
    return [f"  {show(thing)}" for thing in things] or ["  nothing"]


def _check_state(decider: AnyDecider, event: Message, state: object) -> None:
    expected = type(decider.initial)
    assert isinstance(state, expected), (
        f"{show(event)} makes {state!r}, which is no {expected.__name__}. Add its case to `evolve`."
    )
    try:
        again = state_codec.decode(state_codec.encode(state), expected)
    except Exception as error:  # a state may hold anything that its types do not say
        raise AssertionError(f"{show(event)} makes {state!r}, which no snapshot can keep: {error}") from None
    assert again == state, f"{show(event)} makes {state!r}, which is read from a snapshot as {again!r}."


def _check_known(decider: AnyDecider, event: Message) -> None:
    known = [name.DESCRIPTOR.full_name for name in decider.events]
    assert isinstance(event, decider.events), (
        f"{show(event)} is no event of the decider {decider.category}, which knows {', '.join(known)}. "
        "Add it to the union that `evolve` is annotated with."
    )
