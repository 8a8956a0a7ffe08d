"""A server that does not know events in its log says so once, at its start, and serves all else."""

import logging
from pathlib import Path

import pytest

from foldlog.orders.v1.commands_pb2 import SubmitOrder
from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.log.event_store import Append, StreamAppend
from foldlog_server.log.events import NewEvent
from tests.support.orders import create
from tests.support.server import Server, serving
from tests.support.wire import refused


async def store(server: Server, stream: str, version: int, *types: str) -> None:
    """Store events as a later release would."""
    events = tuple(NewEvent(f"e-{name}", name, b"") for name in types)
    append = Append((StreamAppend(stream, version, events),), EventMetadata())
    await server.app.parts.store.append(append)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "does not know" in record.getMessage()]


async def test_unknown_events_and_categories_are_told_at_the_start_and_all_else_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "foldlog")
    async with serving(tmp_path / "data") as server:
        await server.send(create("1"))
        await server.send(create("2"))
        await store(server, "order-2", 1, "later.OrderGiftWrapped")
        for stream in ("aaa-1", "ordering-1", "payment-1", "payment-2", "zzz-1"):
            await store(server, stream, 0, "later.PaymentAsked")
        assert warnings(caplog) == []
        await server.restart()
        [line] = warnings(caplog)
        assert "events later.OrderGiftWrapped, later.PaymentAsked; " in line
        assert "streams of category aaa, ordering, payment, zzz. " in line
        assert line.endswith(f"foldlog check-history --data {server.data}")
        await server.send(create("3"))
        assert (await refused(server.send(SubmitOrder(order_id="2")))).reason == "EVENT_UNREADABLE"


async def test_of_a_log_that_is_known_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path / "data") as server:
        await server.send(create("1"))
        await server.restart()
    assert warnings(caplog) == []
