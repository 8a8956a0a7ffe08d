"""A wall clock that is wrong for a moment, or over a restart: what it can do to a server, and what not."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.orders.v1.commands_pb2 import ChangeItemQuantity
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, GetOrderResponse
from foldlog.v1.admin_service_pb2 import GetClockRequest, GetClockResponse
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.reads_pb2 import AsOf
from foldlog_server.clock import Leap
from tests.support.clocks import DAY, MINUTE, SECOND, Clocks
from tests.support.commands import add, create
from tests.support.processes import foldlog
from tests.support.server import Server, until
from tests.support.wire import refused

REQUEST = "0197a5c0-0000-7000-8000-00000000000a"


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
async def server(new_log: Path, tmp_path: Path, clocks: Clocks) -> AsyncIterator[Server]:
    shutil.copytree(new_log, tmp_path / "data")
    server = Server(tmp_path / "data")
    server.clock, server.monotonic = clocks.wall, clocks.monotonic
    await server.start()
    yield server
    await server.stop()


async def times(server: Server) -> list[int]:
    """When each event was recorded."""
    batches = [batch async for batch in server.ask(ReadAllRequest())]
    return [event.recorded_time.ToNanoseconds() for batch in batches for event in batch.events]


async def quantity(server: Server, time: int) -> int:
    """What there was in the order's one line at a time."""
    as_of = Timestamp()
    as_of.FromNanoseconds(time)
    answer: GetOrderResponse = await server.ask(GetOrderRequest(order_id="o", as_of=AsOf(time=as_of)))
    return answer.order.lines[0].quantity if answer.order.lines else 0


async def is_not_over(server: Server, time: int) -> None:
    found = await refused(quantity(server, time))
    assert (found.code, found.reason) == (StatusCode.OUT_OF_RANGE, "TIME_NOT_OVER")


async def change(server: Server, quantity: int) -> None:
    await server.send(ChangeItemQuantity(order_id="o", line_id="tea", quantity=quantity))


def told(caplog: pytest.LogCaptureFixture, start: str) -> int:
    return sum(record.getMessage().startswith(start) for record in caplog.records)


async def test_a_leap_forward_and_back_leaves_no_trace(
    server: Server, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    began = clocks.wall_time
    await server.send(create("o"), request_id=REQUEST)
    clocks.passes(SECOND)
    clocks.leaps(2 * DAY)
    await server.send(add("o", "tea", 2))
    assert server.app.clock.leap == Leap(2 * DAY, began + SECOND)
    await is_not_over(server, began + DAY)
    await is_not_over(server, began + SECOND)

    clocks.passes(SECOND)
    clocks.leaps(-2 * DAY)
    await change(server, 3)
    again = await server.send(create("o"), request_id=REQUEST)
    assert again.result.replayed
    assert await times(server) == [began, began + SECOND, began + 2 * SECOND]
    clocks.passes(SECOND)
    assert [await quantity(server, began + second * SECOND) for second in range(3)] == [0, 2, 3]
    assert told(caplog, "The wall clock has leapt by +172800.000 s") == 1
    assert told(caplog, "The wall clock is back") == 1


async def test_a_clock_that_was_set_right_is_followed(server: Server, clocks: Clocks) -> None:
    await server.send(create("o"))
    clocks.leaps(2 * DAY)
    for _ in range(5 * 60 + 1):
        clocks.passes(SECOND)
        server.app.clock()
    await server.send(add("o", "tea", 2))

    assert (await times(server))[-1] == clocks.wall_time
    clocks.passes(1)
    assert await quantity(server, clocks.wall_time - 1) == 2


async def test_an_idle_server_notices_a_leap(server: Server, clocks: Clocks) -> None:
    clocks.passes(SECOND)
    clocks.leaps(-2 * DAY)

    await until(lambda: server.app.clock.leap is not None)


async def test_what_was_recorded_ahead_stays_and_is_told(
    server: Server, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    await server.send(create("o"), request_id=REQUEST)
    clocks.leaps(2 * DAY)
    await server.restart()
    await server.send(add("o", "tea", 2))
    ahead = clocks.wall_time
    clocks.leaps(-2 * DAY)
    await server.restart()
    assert told(caplog, "The newest event was recorded 172800.000 s ahead of this machine's clock") == 1

    await change(server, 3)
    assert (await times(server))[1:] == [ahead, ahead]
    assert (await server.send(create("o"), request_id=REQUEST)).result.replayed
    await is_not_over(server, ahead)
    await is_not_over(server, ahead - SECOND)
    clocks.passes(2 * DAY)
    await is_not_over(server, ahead)
    clocks.passes(1)
    assert await quantity(server, ahead) == 3
    assert await quantity(server, ahead - 1) == 0
    await change(server, 4)
    assert (await times(server))[-1] == ahead + 1
    assert await quantity(server, ahead) == 3


async def test_what_was_answered_of_a_time_is_answered_again_though_the_clock_was_set_back(
    server: Server, clocks: Clocks
) -> None:
    await server.send(create("o"))
    await server.send(add("o", "tea", 2))
    clocks.leaps(2 * DAY)
    await server.restart()
    asked = clocks.wall_time - DAY
    assert await quantity(server, asked) == 2

    clocks.leaps(-2 * DAY)
    await server.restart()
    await is_not_over(server, asked)
    await change(server, 3)
    clocks.passes(DAY + MINUTE)
    assert await quantity(server, asked) == 2
    assert await quantity(server, asked + SECOND) == 3


async def test_a_time_before_the_newest_event_needs_no_writer(server: Server, clocks: Clocks) -> None:
    began = clocks.wall_time
    await server.send(create("o"))
    clocks.passes(SECOND)
    await server.send(add("o", "tea", 2))
    clocks.passes(SECOND)
    held = server.hold_appends()
    assert await quantity(server, began) == 0
    assert len(held) == 0
    held.release()


async def test_operators_see_the_clock(server: Server, clocks: Clocks) -> None:
    began = clocks.wall_time
    none: GetClockResponse = await server.ask(GetClockRequest())
    assert (none.time.ToNanoseconds(), none.HasField("newest_event_time")) == (began, False)

    await server.send(create("o"))
    clocks.passes(SECOND)
    clocks.leaps(-2 * DAY)
    seen: GetClockResponse = await server.ask(GetClockRequest())
    assert (seen.time.ToNanoseconds(), seen.newest_event_time.ToNanoseconds()) == (began + SECOND, began)
    assert (seen.leap.ahead.ToNanoseconds(), seen.leap.since.ToNanoseconds()) == (-2 * DAY, began + SECOND)


async def test_the_clock_is_shown_on_the_command_line(server: Server, clocks: Clocks) -> None:
    where = ("--address", server.address)
    agreeing = await foldlog("clock", *where)
    assert agreeing.output.splitlines() == ["The server's time is 2023-11-14T22:13:20Z."]
    await server.send(create("o"))
    clocks.leaps(-DAY)
    await server.restart()
    clocks.passes(SECOND)
    clocks.leaps(2 * DAY)
    shown = await foldlog("clock", *where)
    assert shown.output.splitlines() == [
        "The server's time is 2023-11-13T22:13:21Z.",
        "The machine's clock is off by +172,800.000 s since 2023-11-13T22:13:21Z: "
        "the server's time follows it once it has been steady for 5 minutes.",
        "The newest event was recorded 86,399.000 s ahead: "
        "new events are recorded at the same time until the clock has passed it.",
    ]
    as_json = json.loads((await foldlog("clock", "--json", *where)).output)
    assert as_json["leap"]["ahead"] == "172800s"
