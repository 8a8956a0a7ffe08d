"""What operators see of the views over a real channel and on the command line, and how they cure them."""

import asyncio
import errno
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.v1.admin_service_pb2 import (
    ListParkedRequest,
    ListViewsRequest,
    RebuildViewRequest,
    RetryParkedRequest,
    ViewState,
)
from foldlog.v1.reads_pb2 import ReadOptions
from foldlog_client import Client, Exhausted, FoldlogError, InvalidRequest
from foldlog_server.domain.view import Key
from foldlog_server.domains.shop import SHOP
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.stores.views import view_files
from tests.support.orders import create
from tests.support.processes import foldlog
from tests.support.server import Server, client_of, until
from tests.support.wire import refused

pytestmark = pytest.mark.usefixtures("server")


class Poison:
    """A view of the server that cannot digest the first events of some documents, until it is cured."""

    def __init__(self, server: Server, collection: str, *ids: str) -> None:
        self.ids = set(ids)
        self._projector = server.projector(collection)
        self._evolve = self._projector.view.evolve
        self._projector.view = replace(self._projector.view, evolve=self._evolve_if_cured)

    def _evolve_if_cured(self, key: Key, document: Message | None, recorded: AnyRecordedEvent) -> Any:
        if key.id in self.ids:
            raise ArithmeticError("no such unit")
        return self._evolve(key, document, recorded)

    def cure(self) -> None:
        self.ids.clear()


def full_database() -> sqlite3.Error:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with client_of(server) as client:
        yield client


async def state_of(client: Client, name: str) -> ViewState:
    return next(view for view in (await client.admin.list_views()).views if view.name == name)


async def make(client: Client, *ids: str) -> int:
    """Make orders of a customer `c`; gives the position of the last."""
    position = 0
    for id in ids:
        created = await client.orders.create_order(order_id=id, customer_id="c", currency_code="EUR")
        position = created.result.position
    return position


async def test_every_view_is_told_with_what_it_has_not_seen(server: Server, client: Client) -> None:
    position = await make(client, "1")
    for view in SHOP.views:
        await server.projector(next(iter(view.collections))).wait_for(position, 30)
    await server.views.stop()
    await make(client, "2", "3")
    found = await client.admin.list_views()
    head = await client.events.head()
    assert (found.log_id, found.head) == (head.log_id, head.position)
    assert [state.name for state in found.views] == [view.name for view in SHOP.views]
    for state in found.views:
        assert (state.position, state.lag_events) == (position, head.position - position)
        assert state.lag_time.ToNanoseconds() > 0
        assert not state.HasField("rebuilding")
        assert (state.stopped, state.outdated, state.parked_documents) == ("", False, 0)
        assert state.edition
    assert len({state.edition for state in found.views}) == len(SHOP.views)


async def test_a_poisoned_document_waits_is_listed_marked_cured_and_whole(
    server: Server, client: Client
) -> None:
    poison = Poison(server, "customers", "c", "o")
    await make(client, "1")
    position = await make(client, "2")
    with pytest.raises(FoldlogError) as missing:
        await client.orders.get_customer_orders(customer_id="c")
    assert missing.value.reason == "DOCUMENT_PARKED"
    assert missing.value.metadata == {"view": "customer-orders", "id": "c"}
    listed = await client.orders.list_customers()
    assert listed.freshness.position == position
    assert listed.freshness.incomplete
    assert not listed.customers

    state = await state_of(client, "customer-orders")
    assert (state.position, state.parked_documents, state.parked_events) == (position, 1, 2)
    [parked] = (await client.admin.list_parked()).documents
    assert (parked.view, parked.collection, parked.id) == ("customer-orders", "customers", "c")
    assert (parked.position, parked.events) == (1, 2)
    assert parked.error == "ArithmeticError: no such unit"

    in_vain = await client.admin.retry_parked(view="customer-orders")
    assert (in_vain.cured, in_vain.still_parked) == (0, 1)
    poison.cure()
    await is_cured(client)


async def is_cured(client: Client) -> None:
    """Nothing waits after another try, and the documents are those of a view that was built anew."""
    done = await client.admin.retry_parked(view="customer-orders")
    assert (done.cured, done.still_parked) == (1, 0)
    assert not (await client.admin.list_parked()).documents
    cured = await client.orders.get_customer_orders(customer_id="c")
    assert not cured.freshness.incomplete
    assert cured.customer.order_count == 2
    await client.admin.rebuild_view(view="customer-orders")
    while (await state_of(client, "customer-orders")).HasField("rebuilding"):  # noqa: ASYNC110  another asks
        await asyncio.sleep(0.01)
    fresh = await client.orders.get_customer_orders(customer_id="c")
    assert (fresh.customer, list(fresh.orders)) == (cured.customer, list(cured.orders))


async def test_a_document_that_is_there_and_waits_is_answered_and_marked(
    server: Server, client: Client
) -> None:
    await make(client, "1", "2")
    await client.orders.get_order(order_id="2")
    Poison(server, "order-details", "1")
    cancelled = await client.orders.cancel_order(order_id="1", reason="changed mind")
    options = ReadOptions(min_position=cancelled.result.position)
    found = await server.ask(GetOrderRequest(order_id="1", options=options))
    assert found.freshness.incomplete
    assert found.freshness.position == cancelled.result.position
    assert found.order.version == 1
    assert not (await server.ask(GetOrderRequest(order_id="2", options=options))).freshness.incomplete
    await server.restart()
    assert (await server.ask(GetOrderRequest(order_id="1", options=options))).freshness.incomplete


async def test_parked_documents_are_paged_in_their_order(server: Server, client: Client) -> None:
    ids = [f"{number:02}" for number in range(7)]
    Poison(server, "current-orders", *ids[:5])
    Poison(server, "order-details", *ids[3:])
    position = await make(client, *ids)
    await client.orders.get_customer_orders(customer_id="c", min_position=position)
    for view in ("current-orders", "order-details"):
        await server.projector(view).wait_for(position, 30)
    expected = [("current-orders", id) for id in ids[:5]] + [("order-details", id) for id in ids[3:]]
    found = [(one.view, one.id) async for one in client.admin.iterate_parked_documents(page_size=2)]
    assert found == expected
    of_one = client.admin.iterate_parked_documents(view="order-details", page_size=3)
    assert [one.id async for one in of_one] == ids[3:]
    token = (await client.admin.list_parked(page_size=2)).next_page_token
    refusal = await refused(server.ask(ListParkedRequest(view="order-details", page_token=token)))
    assert refusal.reason == "PAGE_TOKEN_INVALID"


async def test_one_document_or_one_collection_can_be_tried_again(server: Server, client: Client) -> None:
    poison = Poison(server, "customers", "1", "2", "c")
    position = await make(client, "1", "2")
    await server.projector("customers").wait_for(position, 30)
    poison.cure()
    one = await client.admin.retry_parked(view="customer-orders", id="1")
    assert (one.cured, one.still_parked) == (1, 0)
    assert [(d.collection, d.id) for d in (await client.admin.list_parked()).documents] == [
        ("customer-orders", "2"),
        ("customers", "c"),
    ]
    await client.admin.retry_parked(view="customer-orders", collection="customers")
    assert [d.id for d in (await client.admin.list_parked()).documents] == ["2"]
    assert (await client.admin.retry_parked(view="customer-orders", id="none")).cured == 0


async def test_a_view_that_has_stopped_says_why(server: Server, client: Client) -> None:
    projector = server.projector("current-orders")

    def keys(recorded: AnyRecordedEvent) -> Any:
        raise ArithmeticError("no key")

    projector.view = replace(projector.view, keys=keys)
    position = await make(client, "1")
    assert await projector.wait_for(position, 30) is False
    state = await state_of(client, "current-orders")
    assert state.stopped == "the event at position 1 cannot be applied: ArithmeticError: no key"
    assert state.lag_events == position
    assert not (await state_of(client, "order-details")).stopped


@pytest.mark.parametrize(
    "request_",
    [RebuildViewRequest(view="none"), ListParkedRequest(view="none"), RetryParkedRequest(view="none")],
)
async def test_a_view_that_there_is_not_is_not_found(server: Server, request_: Message) -> None:
    refusal = await refused(server.ask(request_))
    assert refusal.reason == "VIEW_NOT_FOUND"
    assert refusal.metadata == {"view": "none"}


async def test_a_watch_shows_what_was_made_good(server: Server, client: Client) -> None:
    poison = Poison(server, "current-orders", "1")
    await make(client, "1", "2")
    seen: dict[str, Any] = {}
    async with asyncio.timeout(30), client.orders.watch_current_orders() as watch:
        async for change in watch:
            if change.reset:
                seen.clear()
            seen |= {order.order_id: order for order in change.puts}
            if poison.ids and set(seen) == {"2"}:
                poison.cure()
                await client.admin.retry_parked(view="current-orders")
            if set(seen) == {"1", "2"}:
                break
    assert seen["1"].customer_id == "c"


# The command line


async def test_views_are_listed_on_the_command_line(server: Server, client: Client) -> None:
    where = ("--address", server.address)
    Poison(server, "current-orders", "1", "2")
    position = await make(client, "1", "2", "3")
    await client.orders.list_current_orders(min_position=position)
    listed = await foldlog("views", "list", *where)
    assert listed.code == 0
    heading, *rows = listed.output.splitlines()
    assert heading.split() == ["view", "position", "behind", "parked", "state"]
    assert [row.split()[0] for row in rows] == [view.name for view in SHOP.views]
    [row] = [row.split() for row in rows if row.split()[0] == "current-orders"]
    assert row[1:] == [str(position), "0", "2", "follows"]
    as_json = json.loads((await foldlog("views", "list", "--json", *where)).output)
    assert as_json["head"] == str(position)
    assert as_json["views"][1]["parked_documents"] == "2"


async def test_what_is_parked_is_listed_and_cured_on_the_command_line(server: Server, client: Client) -> None:
    where = ("--address", server.address)
    poison = Poison(server, "current-orders", "1", "2")
    position = await make(client, "1", "2", "3")
    await client.orders.list_current_orders(min_position=position)
    parked = await foldlog("views", "parked", *where)
    assert "ArithmeticError: no such unit" in parked.output
    assert len(parked.output.splitlines()) == 3
    found = json.loads((await foldlog("views", "parked", "current-orders", "--json", *where)).output)
    assert [one["id"] for one in found] == ["1", "2"]

    in_vain = await foldlog("views", "retry", "current-orders", "--id", "1", *where)
    assert (in_vain.code, in_vain.output) == (1, "0 documents repaired, 1 still parked.\n")
    poison.cure()
    cured = await foldlog("views", "retry", "current-orders", *where)
    assert (cured.code, cured.output) == (0, "2 documents repaired, 0 still parked.\n")
    assert (await foldlog("views", "parked", *where)).output == "Nothing is parked.\n"


async def test_views_are_rebuilt_from_the_command_line(server: Server) -> None:
    where = ("--address", server.address)
    rebuilt = await foldlog("views", "rebuild", "current-orders", "inventory", *where)
    assert rebuilt.code == 0
    assert rebuilt.output == "current-orders: done\ninventory: done\n"
    begun = await foldlog("views", "rebuild", "inventory", "--no-wait", *where)
    assert (begun.code, begun.output) == (0, "")


async def test_what_cannot_be_done_is_said_in_one_line(server: Server) -> None:
    for arguments in (("rebuild", "none"), ("parked", "none"), ("retry", "none")):
        ended = await foldlog("views", *arguments, "--address", server.address)
        assert ended.code == 1
        assert (
            ended.errors
            == "foldlog: VIEW_NOT_FOUND: The view none does not exist. ListViews, or `foldlog views list`, lists the views.\n"
        )
    nobody = await foldlog("views", "list", "--address", "127.0.0.1:1")
    assert nobody.code == 1
    assert nobody.errors.startswith("foldlog: Nobody answers at 127.0.0.1:1.")
    assert nobody.errors.count("\n") == 1


async def test_what_is_retried_while_its_view_is_built_anew_is_asked_of_the_new_documents(
    server: Server, client: Client
) -> None:
    Poison(server, "current-orders", "1", "2")
    position = await make(client, "1", "2", "3")
    await client.orders.list_current_orders(min_position=position)
    former = server.projector("current-orders")
    async with former.busy:
        retrying = asyncio.ensure_future(client.admin.retry_parked(view="current-orders"))
        await until(lambda: former.busy._waiters)
        await client.admin.rebuild_view(view="current-orders")  # by code that has no poison
        await until(lambda: server.projector("current-orders") is not former)
    done = await retrying
    assert (done.cured, done.still_parked) == (2, 0)
    assert len((await client.orders.list_current_orders()).orders) == 3


async def test_a_collection_that_the_view_does_not_have_is_refused(client: Client) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await client.admin.retry_parked(view="customer-orders", collection="orders")
    [violation] = refused.value.violations
    assert (violation.subject, violation.rule) == ("collection", "unknown")
    assert "customers" in violation.description


@pytest.mark.parametrize("whole", [OSError(errno.ENOSPC, "No space left on device"), full_database()])
async def test_without_room_a_rebuild_is_refused_and_nothing_is_left_of_it(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, whole: Exception
) -> None:
    position = await make(client, "1")

    def write_half(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"SQLite")
        raise whole

    before = sorted((server.data / "views").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(view_files, "make", write_half)
        with pytest.raises(Exhausted) as refused:
            await client.admin.rebuild_view(view="inventory", timeout=0.5)
    assert refused.value.reason == "STORE_FULL"
    assert sorted((server.data / "views").iterdir()) == before
    assert not (await state_of(client, "inventory")).HasField("rebuilding")
    await client.admin.rebuild_view(view="inventory")
    assert (await client.orders.get_order(order_id="1", min_position=position)).order.version == 1


async def test_a_name_that_there_is_not_keeps_the_others_from_being_rebuilt(
    server: Server, client: Client
) -> None:
    before = (await state_of(client, "inventory")).edition
    ended = await foldlog("views", "rebuild", "inventory", "none", "--address", server.address)
    assert ended.code == 1
    state = await state_of(client, "inventory")
    assert (state.edition, state.HasField("rebuilding")) == (before, False)


async def test_an_address_that_is_none_is_a_wrong_command_line(server: Server) -> None:
    for address in (f"127.0.0.1:{server.port + 65536}", "", "127.0.0.1"):
        ended = await foldlog("views", "list", "--address", address)
        assert ended.code == 2
        assert "is not a host and a port" in ended.errors
    assert (await foldlog("events", "tail", "--after", str(2**64), "--address", server.address)).code == 2


async def test_a_retry_of_what_is_not_parked_says_so(server: Server) -> None:
    ended = await foldlog("views", "retry", "inventory", "--id", "none", "--address", server.address)
    assert (ended.code, ended.output) == (0, "Nothing of that is parked.\n")


async def test_a_retry_in_vain_is_logged_in_one_line(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    Poison(server, "current-orders", "1", "2")
    position = await make(client, "1", "2", "3")
    await client.orders.list_current_orders(min_position=position)
    caplog.clear()
    with caplog.at_level("INFO", "foldlog"):
        done = await client.admin.retry_parked(view="current-orders")
    assert (done.cured, done.still_parked) == (0, 2)
    [line] = [record.getMessage() for record in caplog.records if "current-orders" in record.getMessage()]
    assert line == "View current-orders: 0 parked documents were repaired, 2 are still parked."


async def test_a_rebuild_that_fails_ends_the_command_with_1(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    projector = server.projector("inventory")
    projector.view = replace(projector.view, revision=99)  # not what is installed
    ended = await foldlog("views", "rebuild", "inventory", "--address", server.address)
    assert ended.code == 1
    assert "inventory: failed: the installed code" in ended.output
    assert ended.errors == "foldlog: The server could not rebuild inventory.\n"
    listed = await foldlog("views", "list", "--address", server.address)
    assert "could not be rebuilt: the installed code" in listed.output


async def test_the_state_of_views_can_be_asked_for_as_it_is(server: Server) -> None:
    assert len((await server.ask(ListViewsRequest())).views) == len(SHOP.views)


async def test_orders_made_over_the_wire_are_seen_too(server: Server) -> None:
    await server.send(create("o"))
    assert (await server.ask(ListViewsRequest())).head == 1
