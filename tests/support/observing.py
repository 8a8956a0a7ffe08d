"""Writes down what the callers of a command handler observe, for the checker of histories."""

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.commands.command_handler import Outcome
from foldlog_server.errors import FoldlogError, StoreUnavailable
from foldlog_server.log.events import EncodedEvent
from tests.support.commands import Commands
from tests.support.history import Call, Did, Fact, History, Log, Refused, flaws
from tests.support.log_rules import LogRules, refused


class Observer:
    """Sends commands, and remembers what was told of each."""

    def __init__(self) -> None:
        self.history = History()

    async def ask(self, commands: Commands, request_id: str, message: Message, **options: Any) -> None:
        """Have a command carried out; whoever cancels this has given up."""
        invoked = self.history.tick()
        answer: Did | Refused | None = None
        returned = 0
        try:
            outcome = await commands.execute(message, request_id=request_id, **options)
            answer, returned = _did(outcome), self.history.tick()
        except StoreUnavailable:
            pass
        except FoldlogError as error:
            answer, returned = refused(error), self.history.tick()
        except asyncio.CancelledError:
            pass
        expected = options.get("expected_version")
        self.history.calls.append(Call(request_id, message, invoked, returned, answer, expected))

    def flaws(self, log: Sequence[EncodedEvent]) -> list[str]:
        """What of all this the log does not explain."""
        facts = Log([stored_fact(event) for event in log])
        return flaws(self.history, facts, LogRules(facts))


def stored_fact(event: EncodedEvent) -> Fact:
    """An event as the log has it."""
    return fact_of(RecordedEvent.FromString(event.record), event.position)


def fact_of(event: RecordedEvent, position: int) -> Fact:
    """An event as the contract's message tells it."""
    return Fact(
        position,
        event.stream,
        event.version,
        event.event_id,
        event.metadata.request_id,
        event.type,
        event.payload.value,
    )


def _did(outcome: Outcome) -> Did:
    streams = tuple((stream.stream, stream.version) for stream in outcome.streams)
    facts = tuple(map(stored_fact, outcome.events))
    return Did(outcome.position, streams, facts, outcome.replayed)
