"""The newest events in memory are bounded, gapless, and read like the log."""

from collections.abc import Sequence

from foldlog_server.log.event_store import MAX_BATCH_BYTES
from foldlog_server.log.events import EncodedEvent
from foldlog_server.stores.newest_events import NewestEvents


def events(first: int, last: int, size: int = 1) -> list[EncodedEvent]:
    return [EncodedEvent(position, b"x" * size) for position in range(first, last + 1)]


def positions(found: Sequence[EncodedEvent] | None) -> list[int] | None:
    return None if found is None else [event.position for event in found]


def test_a_tail_knows_what_it_does_not_have() -> None:
    tail = NewestEvents(next_position=5)
    tail.extend(events(5, 9))

    assert positions(tail.read(5, False, 100)) == [5, 6, 7, 8, 9]
    assert positions(tail.read(10, False, 100)) == []
    assert tail.read(4, False, 100) is None
    assert tail.read(0, False, 100) is None
    assert tail.read(4, True, 100) is None
    assert positions(tail.read(6, True, 100)) == [6, 5]
    assert positions(tail.read(0, True, 2)) == [9, 8]
    assert positions(tail.read(99, True, 2)) == [9, 8]


def test_an_empty_tail_at_the_start_of_the_log_has_all_of_it() -> None:
    assert positions(NewestEvents(1).read(0, False, 100)) == []
    assert positions(NewestEvents(1).read(7, False, 100)) == []


def test_a_tail_forgets_the_oldest_beyond_its_count() -> None:
    tail = NewestEvents(1, max_events=8)
    for position in range(1, 101):
        tail.extend(events(position, position))

        held = positions(tail.read(position, True, 100)) or []
        assert held == list(range(position, position - len(held), -1))
        assert min(position, 6) <= len(held) <= 8


def test_a_tail_forgets_the_oldest_beyond_its_bytes() -> None:
    tail = NewestEvents(1, max_bytes=800)
    for position in range(1, 101):
        tail.extend(events(position, position, size=100))
        held = positions(tail.read(position, True, 100)) or []
        assert min(position, 6) <= len(held) <= 8


def test_more_at_once_than_a_tail_holds_leaves_the_newest() -> None:
    tail = NewestEvents(1, max_events=8)
    tail.extend(events(1, 50))

    assert positions(tail.read(0, True, 100)) == [50, 49, 48, 47, 46, 45]
    assert tail.read(44, False, 100) is None


def test_a_hole_makes_a_tail_forget_what_is_before_it() -> None:
    tail = NewestEvents(1)
    tail.extend(events(1, 3))
    tail.extend(events(6, 7))

    assert tail.read(3, False, 100) is None
    assert positions(tail.read(6, False, 100)) == [6, 7]


def test_a_read_is_bounded_in_bytes_and_gives_one_event_at_least() -> None:
    tail = NewestEvents(1)
    half, more = MAX_BATCH_BYTES // 2, MAX_BATCH_BYTES + 1
    tail.extend(events(1, 4, half) + events(5, 5, more) + events(6, 6))

    assert positions(tail.read(1, False, 100)) == [1, 2]
    assert positions(tail.read(4, False, 100)) == [4]
    assert positions(tail.read(5, False, 100)) == [5]
    assert positions(tail.read(0, True, 100)) == [6]
    assert positions(tail.read(5, True, 100)) == [5]
    assert positions(tail.read(4, True, 100)) == [4, 3]
    assert positions(tail.read(4, True, 1)) == [4]
    assert positions(tail.read(1, False, 1)) == [1]
