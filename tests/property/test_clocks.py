"""Whatever the clocks of a machine do, the time that is recorded for ever goes on as the monotonic clock says."""

import asyncio
from collections.abc import Sequence
from itertools import count, pairwise
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from foldlog_server.app.server_clock import LONGEST_GAP, SLEW_DIVISOR, SLEWED, STEADY, ServerClock
from foldlog_server.stores.memory import MemoryEventStore
from tests.contract.appends import decoded, everything, new_id, to
from tests.support.clocks import DAY, HOUR, SECOND, Clocks

DEVIATIONS = [0, 400_000_000, -900_000_000, SLEWED + 1, 2 * DAY, 2 * DAY + SLEWED // 2, -2 * DAY]
STEPS = [1, 1_000, 300_000_000, SECOND, 7 * SECOND, 8 * HOUR]


class Stretch(NamedTuple):
    """Some time in which the wall clock is off by the same."""

    deviation: int
    step: int
    steps: int


STRETCHES = st.builds(Stretch, st.sampled_from(DEVIATIONS), st.sampled_from(STEPS), st.integers(1, 60))


class Seen(NamedTuple):
    """What the clock saw when it looked at the wall clock."""

    monotonic: int
    deviation: int


class Observed(Clocks):
    """Clocks that keep what was read of them."""

    def __init__(self) -> None:
        super().__init__()
        self.deviation = 0
        self.seen: list[Seen] = []

    def wall(self) -> int:
        self.seen.append(Seen(self.monotonic_time, self.deviation))
        return self.wall_time + self.deviation

    def steady(self) -> int:
        """For how long every reading has agreed with the first one of that time: the longest such time."""
        return max(self._agreed(self.seen[index:]) for index in range(len(self.seen)))

    @staticmethod
    def _agreed(seen: Sequence[Seen]) -> int:
        if any(abs(one.deviation - seen[0].deviation) > SLEWED for one in seen):
            return 0
        return sum(min(later.monotonic - one.monotonic, LONGEST_GAP) for one, later in pairwise(seen))


DRIFTING = [
    Stretch(2 * DAY, 7 * SECOND, 44),
    Stretch(400_000_000, 300_000_000, 2),
    Stretch(SLEWED + 1, 300_000_000, 2),
    Stretch(0, 8 * HOUR, 30),
]
"""Every reading since the leap back agrees with its first one, and not with every other."""


@settings(max_examples=150)
@example(DRIFTING)
@given(st.lists(STRETCHES, max_size=12))
def test_time_leaves_the_monotonic_clock_only_for_one_that_has_proved_steady(
    stretches: Sequence[Stretch],
) -> None:
    clocks = Observed()
    clock = ServerClock(clocks.wall, clocks.monotonic)
    offset, looked = clock() - clocks.monotonic_time, clocks.monotonic_time
    time = clock()
    for stretch in stretches:
        clocks.deviation = stretch.deviation
        for _ in range(stretch.steps):
            clocks.passes(stretch.step)
            before, time = time, clock()
            before_offset, offset = offset, time - clocks.monotonic_time
            allowed = (clocks.monotonic_time - looked) // SLEW_DIVISOR
            looked = clocks.seen[-1].monotonic
            if abs(offset - before_offset) > allowed:
                assert clocks.steady() >= STEADY
                assert time == clocks.wall_time + clocks.deviation
            else:
                assert time >= before


@settings(max_examples=60)
@given(st.lists(STRETCHES, max_size=6))
def test_recorded_times_never_go_back(stretches: Sequence[Stretch]) -> None:
    asyncio.run(record(stretches))


async def record(stretches: Sequence[Stretch]) -> None:
    clocks = Observed()
    clock = ServerClock(clocks.wall, clocks.monotonic)
    store = MemoryEventStore(clock=clock, monotonic=clocks.monotonic, new_id=new_id)
    versions = count()
    latest = 0
    for stretch in stretches:
        clocks.deviation = stretch.deviation
        for _ in range(stretch.steps):
            clocks.passes(stretch.step)
            await store.append(to("order-1", next(versions), b"x"))
            latest = max(latest, clock())
    times = [event.recorded_time.ToNanoseconds() for event in decoded(await everything(store))]
    assert times == sorted(times)
    assert not times or times[-1] == latest
