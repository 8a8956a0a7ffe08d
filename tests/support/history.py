"""Holds what clients observed against the log: every answer must be what the log says, at a time that fits.

The log is one total order, so no order has to be searched for: it says where each command took effect, and what
is left is to check that this place lies between the command's invocation and its answer, and that the command
comes to just this there. Refusals, and commands that found nothing to do, have no place: there must be one, between
invocation and answer, at which they are right.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from typing import NamedTuple

from google.protobuf.message import Message


class Fact(NamedTuple):
    """An event, as the log has it or as an answer tells it."""

    position: int
    stream: str
    version: int
    event_id: str
    request_id: str
    type: str
    payload: bytes


class Happened(NamedTuple):
    """What a command does to a stream, wherever it lands in the log."""

    stream: str
    type: str
    payload: bytes


class Did(NamedTuple):
    """A command was carried out."""

    position: int
    streams: tuple[tuple[str, int], ...]
    """The streams it names, with their versions."""
    facts: tuple[Fact, ...]
    replayed: bool = False


class Refused(NamedTuple):
    """A command was refused: nothing was stored."""

    reason: str
    metadata: tuple[tuple[str, str], ...] = ()
    subjects: tuple[str, ...] = ()
    """All that is named, where it is several."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at a command. Attempts with one request id are one command."""

    request_id: str
    command: Message
    invoked: int
    returned: int = 0
    """0 = no answer came."""
    answer: Did | Refused | None = None
    """None = unknown: the caller gave up, or was told that it may have happened."""
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A question about one stream: the answer had seen the log up to a position."""

    stream: str
    min_position: int
    invoked: int
    returned: int
    position: int
    version: int
    """0 = there was nothing."""


@dataclass(slots=True)
class History:
    """What all clients saw, in the order of one clock that ticks at everything that is said or heard."""

    calls: list[Call] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    _ticks: Iterator[int] = field(default_factory=lambda: count(1))

    def tick(self) -> int:
        """Now."""
        return next(self._ticks)


Rules = Callable[[Call, int], tuple[Happened, ...] | Refused]
"""What a command comes to on the log up to a position."""

WHATEVER_THE_STATE = frozenset({"STORE_FULL", "STORE_HINDERED", "CONTENDED"})
"""Refusals that no state explains; nothing was stored."""


class Log:
    """The events in order, and who asked for them; those up to `before` were there before all calls."""

    def __init__(self, facts: Sequence[Fact], before: int = 0) -> None:
        self.facts = facts
        self.before = before
        self.by_request: defaultdict[str, list[Fact]] = defaultdict(list)
        self._by_stream: defaultdict[str, list[int]] = defaultdict(list)
        for fact in facts:
            self._by_stream[fact.stream].append(fact.position)
            if fact.position > before:
                self.by_request[fact.request_id].append(fact)

    def version(self, stream: str, position: int) -> int:
        """The version of a stream at a position of the log."""
        return bisect_right(self._by_stream[stream], position)

    def last(self, stream: str, position: int) -> int:
        """The position of a stream's last event at a position of the log."""
        version = self.version(stream, position)
        return self._by_stream[stream][version - 1] if version else 0

    def flaws(self) -> Iterator[str]:
        """Gaps, and event ids that come twice."""
        versions: defaultdict[str, int] = defaultdict(int)
        for position, fact in enumerate(self.facts, start=1):
            versions[fact.stream] += 1
            if (fact.position, fact.version) != (position, versions[fact.stream]):
                yield f"position {position} of the log holds {fact}"
        if len({fact.event_id for fact in self.facts}) < len(self.facts):
            yield "an event id is in the log twice"


class _Times:
    """What could and what must have been in the log at a time."""

    def __init__(self, history: History, log: Log) -> None:
        self.first: dict[str, int] = {}
        for call in sorted(history.calls, key=lambda call: call.invoked):
            self.first.setdefault(call.request_id, call.invoked)
        told = sorted(_told(history))
        self._returned = [returned for returned, _ in told]
        self._reached = list(accumulate((position for _, position in told), max))
        asked = [
            0 if fact.position <= log.before else self.first.get(fact.request_id, 0) for fact in log.facts
        ]
        self._asked = list(accumulate(asked, max))
        self._before = log.before

    def least(self, tick: int) -> int:
        """Up to here the log had been told of before: whoever begins now comes later."""
        index = bisect_right(self._returned, tick)
        return self._reached[index - 1] if index else self._before

    def most(self, tick: int) -> int:
        """All up to here had been asked for; nothing behind it can have been seen."""
        return bisect_right(self._asked, tick)


def _told(history: History) -> Iterator[tuple[int, int]]:
    for call in history.calls:
        if isinstance(call.answer, Did):
            yield call.returned, call.answer.position
    for read in history.reads:
        yield read.returned, read.position


def flaws(history: History, log: Log, rules: Rules) -> list[str]:
    """All that is wrong; none if the log explains everything that was observed."""
    times = _Times(history, log)
    found = list(log.flaws())
    by_request: defaultdict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        by_request[call.request_id].append(call)
    for request_id in log.by_request:
        if request_id not in by_request:
            found.append(f"nobody asked for {log.by_request[request_id]}")
    for calls in by_request.values():
        found += _flaws_of_command(calls, log, times, rules)
    for read in history.reads:
        found += _flaws_of_read(read, log, times)
    return found


def _flaws_of_command(calls: list[Call], log: Log, times: _Times, rules: Rules) -> Iterator[str]:
    facts = tuple(log.by_request.get(calls[0].request_id, ()))
    if facts:
        yield from _flaws_of_effect(calls[0], facts, times, rules)
    yield from _flaws_of_repeats(calls, bool(facts))
    for call in calls:
        match call.answer:
            case Did() if call.answer.facts != facts:
                yield f"the log has {facts}, and the answer says otherwise: {call}"
            case Did():
                yield from _flaws_of_answer(call, call.answer, log, times, rules)
            case Refused(reason) if reason not in WHATEVER_THE_STATE:
                yield from _flaws_of_refusal(call, call.answer, facts, times, rules)
            case _:
                pass


def _flaws_of_effect(call: Call, facts: tuple[Fact, ...], times: _Times, rules: Rules) -> Iterator[str]:
    """What is in the log is there once, whole, after it was asked for, and right on what stands before it."""
    first = facts[0].position
    if [fact.position for fact in facts] != list(range(first, first + len(facts))):
        yield f"one command's events do not follow on each other: {facts}"
    if first <= times.least(times.first[call.request_id]):
        yield f"{facts} stand before what had been told when they were first asked for"
    told = tuple(Happened(fact.stream, fact.type, fact.payload) for fact in facts)
    if rules(call, first - 1) != told:
        yield f"after position {first - 1}, {call} does not come to {told}"


def _flaws_of_repeats(calls: list[Call], is_stored: bool) -> Iterator[str]:
    """One outcome, first told once; and nothing of what was always refused."""
    done = [call.answer for call in calls if isinstance(call.answer, Did)]
    if len({did._replace(replayed=False) for did in done}) > 1:
        yield f"one command has several outcomes: {done}"
    if sum(not did.replayed for did in done) > 1:
        yield f"one command was carried out more than once: {done}"
    if is_stored and all(isinstance(call.answer, Refused) for call in calls):
        yield f"what was refused is in the log: {calls}"


def _flaws_of_answer(call: Call, did: Did, log: Log, times: _Times, rules: Rules) -> Iterator[str]:
    least, most = times.least(times.first[call.request_id]), times.most(call.returned)
    if did.facts:
        places: Sequence[int] = [did.facts[-1].position]
        if places[0] > most:
            yield f"the answer came before all that it stands on was asked for: {call}"
    else:
        places = [place for place in range(least, most + 1) if rules(call, place) == ()]
    if not any(_fits(call, did, place, log) for place in places):
        yield f"at none of {places} the log says what was answered: {call}"


def _fits(call: Call, did: Did, place: int, log: Log) -> bool:
    """Whether the versions and the position are those of the streams just after a place in the log."""
    versions = tuple((stream, log.version(stream, place)) for stream, _ in did.streams)
    position = max(log.last(stream, place) for stream, _ in did.streams)
    before = versions[0][1] - len(did.facts)
    return (did.streams, did.position) == (versions, position) and call.expected_version in (None, before)


def _flaws_of_refusal(
    call: Call, refused: Refused, facts: tuple[Fact, ...], times: _Times, rules: Rules
) -> Iterator[str]:
    """Right at some place; and where the command was carried out by another attempt, before that."""
    most = times.most(call.returned)
    last = min(most, facts[0].position - 1) if facts else most
    places = range(times.least(call.invoked), last + 1)
    if not any(rules(call, place) == refused for place in places):
        yield f"at none of {places} it is refused like this: {call}"


def _flaws_of_read(read: Read, log: Log, times: _Times) -> Iterator[str]:
    if read.position < read.min_position:
        yield f"it has not seen what was asked for: {read}"
    if read.position > times.most(read.returned):
        yield f"it has seen what nobody had asked for: {read}"
    if read.version != log.version(read.stream, read.position):
        yield f"at its position, the stream had version {log.version(read.stream, read.position)}: {read}"
