"""A decider's specification: given what happened, when something is asked, then this happens.

given(ORDER, created, added).when(SubmitOrder(order_id="1")).then(submitted)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NoReturn, TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import Code
from foldlog_server.domain.decider import Decider
from foldlog_server.errors import Rejected

State = TypeVar("State")

# Whatever depends on state is FAILED_PRECONDITION; these are the exceptions that the contract names.
_CODES = {
    "ORDER_NOT_FOUND": Code.CODE_NOT_FOUND,
    "LINE_NOT_FOUND": Code.CODE_NOT_FOUND,
    "PRODUCT_NOT_FOUND": Code.CODE_NOT_FOUND,
    "ORDER_EXISTS": Code.CODE_ALREADY_EXISTS,
}


def given(decider: Decider[State], *events: Message) -> "Given[State]":
    """The aggregate to which exactly these events happened, in this order."""
    return Given(decider, events)


@dataclass(frozen=True)
class Given(Generic[State]):
    decider: Decider[State]
    events: tuple[Message, ...]

    @property
    def state(self) -> State:
        state = self.decider.initial
        for event in self.events:
            state = unchanged(event, partial(self.decider.evolve, state, event))
        return state

    def when(self, command: Message) -> "Outcome":
        """Decide the command; what happens must be events of the decider that its evolve takes."""
        state = self.state
        try:
            happened = unchanged(command, partial(self.decider.decide, command, state))
        except Rejected as refusal:
            return Outcome(command, (), refusal)
        for event in happened:
            assert isinstance(event, self.decider.events), f"not an event of the decider: {show(event)}"
            state = self.decider.evolve(state, event)
        return Outcome(command, tuple(happened), None)

    def shows(self, expected: Message | None, *, id: str) -> None:
        """The rendering at the version of the last event."""
        got = self.decider.render(id, len(self.events), self.state)
        if not same(got, expected):
            fail("the aggregate shows", [expected], [got])


@dataclass(frozen=True)
class Outcome:
    command: Message
    events: tuple[Message, ...]
    refusal: Rejected | None

    def then(self, *expected: Message) -> None:
        """Exactly these events happen, in this order."""
        if self.refusal is not None:
            fail(f"{show(self.command)} makes", expected, [self.refusal])
        matches = len(expected) == len(self.events) and all(map(same, self.events, expected))
        if not matches:
            fail(f"{show(self.command)} makes", expected, self.events)

    def then_nothing(self) -> None:
        """It is accepted, and nothing happens."""
        self.then()

    def then_rejected(self, reason: str, **metadata: str) -> None:
        """It is refused for this reason, under its status code, with at least this metadata."""
        expected = f"{reason} {metadata}"
        if self.refusal is None:
            fail(f"{show(self.command)} is refused with", [expected], self.events)
        found = self.refusal.reason
        domain = self.command.DESCRIPTOR.file.package
        code = _CODES.get(reason, Code.CODE_FAILED_PRECONDITION)
        wanted = (domain, reason, code)
        if (found.domain, found.name, found.code) != wanted or not (
            metadata.items() <= self.refusal.metadata.items()
        ):
            fail(f"{show(self.command)} is refused with", [f"{expected} code {code}"], [self.refusal])
        assert self.refusal.message.endswith("."), "a refusal speaks to people, in sentences"


Result = TypeVar("Result")


def unchanged(message: Message, act: Callable[[], Result]) -> Result:
    """Act, and see that the message has the same bytes afterwards."""
    before = message.SerializeToString(deterministic=True)
    try:
        return act()
    finally:
        assert message.SerializeToString(deterministic=True) == before, f"changed: {show(message)}"


def same(left: Message | None, right: Message | None) -> bool:
    """Equal messages of one type: protobuf's own equality says nothing about what is not a message."""
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
