"""A position is good in the history that it was seen in, and in no other."""

import itertools
import random
import re
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from foldlog_server.errors import ReadRefused
from foldlog_server.log.lineage import (
    RUN_BYTES,
    Ancestor,
    Lineage,
    Opening,
    Place,
    is_token,
    opening_of_former_releases,
)

LOG = str(UUID(int=1))
OTHER = str(UUID(int=2))


def run(number: int) -> bytes:
    return number.to_bytes(RUN_BYTES, "big")


def lineage(*openings: tuple[int, int], log_id: str = LOG, ancestors: tuple[Ancestor, ...] = ()) -> Lineage:
    """A lineage of openings, each given as the position after which a run began, and its number."""
    return Lineage(log_id, [Opening(position, run(number), 0) for position, number in openings], ancestors)


def ancestor(log_id: str, position: int) -> Ancestor:
    return Ancestor(log_id, position, bytes(32), 0, "restore")


def refused(log: Lineage, token: str, head: int) -> ReadRefused:
    with pytest.raises(ReadRefused) as raised:
        log.position_of(token, head)
    assert raised.value.reason.name == "LOG_REPLACED"
    return raised.value


def test_a_token_is_good_in_its_log_after_any_number_of_openings() -> None:
    token = lineage((0, 1)).token(7)
    assert lineage((0, 1), (7, 2), (7, 3), (9, 4)).position_of(token, 20) == 7


def test_the_same_position_has_the_same_token_whoever_gives_it_out() -> None:
    assert lineage((0, 1)).token(7) == lineage((0, 1), (8, 2)).token(7)


def test_a_token_of_what_was_written_since_a_copy_is_refused_where_the_copy_was_put_back() -> None:
    token = lineage((0, 1), (5, 2)).token(7)
    back = lineage((0, 1), (5, 3))
    assert "last_common_position" not in refused(back, token, 20).metadata
    assert back.position_of(lineage((0, 1), (5, 2)).token(5), 20) == 5


def test_a_copy_of_a_running_log_has_its_history_up_to_there() -> None:
    running, back = lineage((0, 1)), lineage((0, 1), (5, 2))
    assert back.position_of(running.token(5), 20) == 5
    refusal = refused(back, running.token(6), 20)
    assert refusal.metadata == {
        "asked_log_id": LOG,
        "log_id": LOG,
        "position": "6",
        "last_common_position": "5",
    }


def test_a_token_beyond_the_head_is_of_another_history() -> None:
    log = lineage((0, 1))
    assert refused(log, log.token(7), 6).metadata["last_common_position"] == "6"


def test_position_0_is_in_every_history_of_a_log() -> None:
    assert lineage((0, 2)).position_of(lineage((0, 1)).token(0), 0) == 0


def test_a_token_of_an_ancestor_is_good_up_to_the_last_common_position() -> None:
    former = lineage((0, 1), (5, 2))
    log = lineage((0, 1), (5, 2), (7, 3), log_id=OTHER, ancestors=(ancestor(LOG, 7),))
    assert log.position_of(former.token(7), 20) == 7
    refusal = refused(log, former.token(8), 20)
    assert refusal.metadata["last_common_position"] == "7"
    assert "Both have the same events up to 7. " in refusal.message
    # Of a run that began after the copy was made: only the number says where it was.
    later = lineage((0, 1), (5, 2), (9, 4))
    refusal = refused(log, later.token(10), 20)
    assert refusal.metadata["last_common_position"] == "7"
    assert "Both have the same events at most up to 7. " in refusal.message


def test_of_ancestors_no_earlier_one_shares_more_than_a_later_one() -> None:
    first, second = str(UUID(int=3)), str(UUID(int=4))
    log = lineage((0, 1), (4, 2), ancestors=(ancestor(first, 9), ancestor(second, 4)))
    former = lineage((0, 1), log_id=first)
    assert log.position_of(former.token(4), 20) == 4
    assert refused(log, former.token(5), 20).metadata["last_common_position"] == "4"


def test_a_token_of_a_stranger_is_refused_with_nothing_in_common() -> None:
    refusal = refused(lineage((0, 1)), lineage((0, 1), log_id=OTHER).token(3), 20)
    assert refusal.metadata == {"asked_log_id": OTHER, "log_id": LOG, "position": "3"}


def test_what_former_releases_wrote_is_named_by_the_end_of_its_chain() -> None:
    one, other = (
        Lineage(LOG, [opening_of_former_releases(chain, 0), Opening(9, run(1), 0)])
        for chain in (b"1" * 32, b"2" * 32)
    )
    assert one.position_of(one.token(9), 20) == 9
    refused(other, one.token(9), 20)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        ".7",
        "A" * 32,
        "A" * 32 + ".",
        "A" * 31 + ".7",
        "A" * 32 + ".07",
        "A" * 32 + ".7 ",
        "A" * 32 + f".{2**63}",
        "A" * 31 + "+.7",
        "A" * 32 + ".²",
        "A" * 32 + ".7\n",
    ],
)
def test_another_text_is_no_token(text: str) -> None:
    assert not is_token(text)
    with pytest.raises(ValueError, match="not a token"):
        lineage((0, 1)).position_of(text, 20)


def test_a_token_is_text_that_travels_anywhere() -> None:
    for position in (0, 1, 2**63 - 1):
        token = lineage((0, 2**63)).token(position)
        assert is_token(token)
        assert len(token) <= 52
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)


@dataclass
class Copy:
    """One copy of a log: which run wrote each of its events, and its openings."""

    events: list[int] = field(default_factory=list)
    openings: list[tuple[int, int]] = field(default_factory=list)


@pytest.mark.parametrize("seed", range(30))
def test_a_token_is_good_exactly_where_everything_up_to_it_is_the_same(seed: int) -> None:
    """Logs are opened, written, copied and put back at random; each event is distinguished from all others."""
    chosen, numbers = random.Random(seed), itertools.count(1)
    copies = [Copy()]
    given: list[tuple[str, list[int]]] = []
    for _ in range(60):
        log = chosen.choice(copies)
        match chosen.randrange(3):
            case 0:
                log.openings.append((len(log.events), next(numbers)))
            case 1 if log.openings:
                log.events += [next(numbers) for _ in range(chosen.randrange(1, 4))]
            case _:
                # A process writes to one of the copies; the other one is opened by another one.
                other = replace(log, events=list(log.events), openings=list(log.openings))
                other.openings.append((len(other.events), next(numbers)))
                copies.append(other)
        if log.events:
            position = chosen.randrange(len(log.events)) + 1
            given.append((lineage(*log.openings).token(position), log.events[:position]))
    for log, (token, seen) in itertools.product(copies, given):
        position = len(seen)
        if log.events[:position] == seen:
            assert lineage(*log.openings).position_of(token, len(log.events)) == position
        else:
            refused(lineage(*log.openings), token, len(log.events))


def test_a_place_is_checked_likewise() -> None:
    log = lineage((0, 1), (5, 2))
    log.check(log.place(7), 7)
    for place, head in ((Place(7, run(1)), 9), (Place(7, run(2)), 6), (Place(0, run(1)), 9)):
        with pytest.raises(ReadRefused, match="Forget that position"):
            log.check(place, head)
