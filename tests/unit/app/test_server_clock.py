"""The server's time goes on with the monotonic clock, whatever the wall clock does in between."""

import time

import pytest

from foldlog_server.app.server_clock import Lookout, ServerClock, monotonic_ns
from foldlog_server.clock import Leap
from tests.support.clocks import DAY, HOUR, MINUTE, SECOND, Clocks
from tests.support.server import until


class Watched:
    """A server's clock that is asked once a second."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self.clock = ServerClock(self.clocks.wall, self.clocks.monotonic)
        self.began = self.clocks.wall_time - self.clocks.monotonic_time

    def passes(self, nanoseconds: int, step: int = SECOND) -> None:
        for _ in range(nanoseconds // step):
            self.clocks.passes(step)
            self.clock()

    def leaps(self, nanoseconds: int) -> None:
        self.clocks.leaps(nanoseconds)

    def leap(self) -> Leap | None:
        return self.clock.leap

    @property
    def moved(self) -> int:
        """How far the time is from what the monotonic clock made of the first reading."""
        return self.clock() - self.clocks.monotonic_time - self.began


@pytest.fixture
def watched() -> Watched:
    return Watched()


LEAPT = "The wall clock has leapt by"
BACK = "The wall clock is back"
FOLLOWED = "The wall clock has been steady for 5 minutes"


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What operators read in the log: how each line begins."""
    lines = [record.getMessage() for record in caplog.records if record.name == "foldlog"]
    return [start for line in lines for start in (LEAPT, BACK, FOLLOWED) if line.startswith(start)]


def test_the_time_begins_with_the_wall_clock_and_goes_on_with_the_monotonic_one(watched: Watched) -> None:
    assert watched.clock() == watched.clocks.wall_time
    watched.passes(3 * SECOND)
    watched.clocks.passes(5)  # also where the wall clock is not looked at

    assert watched.clock() == watched.clocks.wall_time
    assert watched.leap() is None


@pytest.mark.parametrize("days", [2, -2, 4000])
def test_a_leap_and_back_within_seconds_moves_nothing(
    watched: Watched, days: int, caplog: pytest.LogCaptureFixture
) -> None:
    watched.passes(10 * SECOND)
    watched.leaps(days * DAY)
    watched.passes(3 * SECOND)

    assert watched.moved == 0
    assert watched.leap() == Leap(days * DAY, watched.clock() - 2 * SECOND)
    watched.leaps(-days * DAY)
    watched.passes(3 * SECOND)
    assert watched.moved == 0
    assert watched.leap() is None
    assert told(caplog) == [LEAPT, BACK]


@pytest.mark.parametrize("leap", [2 * DAY, -2 * DAY, 1_500_000_000], ids=["forward", "back", "little"])
def test_a_leap_is_followed_when_both_clocks_have_agreed_for_five_minutes(
    watched: Watched, leap: int, caplog: pytest.LogCaptureFixture
) -> None:
    watched.leaps(leap)
    watched.passes(5 * MINUTE)
    assert watched.moved == 0

    watched.passes(SECOND)
    assert watched.moved == leap
    assert watched.clock() == watched.clocks.wall_time
    assert watched.leap() is None
    assert told(caplog) == [LEAPT, FOLLOWED]


def test_another_leap_begins_the_five_minutes_anew(watched: Watched) -> None:
    for leap in (2 * DAY, DAY, -9 * DAY, 4 * SECOND):
        watched.leaps(leap)
        watched.passes(4 * MINUTE)
        assert watched.moved == 0
    watched.passes(MINUTE + SECOND)

    assert watched.clock() == watched.clocks.wall_time


def test_a_clock_that_never_stands_is_never_followed(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(600):
        watched.leaps(2 * DAY if number % 2 else -2 * DAY)
        watched.passes(2 * SECOND)

    assert watched.moved == 0
    assert told(caplog).count(LEAPT) <= 1 + 1200 // 60


@pytest.mark.parametrize("deviation", [900_000_000, -900_000_000])
def test_a_small_deviation_is_followed_slowly_and_never_backwards(
    watched: Watched, deviation: int, caplog: pytest.LogCaptureFixture
) -> None:
    watched.leaps(deviation)
    before = watched.clock()
    for _ in range(2_000):
        moved = watched.moved
        for step in (499_999_999, 1):
            watched.clocks.passes(step)
            former, before = before, watched.clock()
            assert before >= former
        assert abs(watched.moved - moved) <= 500_000

    assert watched.clock() == watched.clocks.wall_time
    assert told(caplog) == []


def test_a_suspended_machine_whose_monotonic_clock_went_on_is_where_it_should_be(watched: Watched) -> None:
    watched.clocks.passes(8 * HOUR)

    assert watched.clock() == watched.clocks.wall_time
    assert watched.leap() is None


def test_a_suspended_machine_whose_monotonic_clock_stood_still_has_leapt(watched: Watched) -> None:
    watched.leaps(8 * HOUR)
    watched.passes(5 * MINUTE)
    assert watched.moved == 0

    watched.passes(SECOND)
    assert watched.clock() == watched.clocks.wall_time


def test_what_nobody_looked_at_is_no_agreement(watched: Watched) -> None:
    watched.leaps(2 * DAY)
    watched.passes(SECOND)
    watched.clocks.passes(8 * HOUR)

    assert watched.moved == 0
    watched.passes(5 * MINUTE)
    assert watched.moved == 2 * DAY


def test_a_process_that_was_stopped_between_two_readings_has_seen_no_leap() -> None:
    clocks = Clocks()
    stopped = False

    def wall() -> int:
        if stopped:
            clocks.passes(3 * MINUTE)
        return clocks.wall_time

    clock = ServerClock(wall, clocks.monotonic)
    clocks.passes(SECOND)
    stopped = True
    clock()
    assert clock.leap is None
    stopped = False
    clocks.passes(SECOND)

    assert clock() == clocks.wall_time
    assert clock.leap is None


def test_a_restart_begins_with_the_wall_clock_again() -> None:
    clocks = Clocks()
    ServerClock(clocks.wall, clocks.monotonic)()
    clocks.leaps(2 * DAY)

    assert ServerClock(clocks.wall, clocks.monotonic)() == clocks.wall_time


async def test_an_idle_server_looks_at_its_clocks(watched: Watched) -> None:
    asked = 0

    def clock() -> int:
        nonlocal asked
        asked += 1
        return 0

    lookout = Lookout(clock)
    await until(lambda: asked >= 2)
    lookout.stop()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no CLOCK_BOOTTIME")
def test_the_monotonic_clock_goes_on_while_the_machine_is_suspended() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before <= monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
