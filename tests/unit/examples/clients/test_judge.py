"""Whatever an example client tells that is not so is found."""

import pytest

from examples.clients.judge import judged
from examples.clients.log import Event, Truth
from examples.clients.running import Run

ORDERS, KILLS = 2, 1
CREATED, ADDED = "foldlog.orders.v1.OrderCreated", "foldlog.orders.v1.ItemAdded"

# Somebody else's order lies before and between.
TRUTH = Truth(
    events=(
        Event(1, "order-x", 1, CREATED, "other"),
        Event(3, "order-a", 1, CREATED, "me"),
        Event(4, "order-b", 1, CREATED, "me"),
        Event(5, "order-b", 2, ADDED),
        Event(6, "order-x", 2, ADDED),
        Event(8, "order-c", 1, CREATED, "me"),
        Event(9, "order-c", 2, ADDED),
    ),
    current={"me": {"a": 0, "b": 2, "c": 2}, "other": {"x": 1}},
    has_outcomes=True,
)
LINES = (
    "created a at position 3",
    "read a at version 1",
    'refused: foldlog.orders.v1 ORDER_EMPTY {"order_id":"a"}',
    "repeated: replayed=true at position 3",
    "outcome: order-a at position 3",
    "latest: a at version 1",
    f"event 4 order-b {CREATED}",
    f"event 5 order-b {ADDED}",
    f"event 6 order-x {ADDED}",
    f"event 8 order-c {CREATED}",
    f"event 9 order-c {ADDED}",
    "order a 0",
    "order b 2",
    "order c 2",
    "done: 2 orders written, 5 events, 3 lost connections",
)


def complaints(
    *lines: str, truth: Truth = TRUTH, exit_code: int | None = 0, kills: int = KILLS, errors: str = ""
) -> list[str]:
    return judged(Run(list(lines), errors, exit_code, [1.0] * kills), truth, ORDERS, KILLS)


def without(number: int) -> list[str]:
    return [line for at, line in enumerate(LINES) if at != number]


def with_line(number: int, line: str) -> list[str]:
    return [line if at == number else other for at, other in enumerate(LINES)]


def test_what_is_true_is_not_complained_of() -> None:
    assert complaints(*LINES) == []


def test_json_may_have_spaces() -> None:
    assert complaints(*with_line(2, 'refused: foldlog.orders.v1 ORDER_EMPTY { "order_id": "a" }')) == []


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_is_missing_is_found(number: int) -> None:
    assert complaints(*without(number))


@pytest.mark.parametrize("number", range(6, 14))
def test_a_line_that_is_doubled_is_found(number: int) -> None:
    [told, *_] = complaints(*LINES[: number + 1], *LINES[number:])
    assert told.endswith(f"line doubled: {LINES[number]}")


@pytest.mark.parametrize("number", range(1, 14))
def test_lines_that_are_swapped_are_found(number: int) -> None:
    lines = list(LINES)
    lines[number - 1], lines[number] = lines[number], lines[number - 1]
    same_kind = lines[number - 1].split()[0] == lines[number].split()[0]
    assert bool(complaints(*lines)) == (same_kind or number < 7)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (0, "created a at position 4"),
        (0, "created x at position 1st"),
        (1, "read a at version 2"),
        (2, 'refused: foldlog.orders.v1 ORDER_EMPTY {"order_id":"b"}'),
        (2, "refused: foldlog.orders.v1 ORDER_EMPTY {order_id:a}"),
        (2, 'refused: foldlog.v1 ORDER_EMPTY {"order_id":"a"}'),
        (3, "repeated: replayed=false at position 3"),
        (4, "outcome: not implemented by this server"),
        (4, "outcome: order-a at position 4"),
        (5, "latest: a at version 0"),
        (7, f"event 5 order-b {CREATED}"),
        (7, f"event 5 order-c {ADDED}"),
        (7, f"event 7 order-b {ADDED}"),
        (12, "order b 3"),
        (12, "order d 2"),
        (14, "done: 3 orders written, 5 events, 3 lost connections"),
        (14, "done: 2 orders written, 4 events, 3 lost connections"),
        (14, "done: 2 orders written, 5 events, 0 lost connections"),
    ],
)
def test_a_line_that_says_something_else_is_found(number: int, line: str) -> None:
    assert complaints(*with_line(number, line))


def test_an_order_that_was_written_twice_is_found() -> None:
    twice = (*TRUTH.events, Event(10, "order-d", 1, CREATED, "me"))
    truth = Truth(twice, {"me": {**TRUTH.current["me"], "d": 0}}, has_outcomes=True)
    lines = [
        *LINES[:11],
        f"event 10 order-d {CREATED}",
        *LINES[11:14],
        "order d 0",
        LINES[14].replace("5", "6"),
    ]
    assert complaints(*lines, truth=truth) == ["the log has 4 orders of the customer; expected 3"]


def test_a_server_of_an_older_release_does_not_tell_outcomes() -> None:
    older = Truth(TRUTH.events, TRUTH.current, has_outcomes=False)
    assert complaints(*with_line(4, "outcome: not implemented by this server"), truth=older) == []
    assert complaints(*LINES, truth=older)


def test_how_the_program_ended_is_told() -> None:
    assert complaints(*LINES, exit_code=1, errors="it was refused") == ["exit code 1: it was refused"]
    assert complaints(*LINES, exit_code=None) == ["it did not end, and was killed"]


def test_a_server_that_was_not_killed_as_often_as_it_should_is_told() -> None:
    [told] = complaints(*LINES, kills=0)
    assert "0 times" in told


def test_a_program_that_says_nothing_is_told() -> None:
    assert complaints(exit_code=1, errors="no") == [
        "exit code 1: no",
        "the first line names no OrderCreated of the log: []",
    ]
