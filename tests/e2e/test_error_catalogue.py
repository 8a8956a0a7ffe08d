"""Every entry of the error catalogues over a real channel: what a client is told, to the last detail."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from foldlog.orders.v1.commands_pb2 import CreateOrder, SubmitOrder
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest, WatchOrderRequest
from foldlog.v1.admin_service_pb2 import RebuildViewRequest
from foldlog.v1.event_service_pb2 import ReadStreamRequest, SubscribeRequest
from foldlog.v1.options_pb2 import error
from foldlog.v1.reads_pb2 import AsOf, ReadOptions
from foldlog.v1.request_service_pb2 import GetOutcomeRequest
from foldlog_server.commands.aggregates import MAX_ATTEMPTS
from foldlog_server.errors import WrongExpectedVersion
from foldlog_server.stores import encoded_append
from foldlog_server.stores.sqlite import rows, writer
from foldlog_server.stores.sqlite.connections import in_thread
from foldlog_server.views.scheduler import Scheduler
from tests.architecture.documents import ROOT
from tests.architecture.error_catalogue import CATALOGUES
from tests.support.provoking import BY_RULES, FULL, Told, create, refusal
from tests.support.server import Server
from tests.support.wire import METHODS, SECONDS, Refusal, refused, refused_stream

CORE = "foldlog.v1"
NEVER = {(CORE, "PRECEDING_FAILED"): "It belongs to Execute, which is not offered yet."}
"""What nothing can raise yet, and why."""

KEY = "01938f3e-7c5a-7000-8000-3f2a1b0c9d8e"
NO_WAIT = Duration()

Provoked = tuple[Refusal, Told]
Provoke = Callable[[Server, pytest.MonkeyPatch], Awaitable[Provoked]]
Entry = tuple[str, str]


RETRY_HELPS: dict[Entry, bool] = {
    (catalogue.file.package, value.name.removeprefix("ERROR_REASON_")): value.GetOptions()
    .Extensions[error]
    .retry
    for catalogue in CATALOGUES
    for value in catalogue.values
    if value.number
}
"""What all entries of the catalogues say of a retry."""


def check(found: Refusal, entry: Entry, told: Told) -> None:
    """The domain and reason of its one ErrorInfo, and each detail; that its code is the entry's is seen to
    wherever a refusal is read."""
    assert (found.domain, found.reason) == entry
    assert found.message
    assert Told.of(found) == replace(told, violations=list(told.violations))
    details = {
        "ErrorInfo": True,
        "BadRequest": found.code is StatusCode.INVALID_ARGUMENT and bool(told.violations),
        "PreconditionFailure": found.code is StatusCode.FAILED_PRECONDITION,
        "ResourceInfo": told.resource is not None,
        "RetryInfo": told.retry_after is not None,
    }
    assert list(found.kinds) == [kind for kind, expected in details.items() if expected]
    assert RETRY_HELPS[entry] == (told.retry_after is not None)
    pushback = found.trailers.get("grpc-retry-pushback-ms")
    assert pushback == (None if told.retry_after is None else str(int(told.retry_after * 1000)))


@pytest.mark.parametrize("entry", BY_RULES, ids=".".join)
async def test_a_refusal_by_a_rule_is_told_whole(server: Server, entry: Entry) -> None:
    provoke, told = BY_RULES[entry]
    check(await provoke(server), entry, told)


# What can befall any domain's calls


async def malformed_request(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    return await refused(server.call(METHODS["GetOrder@foldlog.orders.v1"], b"\xff")), Told()


async def invalid_fields(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    bad = CreateOrder(currency_code="pound")
    fields = [("command.customer_id", "required"), ("command.currency_code", "pattern")]
    return await refusal(server, bad), Told(violations=fields)


async def resume_token_invalid(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    return await refusal(server, WatchOrderRequest(order_id="o", resume_token="forged")), Told()


async def request_id_reused(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create(), request_id=KEY)
    return await refusal(server, SubmitOrder(order_id="o"), request_id=KEY), Told({"request_id": KEY})


async def page_token_invalid(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    return await refusal(server, ListCurrentOrdersRequest(page_token="mine")), Told()


async def version_conflict(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    found = await refusal(server, SubmitOrder(order_id="o"), expected_version=3)
    versions = {"expected_version": "3", "actual_version": "1"}
    return found, Told({"stream": "order-o", **versions}, ("stream", "order-o"))


async def contended(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    """As if others wrote to the log, and were always faster."""
    attempts = 0

    def lose(_: object) -> "asyncio.Future[Any]":
        nonlocal attempts
        attempts += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_exception(WrongExpectedVersion("order-o", 0, 1))
        return future

    patch.setattr(server.app.parts.store, "append", lose)
    found = await refusal(server, create())
    assert attempts == MAX_ATTEMPTS
    return found, Told({"stream": "order-o"}, ("stream", "order-o"), retry_after=0.1)


async def stream_not_found(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    found = await refusal(server, ReadStreamRequest(stream="order-o"))
    return found, Told({"stream": "order-o"}, ("stream", "order-o"))


async def request_not_found(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    found = await refusal(server, GetOutcomeRequest(request_id=KEY))
    return found, Told({"request_id": KEY}, ("request", KEY))


async def position_beyond_head(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    return await refusal(server, SubscribeRequest(after_position=2)), Told({"position": "2", "head": "1"})


async def version_beyond_end(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    found = await refusal(server, GetOrderRequest(order_id="o", as_of=AsOf(version=2)))
    return found, Told({"stream": "order-o", "version": "2", "end": "1"})


async def time_not_over(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    far = Timestamp(seconds=253_402_300_799)
    found = await refusal(server, GetOrderRequest(order_id="o", as_of=AsOf(time=far)))
    return found, Told({"time": "9999-12-31T23:59:59Z", "now": found.metadata["now"]})


async def log_replaced(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    options = ReadOptions(min_position=1, log_id="former")
    found = await refusal(server, GetOrderRequest(order_id="o", options=options))
    ids = {"asked_log_id": "former", "log_id": (await server.head()).log_id}
    return found, Told(ids, violations=[("former", "LOG_REPLACED")])


async def view_behind(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.views.stop()
    await server.send(create())
    return await asked_of_a_view(server), Told({**VIEW, "min_position": "1"}, retry_after=0.05)


async def view_stopped(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    projector = server.projector("order-details")
    patch.setattr(projector, "view", replace(projector.view, keys=trouble))
    await server.send(create())
    return await asked_of_a_view(server, max_wait=None), Told(VIEW)


async def view_damaged(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    projector = server.projector("order-details")
    assert await projector.wait_for(1, SECONDS)
    projector.read_model._file.path.unlink()
    found = await refusal(server, GetOrderRequest(order_id="o"))
    return found, Told({**VIEW, "position": "1"}, retry_after=1.0)


async def view_rebuilding(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    await server.stop()
    shutil.rmtree(server.data / "views")
    patch.setattr(Scheduler, "start", lambda _: None)
    await server.start()
    return await asked_of_a_view(server), Told({**VIEW, "needed_position": "1"}, retry_after=1.0)


async def document_parked(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    projector = server.projector("order-details")
    patch.setattr(projector, "view", replace(projector.view, evolve=trouble))
    await server.send(create())
    return await asked_of_a_view(server, max_wait=None), Told({"view": "order-details", "id": "o"})


async def view_not_found(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    return await refusal(server, RebuildViewRequest(view="none")), Told(
        {"view": "none"}, resource=("view", "none")
    )


VIEW = {"view": "order-details", "position": "0", "head": "1"}


async def event_unreadable(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.write("order-odd", 1, 10)
    found = await refusal(server, SubmitOrder(order_id="odd"))
    return found, Told({"position": "1", "type": "test.v1.Written"})


async def asked_of_a_view(server: Server, max_wait: Duration | None = NO_WAIT) -> Refusal:
    options = ReadOptions(min_position=1, max_wait=max_wait)
    return await refusal(server, GetOrderRequest(order_id="o", options=options))


async def draining(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    server.app._server._calls.drain()  # what a server that stops does first
    return await refusal(server, SubscribeRequest()), Told(retry_after=0.5)


async def store_unavailable(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    patch.setattr(writer, "commit", broken_disk)
    return await refusal(server, create()), Told(retry_after=1.0)


async def log_detached(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    patch.setattr(server.app.parts.store, "_detached", True)
    found = await refusal(server, create(), request_id=KEY)
    return found, Told({"request_id_not_looked_up": "true"}, retry_after=5.0)


async def store_full(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    def fill(connection: sqlite3.Connection) -> None:
        [count] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {count}").fetchall()

    await in_thread(server.app.parts.store._connection, fill)
    return await refusal(server, FULL), Told({"cause": "full"}, retry_after=5.0)


async def store_hindered(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    def no_memory(*_: object) -> None:
        raise MemoryError

    patch.setattr(rows, "_in_stream_order", no_memory)
    found = await refusal(server, ReadStreamRequest(stream="order-o"))
    return found, Told({"cause": "no_memory"}, retry_after=1.0)


async def event_too_large(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    """No command of today makes an event of 1 MiB, so the limit comes down to meet one."""
    patch.setattr(encoded_append, "MAX_EVENT_BYTES", 50)
    found = await refusal(server, create())
    assert int(found.metadata["size"]) > 50
    named = {"type": "foldlog.orders.v1.OrderCreated", "size": found.metadata["size"], "limit": "50"}
    return found, Told(named)


async def data_damaged(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    await server.send(create())
    with closing(sqlite3.connect(server.data / "log.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET record = CAST(replace(record, 'ada', 'eve') AS BLOB)")
    return await refusal(server, ReadStreamRequest(stream="order-o")), Told({"position": "1"})


async def not_implemented(server: Server, _: pytest.MonkeyPatch) -> Provoked:
    opened: Any = server.channel.stream_stream("/foldlog.orders.v1.CommandService/Execute")
    return await refused_stream(opened(iter([b""]), timeout=SECONDS)), Told()


async def internal(server: Server, patch: pytest.MonkeyPatch) -> Provoked:
    patch.setattr(server.app.parts.store, "read_stream", trouble)
    found = await refusal(server, ReadStreamRequest(stream="order-o"))
    assert len(found.metadata["error_id"]) == 32
    return found, Told({"error_id": found.metadata["error_id"]})


def trouble(*_: object, **__: object) -> Any:
    raise ArithmeticError


def broken_disk(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


BEFALLING: dict[Entry, Provoke] = {
    (CORE, provoke.__name__.upper()): provoke
    for provoke in (
        malformed_request,
        invalid_fields,
        request_id_reused,
        page_token_invalid,
        resume_token_invalid,
        version_conflict,
        contended,
        stream_not_found,
        request_not_found,
        position_beyond_head,
        version_beyond_end,
        time_not_over,
        log_replaced,
        view_behind,
        draining,
        store_unavailable,
        store_full,
        store_hindered,
        log_detached,
        event_too_large,
        data_damaged,
        not_implemented,
        internal,
        view_stopped,
        view_damaged,
        view_rebuilding,
        document_parked,
        view_not_found,
        event_unreadable,
    )
}


@pytest.mark.parametrize("entry", BEFALLING, ids=".".join)
async def test_what_befalls_a_call_is_told_whole(
    server: Server, monkeypatch: pytest.MonkeyPatch, entry: Entry
) -> None:
    with monkeypatch.context() as patch:
        found, told = await BEFALLING[entry](server, patch)
    check(found, entry, told)


# Nothing is left out


def test_every_reason_is_provoked_or_nothing_raises_it() -> None:
    assert {*BY_RULES, *BEFALLING} | set(NEVER) == set(RETRY_HELPS)
    assert not {*BY_RULES, *BEFALLING} & set(NEVER)


@pytest.mark.parametrize("entry", NEVER, ids=".".join)
def test_what_is_never_provoked_is_raised_by_nothing(entry: Entry) -> None:
    sources = [file.read_text() for file in (ROOT / "server").rglob("*.py")]
    assert sources
    assert not [source for source in sources if f"ERROR_REASON_{entry[1]}" in source]
