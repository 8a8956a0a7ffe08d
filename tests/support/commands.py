"""A command handler over a store whose appends a test can hold, release and fail."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from foldlog.inventory.v1 import command_service_pb2 as inventory_service
from foldlog.orders.v1 import command_service_pb2 as orders_service
from foldlog.orders.v1.commands_pb2 import AddItem, CreateOrder
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.commands_pb2 import CommandOptions
from foldlog.v1.money_pb2 import Money
from foldlog.v1.options_pb2 import command as command_option
from foldlog_server.commands.aggregates import Aggregates
from foldlog_server.commands.command_handler import Command, CommandHandler, Outcome
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.pending_command import never
from foldlog_server.commands.routing import Route, route_of
from foldlog_server.commands.snapshots import NoSnapshots, Snapshots
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domains.inventory.stock import STOCK
from foldlog_server.domains.orders.order_rules import ORDER
from foldlog_server.errors import InvalidRequest
from foldlog_server.log.codec import Codec
from foldlog_server.log.event_store import Append, Appended
from foldlog_server.log.events import EncodedEvent
from foldlog_server.stores.memory import MemoryEventStore

DECIDERS: dict[str, AnyDecider] = {"order": ORDER, "stock": STOCK}


def _codec(deciders: Mapping[str, AnyDecider]) -> Codec:
    return Codec([event for decider in deciders.values() for event in decider.events])


CODEC = _codec(DECIDERS)


class HeldStore(MemoryEventStore):
    """A memory store that keeps appends, and loads, waiting for as long as a test wants."""

    def __init__(self) -> None:
        ids = count(1)
        super().__init__(clock=lambda: 1, new_id=lambda: str(UUID(int=next(ids))))
        self.appends: list[Append] = []
        """Every append that was ever handed over, in order."""
        self.held: list[tuple[Append, asyncio.Future[Appended]]] = []
        self.holds = False
        self.loads: list[str] = []
        """The stream of every read, in order."""
        self.may_load = asyncio.Event()
        self.may_load.set()

    def append(self, append: Append) -> asyncio.Future[Appended]:
        self.appends.append(append)
        if not self.holds:
            return super().append(append)
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self.held.append((append, future))
        return future

    async def release(self, most: int = 1000) -> None:
        """Store what is held, in order, as an engine would, and let everyone hear of it."""
        held, self.held = self.held[:most], self.held[most:]
        for append, future in held:
            stored = super().append(append)
            error = stored.exception()
            if error is None:
                future.set_result(stored.result())
            else:
                future.set_exception(error)
        await settle()

    async def fail(self, most: int, error: Exception) -> None:
        """Refuse a batch of what has been held longest, as an engine does: all in one turn of the loop."""
        failed, self.held = self.held[:most], self.held[most:]
        for append, future in failed:
            append.failed = True
            append.after = ()
            future.set_exception(error)
        await settle()

    async def fail_at(self, index: int, error: Exception) -> None:
        """Refuse one of the held appends and leave those before it and behind it."""
        before, self.held = self.held[:index], self.held[index:]
        await self.fail(1, error)
        self.held = before + self.held

    async def fail_first(self, error: Exception) -> None:
        """Refuse the append that has been held longest."""
        await self.fail(1, error)

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        self.loads.append(stream)
        await self.may_load.wait()
        return await super().read_stream(stream, from_version=from_version, backwards=backwards, limit=limit)


class Commands:
    """Sends commands as the transport does, after its checks."""

    def __init__(
        self,
        store: HeldStore,
        *,
        capacity: int = 100,
        snapshots: Snapshots | None = None,
        deciders: Mapping[str, AnyDecider] = DECIDERS,
    ) -> None:
        self.store = store
        self.folds = Folds(store, _codec(deciders), snapshots or NoSnapshots())
        ids = count(1)
        self.new_id = lambda: f"id-{next(ids)}"
        aggregates = Aggregates(store, self.folds, self.new_id, capacity=capacity)
        self.aggregates = aggregates
        self.handler = CommandHandler(store, self.folds, deciders, aggregates)

    async def execute(
        self, message: Message, *, actor: str = "", is_late: Callable[[], bool] = never, **options: Any
    ) -> Outcome:
        name, route = route_to(message, self.new_id)
        if route.check is not None and (broken := route.check(message, CommandOptions(**options))):
            raise InvalidRequest.fields(broken)
        command = Command(name, message, CommandOptions(**options), actor, is_late=is_late)
        return await self.handler.execute(command, route)

    def send(self, message: Message, **options: Any) -> "asyncio.Task[Outcome]":
        """Send and go on; `settle` lets it be taken in."""
        return asyncio.get_running_loop().create_task(self.execute(message, **options))

    def stored(self) -> list[tuple[str, int, Any]]:
        """What is in the log: stream, version and payload of each event."""
        decoded = [CODEC.decode(event) for event in self.store._log]
        return [(event.stream, event.version, event.payload) for event in decoded]


def route_to(message: Message, new_id: Callable[[], str]) -> tuple[str, Route]:
    """The full name of a command's method, and how it finds its streams."""
    for module in (orders_service, inventory_service):
        for method in module.DESCRIPTOR.services_by_name["CommandService"].methods:
            if method.GetOptions().HasExtension(command_option) and method.name == type(message).__name__:
                return method.full_name, route_of(method, DECIDERS, new_id)
    raise LookupError(type(message).__name__)


async def settle() -> None:
    """Let everything happen that can happen without further ado."""
    for _ in range(50):
        await asyncio.sleep(0)


def create(order_id: str = "1", *lines: OrderLine) -> CreateOrder:
    return CreateOrder(order_id=order_id, customer_id="ada", currency_code="GBP", lines=lines)


def add(order_id: str = "1", product_id: str = "tea", quantity: int = 1) -> AddItem:
    return AddItem(order_id=order_id, line=line(product_id, quantity))


def line(product_id: str = "tea", quantity: int = 1) -> OrderLine:
    price = Money(currency_code="GBP", units=3)
    return OrderLine(product_id=product_id, quantity=quantity, unit_price=price)
