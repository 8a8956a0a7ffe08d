"""Request ids expire by the time that the log was served: later than by the wall clock, never earlier."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from foldlog_server.log.event_store import Append, NewRequest
from foldlog_server.stores.served import LONGEST_GAP, Served
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.writer import SERVED_STEP
from tests.contract.appends import Clock, append, decoded, new_id, part, request, to

SECOND = 10**9
DAY = 24 * 3600 * SECOND


class Machine:
    """A data directory and the clocks of its server."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.wall = Clock()
        self.monotonic = Clock(7)

    async def open(self, data: Path | None = None) -> SqliteEventStore:
        return await SqliteEventStore.open(
            data or self.data,
            clock=self.wall,
            monotonic=self.monotonic,
            new_id=new_id,
            on_failure=_unexpected,
        )

    def stored(self, data: Path | None = None) -> int:
        """How long the log has been served, as it is stored."""
        with closing(sqlite3.connect((data or self.data) / "log.db")) as connection:
            [(served,)] = connection.execute("SELECT nanoseconds FROM served")
        return int(served)


def copy_of_a_killed(data: Path, target: Path) -> Path:
    """A copy of what is on the disk, as if the server had been killed now."""
    return Path(shutil.copytree(data, target, ignore=shutil.ignore_patterns("*-shm", "lock")))


def _unexpected(error: BaseException) -> None:
    raise AssertionError from error


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "data")


def passed(served: Served, monotonic: Clock, steps: Sequence[int]) -> int:
    before = served.now()
    for step in steps:
        monotonic.now += step
        served.now()
    return served.now() - before


@pytest.mark.parametrize(
    ("steps", "counted"),
    [
        ([0, 1, 5 * SECOND], 5 * SECOND + 1),
        ([2 * DAY], LONGEST_GAP),
        ([-2 * DAY, SECOND], SECOND),
        ([2 * DAY, -2 * DAY, SECOND], LONGEST_GAP + SECOND),
    ],
    ids=["looked at", "not looked at", "back", "there and back"],
)
def test_only_what_was_looked_at_is_counted(steps: list[int], counted: int) -> None:
    monotonic = Clock(3)

    assert passed(Served(100, monotonic), monotonic, steps) == counted


async def remember(store: SqliteEventStore) -> NewRequest:
    """A command that has just been carried out."""
    new = request()
    await store.append(append(part(f"order-{new_id()}", 0, b"x"), request=new))
    return new


async def test_a_wall_clock_that_leaps_two_days_and_back_forgets_no_request(machine: Machine) -> None:
    store = await machine.open()
    sent = [await remember(store)]
    for leap in (2 * DAY, -2 * DAY, -400 * DAY, 400 * DAY):
        machine.wall.now += leap
        machine.monotonic.now += SECOND
        sent.append(await remember(store))

    for new in sent:
        assert await store.find_request(new.key) is not None
    await store.close()


async def test_a_wall_clock_that_is_wrong_over_a_restart_forgets_no_request(machine: Machine) -> None:
    sent: list[NewRequest] = []
    for leap in (0, 5 * DAY, -5 * DAY, -400 * DAY):
        machine.wall.now += leap
        store = await machine.open()
        sent.append(await remember(store))
        for new in sent:
            assert await store.find_request(new.key) is not None
        await store.close()


async def test_stopping_for_days_does_not_age_the_window(machine: Machine) -> None:
    store = await machine.open()
    new = await remember(store)
    machine.monotonic.now += 3 * SECOND
    await store.close()
    machine.wall.now += 9 * DAY
    machine.monotonic.now += 9 * DAY

    store = await machine.open()
    await remember(store)
    assert await store.find_request(new.key) is not None
    await store.close()
    assert machine.stored() == 3 * SECOND


async def test_a_process_that_stood_still_for_days_does_not_age_the_window(machine: Machine) -> None:
    store = await machine.open()
    new = await remember(store)
    machine.wall.now += 9 * DAY
    machine.monotonic.now += 9 * DAY
    await remember(store)
    assert await store.find_request(new.key) is not None
    await store.close()


async def test_a_crash_makes_the_window_longer_by_one_step_at_most(machine: Machine, tmp_path: Path) -> None:
    store = await machine.open()
    begun = machine.monotonic.now
    for second in range(95):
        machine.monotonic.now += SECOND
        await store.append(to(f"order-{second}", 0, b"x"))
    killed = copy_of_a_killed(machine.data, tmp_path / "killed")
    served = machine.monotonic.now - begun
    await store.close()

    assert 0 <= served - machine.stored(killed) < SERVED_STEP
    assert machine.stored() == served


async def test_what_passes_while_nothing_is_stored_counts(machine: Machine) -> None:
    store = await machine.open()
    for _ in range(5):
        machine.monotonic.now += 9 * SECOND
        store._check_files()
        store._watch.cancel()
    await store.close()

    assert machine.stored() == 45 * SECOND


async def test_a_log_that_is_closed_twice_is_closed(machine: Machine) -> None:
    store = await machine.open()
    machine.monotonic.now += SECOND
    await store.close()
    await store.close()

    assert machine.stored() == SECOND


async def test_a_time_that_was_said_to_be_over_is_over_after_a_crash(
    machine: Machine, tmp_path: Path
) -> None:
    over = machine.wall.now - SECOND
    store = await machine.open()
    await store.append(Append((), not_before=over))
    killed = copy_of_a_killed(machine.data, tmp_path / "killed")
    await store.close()
    machine.wall.now -= 2 * DAY

    store = await machine.open(killed)
    await store.append(to("order-1", 0, b"x"))
    [event] = await store.read_all()
    await store.close()
    assert decoded([event])[0].recorded_time.ToNanoseconds() == over
