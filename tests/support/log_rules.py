"""What a command comes to on the log up to any position, by the domain's own rules."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from foldlog_server.commands.pending_command import StreamCommand
from foldlog_server.errors import FoldlogError, Rejected, WrongExpectedVersion
from foldlog_server.log.events import category_of
from tests.support.commands import DECIDERS, route_to
from tests.support.history import Call, Happened, Log, Refused

_EVENTS = {event.DESCRIPTOR.full_name: event for decider in DECIDERS.values() for event in decider.events}


class LogRules:
    """Decides commands on states that are folded from the log; the ids of their aggregates are given."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._states: defaultdict[str, list[Any]] = defaultdict(list)
        """The states of each stream, by version."""
        for fact in log.facts:
            decider, states = DECIDERS[category_of(fact.stream)], self._states[fact.stream]
            if not states:
                states.append(decider.initial)
            states.append(decider.evolve(states[-1], _EVENTS[fact.type].FromString(fact.payload)))

    def __call__(self, call: Call, position: int) -> tuple[Happened, ...] | Refused:
        parts = route_to(call.command, str)[1].split(call.command)
        try:
            self._check_version(call, parts[0].stream, position)
            return self._happened(parts, position)
        except FoldlogError as refusal:
            return refused(refusal)

    def _check_version(self, call: Call, stream: str, position: int) -> None:
        version = self._log.version(stream, position)
        if call.expected_version not in (None, version):
            raise WrongExpectedVersion(stream, call.expected_version or 0, version)

    def _happened(self, parts: Sequence[StreamCommand], position: int) -> tuple[Happened, ...]:
        happened: list[Happened] = []
        refusals: list[Rejected] = []
        for part in parts:
            assert part.command is not None
            try:
                payloads = part.decider.decide(part.command, self._state(part.stream, position))
            except Rejected as refusal:
                refusals.append(refusal)
            else:
                happened += [_happened(part.stream, payload) for payload in payloads]
        if refusals:
            raise Rejected.of_all(refusals)
        return tuple(happened)

    def _state(self, stream: str, position: int) -> Any:
        states = self._states.get(stream)
        return states[self._log.version(stream, position)] if states else _initial(stream)


def refused(error: FoldlogError) -> Refused:
    """A refusal as clients are told of it."""
    subjects = tuple(violation.subject for violation in error.violations)
    return Refused(error.reason.name, tuple(sorted(error.metadata.items())), subjects)


def _happened(stream: str, payload: Message) -> Happened:
    return Happened(stream, payload.DESCRIPTOR.full_name, payload.SerializeToString())


def _initial(stream: str) -> Any:
    return DECIDERS[category_of(stream)].initial
