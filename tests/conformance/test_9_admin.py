"""Operating a server: the positions of its views, their rebuilds, and its clock"""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.orders.v1.queries_pb2 import (
    GetOrderRequest,
    ListCurrentOrdersRequest,
    WatchCurrentOrdersRequest,
    WatchCurrentOrdersResponse,
)
from foldlog.v1.admin_service_pb2 import (
    BackupRequest,
    GetClockRequest,
    GetClockResponse,
    GetScrubRequest,
    GetScrubResponse,
    ListParkedRequest,
    ListViewsRequest,
    ListViewsResponse,
    RebuildViewRequest,
    RetryParkedRequest,
    ViewState,
)
from foldlog.v1.event_service_pb2 import ReadAllRequest
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import ReadOptions
from tests.conformance.shop import Shop, fresh
from tests.support.wire import SECONDS, refused

VIEW = "current-orders"
OF_ONE_VIEW: dict[str, Any] = {
    "RebuildView": RebuildViewRequest,
    "ListParked": ListParkedRequest,
    "RetryParked": RetryParkedRequest,
}


async def views(shop: Shop) -> dict[str, ViewState]:
    found: ListViewsResponse = await shop.ask(ListViewsRequest())
    return {state.name: state for state in found.views}


async def rebuilt(shop: Shop) -> tuple[str, str]:
    """Build a view anew; gives its edition before and after."""
    before = (await views(shop))[VIEW].edition
    await shop.ask(RebuildViewRequest(view=VIEW))
    async with asyncio.timeout(SECONDS):
        while (state := (await views(shop))[VIEW]).HasField("rebuilding"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # nobody tells when it is done
    assert not state.rebuild_error
    return before, state.edition


async def test_positions(shop: Shop) -> None:
    """ListViews reports the position of every view, and how many events it has not seen."""
    order_id = await shop.order()
    position = (await shop.head()).position
    await shop.ask(GetOrderRequest(order_id=order_id, options=ReadOptions(min_position=position)))
    found: ListViewsResponse = await shop.ask(ListViewsRequest())
    assert found.log_id == (await shop.head()).log_id
    assert found.head >= position
    assert max(state.position for state in found.views) >= position
    for state in found.views:
        assert state.position + state.lag_events >= found.head
        assert not state.stopped


async def test_order(shop: Shop) -> None:
    """ListViews has every view once, always in the same order."""
    first, again = [list(await views(shop)) for _ in range(2)]
    assert first == again
    assert VIEW in first


async def test_edition(shop: Shop) -> None:
    """A view that was rebuilt is another edition, and only then."""
    assert (await views(shop))[VIEW].edition == (await views(shop))[VIEW].edition
    before, after = await rebuilt(shop)
    assert before != after


async def test_documents(shop: Shop) -> None:
    """A view that was rebuilt answers what it answered before."""
    customer = fresh("c")
    for _ in range(3):
        await shop.order(customer_id=customer)
    options = ReadOptions(min_position=(await shop.head()).position)
    asked = ListCurrentOrdersRequest(customer_id=customer, options=options)
    before = await shop.ask(asked)
    await rebuilt(shop)
    assert (await shop.ask(asked)).orders == before.orders
    assert len(before.orders) == 3


async def test_answers(shop: Shop) -> None:
    """While a view is rebuilt, it keeps answering, own writes included."""
    customer = fresh("c")
    building = asyncio.ensure_future(rebuilt(shop))
    count = 0
    while not building.done() or not count:
        await shop.order(customer_id=customer)
        count += 1
        options = ReadOptions(min_position=(await shop.head()).position)
        asked = ListCurrentOrdersRequest(customer_id=customer, options=options, page_size=1000)
        assert len((await shop.ask(asked)).orders) == min(count, 1000)
    await building


async def test_reset(shop: Shop) -> None:
    """A watch continues over a view that was rebuilt: reset, then everything there is."""
    customer = fresh("c")
    order_id = await shop.order(customer_id=customer)
    options = ReadOptions(min_position=(await shop.head()).position)
    await shop.ask(ListCurrentOrdersRequest(customer_id=customer, options=options))
    call = shop.ask(WatchCurrentOrdersRequest(customer_id=customer))
    while not (await call.read()).snapshot_complete:
        pass
    await rebuilt(shop)
    said: list[WatchCurrentOrdersResponse] = []
    async with asyncio.timeout(SECONDS):
        while not said or not said[-1].snapshot_complete:
            message = await call.read()
            if message.reset or said:
                said.append(message)
    assert said[0].reset
    assert [order.order_id for message in said for order in message.puts] == [order_id]


async def test_parked(shop: Shop) -> None:
    """Where nothing is parked, nothing is listed, and there is nothing to retry."""
    if any(state.parked_documents for state in (await views(shop)).values()):
        pytest.skip("Documents of this server are parked.")
    assert not (await shop.ask(ListParkedRequest())).documents
    done = await shop.ask(RetryParkedRequest(view=VIEW))
    assert (done.cured, done.still_parked) == (0, 0)


@pytest.mark.parametrize("method", OF_ONE_VIEW)
async def test_not_found(shop: Shop, method: str) -> None:
    """{method} of a view that there is not is NOT_FOUND (VIEW_NOT_FOUND)."""
    found = await refused(shop.ask(OF_ONE_VIEW[method](view="none")))
    assert (found.code, found.reason) == (StatusCode.NOT_FOUND, "VIEW_NOT_FOUND")


async def test_page_token(shop: Shop) -> None:
    """ListParked refuses a page token that it did not give: INVALID_ARGUMENT (PAGE_TOKEN_INVALID)."""
    found = await refused(shop.ask(ListParkedRequest(page_token="forged")))
    assert (found.code, found.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_clock(shop: Shop) -> None:
    """GetClock returns the server's time, and when the newest event was recorded."""
    sent = await shop.send(ReceiveStock(product_id=fresh("p"), quantity=1))
    found: GetClockResponse = await shop.ask(GetClockRequest())
    assert found.time.ToNanoseconds() > 0
    assert found.newest_event_time.ToNanoseconds() >= sent.result.events[0].recorded_time.ToNanoseconds()


async def test_scrub(shop: Shop) -> None:
    """GetScrub reports how far the log has been scrubbed, and no damage where there is none."""
    found: GetScrubResponse = await shop.ask(GetScrubRequest())
    assert (list(found.damages), found.damage_count) == ([], 0)
    assert found.done <= found.total
    if found.HasField("end_time"):
        assert found.begin_time.ToNanoseconds() <= found.end_time.ToNanoseconds()


async def test_backup(shop: Shop) -> None:
    """Backup says which log it is and how far it goes, then returns its events from the first on."""
    await shop.order()
    head = await shop.head()
    call = shop.ask(BackupRequest())
    origin = (await call.read()).origin
    assert origin.log_id == head.log_id
    assert origin.position >= head.position
    events = (await call.read()).events
    assert events.first_position == 1
    async for batch in shop.ask(ReadAllRequest(max_count=1)):
        assert RecordedEvent.FromString(events.records[0]).event_id == batch.events[0].event_id
    call.cancel()
