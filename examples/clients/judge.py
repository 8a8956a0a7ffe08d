"""Compares what a program printed with the log: every difference is a line."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from examples.clients.log import Event, Truth
from examples.clients.running import Run

_CREATED = re.compile(r"created (\S+) at position (\d+)")
_REFUSED = "refused: foldlog.orders.v1 ORDER_EMPTY "
_DONE = re.compile(r"done: (\d+) orders written, (\d+) events, (\d+) lost connections")
_ORDER_CREATED = "foldlog.orders.v1.OrderCreated"


def judged(run: Run, truth: Truth, orders: int, kills: int) -> list[str]:
    """Return all complaints; empty if there are none. The program was to write `orders` orders, through
    `kills` kills."""
    return list(_judged(run, truth, orders, kills))


def _judged(run: Run, truth: Truth, orders: int, kills: int) -> Iterator[str]:
    if run.exit_code is None:
        yield "it did not end, and was killed"
    elif run.exit_code != 0:
        yield f"exit code {run.exit_code}: {run.errors or 'nothing on stderr'}"
    if len(run.kill_times) != kills:
        yield f"its server was to be killed {kills} times, and was killed {len(run.kill_times)} times"
    first = _first(run.lines, truth.events)
    if first is None:
        yield f"the first line names no OrderCreated of the log: {run.lines[:1]}"
        return
    yield from _beginning(run.lines, first, truth.has_outcomes)
    yield from _events(run.lines, [event for event in truth.events if event.position > first.position])
    yield from _orders(run.lines, truth, first.customer_id, orders)
    yield from _end(run.lines, orders, kills)


def _first(lines: Sequence[str], events: Sequence[Event]) -> Event | None:
    """Return the event that the first line names, if the log has it."""
    printed = _CREATED.fullmatch(lines[0]) if lines else None
    if printed is None:
        return None
    stream, position = f"order-{printed[1]}", int(printed[2])
    fitting = (one for one in events if (one.stream, one.position) == (stream, position))
    return next((one for one in fitting if one.type == _ORDER_CREATED), None)


def _beginning(lines: Sequence[str], first: Event, has_outcomes: bool) -> Iterator[str]:
    order_id = first.stream.removeprefix("order-")
    outcome = f"{first.stream} at position {first.position}"
    expected = [
        f"read {order_id} at version {first.version}",
        _REFUSED + json.dumps({"order_id": order_id}),
        f"repeated: replayed=true at position {first.position}",
        f"outcome: {outcome if has_outcomes else 'not implemented by this server'}",
        f"latest: {order_id} at version {first.version}",
    ]
    printed = [_refusal_in_one_form(line) for line in lines[1:6]]
    yield from _differences("line of the beginning", printed, expected)


def _refusal_in_one_form(line: str) -> str:
    """Return the line in one form: languages write JSON with different spaces."""
    if not line.startswith(_REFUSED):
        return line
    try:
        return _REFUSED + json.dumps(json.loads(line.removeprefix(_REFUSED)))
    except ValueError:
        return line


def _events(lines: Sequence[str], events: Sequence[Event]) -> Iterator[str]:
    expected = [f"event {event.position} {event.stream} {event.type}" for event in events]
    yield from _differences("event line", _beginning_with("event ", lines), expected)


def _orders(lines: Sequence[str], truth: Truth, customer_id: str, orders: int) -> Iterator[str]:
    created = [one for one in truth.events if one.type == _ORDER_CREATED and one.customer_id == customer_id]
    if len(created) != orders + 1:
        yield f"the log has {len(created)} orders of the customer; expected {orders + 1}"
    current = truth.current.get(customer_id, {})
    expected = [f"order {order_id} {current[order_id]}" for order_id in sorted(current)]
    yield from _differences("order line", _beginning_with("order ", lines), expected)


def _end(lines: Sequence[str], orders: int, kills: int) -> Iterator[str]:
    last, printed = lines[-1], _DONE.fullmatch(lines[-1])
    if printed is None:
        yield f"the last line is {last!r}; expected 'done: O orders written, E events, R lost connections'"
        return
    events = len(_beginning_with("event ", lines))
    if (int(printed[1]), int(printed[2])) != (orders, events):
        yield f"the last line is {last!r}; expected {orders} orders and {events} events"
    if kills and int(printed[3]) == 0:
        yield f"the last line is {last!r}; expected lost connections"


def _beginning_with(word: str, lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith(word)]


def _differences(what: str, printed: Sequence[str], expected: Sequence[str]) -> Iterator[str]:
    """Return lines that are missing, that are too many, and whether the others are in order."""
    missing, surplus = Counter(expected) - Counter(printed), Counter(printed) - Counter(expected)
    yield from (f"{what} missing: {line}" for line in missing)
    yield from (f"{what} {'doubled' if line in expected else 'not true'}: {line}" for line in surplus)
    if not missing and not surplus:
        pairs = zip(printed, expected, strict=True)
        yield from (f"{what} out of order: {one}" for one, other in pairs if one != other)
