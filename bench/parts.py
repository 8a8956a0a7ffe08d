"""Measures parts of the server without gRPC; `bench.compare` runs it as a program.

Imports nothing of the bench, because it measures the packages of the checkout that it runs with. Prints the
CPU time of a call in microseconds.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from foldlog.orders.v1 import command_service_pb2 as orders
from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog_server.commands.aggregates import Aggregates
from foldlog_server.commands.command_handler import CommandHandler
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.snapshots import NoSnapshots
from foldlog_server.domains.orders import ORDERS
from foldlog_server.log.codec import Codec
from foldlog_server.log.event_store import Append, NewRequest, RequestKey, StreamAppend
from foldlog_server.log.events import NewEvent
from foldlog_server.process import loop_factory
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.calls import Calls
from foldlog_server.transport.command_service import command_handlers
from foldlog_server.transport.refusal_log import RefusalLog

EVENTS_OF_A_STREAM = 8

Client = Callable[[], Awaitable[object]]
"""Makes one call after the other."""


async def measure(part: str, directory: Path, count: int, in_flight: int) -> float:
    """Make so many calls, by so many clients at once."""
    store = await SqliteEventStore.open(directory, clock=time.time_ns, new_id=new_id, on_failure=_fail)
    try:
        clients = PARTS[part](store, in_flight, count // in_flight)
        began = time.process_time()
        await asyncio.gather(*[client() for client in clients])
        return (time.process_time() - began) / (count // in_flight * in_flight) * 1e6
    finally:
        await store.close()


def appends(store: SqliteEventStore, in_flight: int, each: int) -> Sequence[Client]:
    """Append as commands do: one event to a new or an existing stream, with a request id."""

    async def client(number: int) -> None:
        for index in range(each):
            stream, version = divmod(index, EVENTS_OF_A_STREAM)
            event = NewEvent(new_id(), "bench.Appended", bytes(300))
            part = StreamAppend(f"append-{number}-{stream}", version, (event,))
            await store.append(Append((part,), request=NewRequest(RequestKey("bench", new_id()), bytes(32))))

    return [partial(client, number) for number in range(in_flight)]


def commands(store: SqliteEventStore, in_flight: int, each: int) -> Sequence[Client]:
    """Carry out commands from their bytes to the bytes of their answer, each with a request id."""
    deciders = {decider.category: decider for decider in ORDERS.deciders}
    events = [event for decider in deciders.values() for event in decider.events]
    folds = Folds(store, Codec(events), NoSnapshots())
    handler = CommandHandler(store, folds, deciders, Aggregates(store, folds, new_id))
    calls = Calls(RefusalLog(asyncio.get_running_loop))
    service = orders.DESCRIPTOR.services_by_name["CommandService"]
    methods = command_handlers(service, calls, handler, deciders, Arrivals(), store, new_id)
    create_order: Any = methods["CreateOrder"].unary_unary
    context = _Call()

    async def client(requests: Sequence[bytes]) -> None:
        for request in requests:
            await asyncio.get_running_loop().create_task(create_order(request, context))

    made = [[_create_order() for _ in range(each)] for _ in range(in_flight)]
    return [partial(client, requests) for requests in made]


PARTS: dict[str, Callable[[SqliteEventStore, int, int], Sequence[Client]]] = {
    "appends": appends,
    "commands": commands,
}


class _Call:
    """A call without a deadline."""

    def time_remaining(self) -> None:
        return None


def new_id() -> str:
    return str(uuid.uuid4())


def _create_order() -> bytes:
    command = CreateOrder(customer_id="customer-1", currency_code="GBP")
    options = CommandOptions(request_id=new_id())
    return orders.CreateOrderRequest(command=command, options=options).SerializeToString()


def _fail(error: BaseException) -> None:
    raise SystemExit(f"The log can no longer be written: {error}")


if __name__ == "__main__":
    wanted, place, calls, at_once = sys.argv[1:]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        print(runner.run(measure(wanted, Path(place), int(calls), int(at_once))))
