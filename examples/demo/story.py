"""Runs the first day of a small shop, and checks its results."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

from rich.console import Console
from rich.padding import Padding
from rich.text import Text
from uuid_utils import uuid7

from examples.demo import tables
from examples.demo.feed import Feed
from foldlog.inventory.v1.commands_pb2 import ReservationLine
from foldlog.inventory.v1.reasons import Reason as StockReason
from foldlog.orders.v1.reasons import Reason as OrderReason
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.money_pb2 import Money
from foldlog_client import Client, FoldlogError

_STOCK = {"tea": ("Tea, 100 g", 100), "kettle": ("Kettle, 1 l", 3)}
_PRICES = {
    "tea": Money(currency_code="GBP", units=4, nanos=500_000_000),
    "kettle": Money(currency_code="GBP", units=29),
}


@dataclass(slots=True)
class Story:
    """Runs and prints the steps, and keeps the checks that failed."""

    client: Client
    feed: Feed
    console: Console
    wrong: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Run the whole day. Raises FoldlogError if something was refused that should not be."""
        await self._receive_stock()
        await self._order_whole()
        await self._order_line_by_line()
        await self._reserve()
        await self._refuse_and_cancel()
        await self._pay_twice()
        await self._ship()
        await self._order_less()
        await self._show_read_models()
        await self._show_history()

    async def _receive_stock(self) -> None:
        self._step("Goods arrive.")
        for product_id, (name, quantity) in _STOCK.items():
            await self.client.inventory.receive_stock(product_id=product_id, name=name, quantity=quantity)
        await self._catch_up()

    async def _order_whole(self) -> None:
        self._step("Ada orders two kettles and three packets of tea, all in one command.")
        await self.client.orders.create_order(
            order_id="A-1",
            customer_id="ada",
            customer_name="Ada",
            currency_code="GBP",
            lines=[_line("kettle", 2), _line("tea", 3)],
        )
        reply = await self.client.orders.submit_order(order_id="A-1")
        self._check("Ada's order comes to 71.50 GBP", tables.written(reply.order.amount_due) == "71.50 GBP")
        await self._catch_up()

    async def _order_line_by_line(self) -> None:
        self._step("Grace fills her order step by step: one kettle, no, two.")
        orders = self.client.orders
        await orders.create_order(
            order_id="G-1", customer_id="grace", customer_name="Grace", currency_code="GBP"
        )
        await orders.add_item(order_id="G-1", line=_line("kettle", 1))
        await orders.change_item_quantity(order_id="G-1", line_id="kettle", quantity=2)
        await orders.submit_order(order_id="G-1")
        await self._catch_up()

    async def _reserve(self) -> None:
        self._step("Both products of Ada's order are reserved, in one append: all or none.")
        await self.client.inventory.reserve_stock(
            order_id="A-1",
            lines=[
                ReservationLine(product_id="kettle", quantity=2),
                ReservationLine(product_id="tea", quantity=3),
            ],
        )
        await self.client.orders.confirm_reservation(order_id="A-1", reservation_id="R-1")
        await self._catch_up()

    async def _refuse_and_cancel(self) -> None:
        self._step("There are too few kettles left for Grace's two; her order is cancelled.")
        await self._refused(
            StockReason.INSUFFICIENT_STOCK,
            self.client.inventory.reserve_stock(
                order_id="G-1", lines=[ReservationLine(product_id="kettle", quantity=2)]
            ),
        )
        await self.client.orders.cancel_order(order_id="G-1", reason="Only one kettle is left.")
        await self._catch_up()

    async def _pay_twice(self) -> None:
        self._step("Ada pays too little, then what is due; that command is sent twice.")
        orders = self.client.orders
        too_little = Money(currency_code="GBP", units=70)
        await self._refused(
            OrderReason.AMOUNT_MISMATCH,
            orders.record_payment(order_id="A-1", payment_id="P-1", amount=too_little),
        )
        due = (await orders.get_order(order_id="A-1")).order.amount_due
        request_id = str(uuid7())
        replies = [
            await orders.record_payment(order_id="A-1", payment_id="P-1", amount=due, request_id=request_id)
            for _ in range(2)
        ]
        first, second = (reply.result for reply in replies)
        self._check("the repeated payment is known as a repeat", second.replayed and not first.replayed)
        self._check("the repeated payment acts once", first.position == second.position)
        await self._catch_up()
        self._say(f"The second answer: replayed, version {second.version}, position {second.position}.")

    async def _ship(self) -> None:
        self._step("Ada's order leaves the house.")
        await self.client.inventory.dispatch_stock(order_id="A-1", product_ids=["kettle", "tea"])
        await self.client.orders.ship_order(
            order_id="A-1", shipment_id="S-1", carrier="Penny Post", tracking_number="PP-1840"
        )
        await self._refused(
            OrderReason.WRONG_STATUS,
            self.client.orders.cancel_order(order_id="A-1", reason="Changed my mind."),
        )
        await self._catch_up()

    async def _order_less(self) -> None:
        self._step("Grace orders the last kettle.")
        await self.client.orders.create_order(
            order_id="G-2",
            customer_id="grace",
            customer_name="Grace",
            currency_code="GBP",
            lines=[_line("kettle", 1)],
        )
        await self.client.orders.submit_order(order_id="G-2")
        await self._catch_up()

    async def _show_read_models(self) -> None:
        self._step("What the read models show: they include every command that was answered.")
        orders, inventory = self.client.orders, self.client.inventory
        current = [one async for one in orders.iterate_current_orders()]
        finished = [one async for one in orders.iterate_order_history_orders()]
        customers = [one async for one in orders.iterate_customers()]
        items = [one async for one in inventory.iterate_inventory_items()]
        self.console.print(tables.current_orders(current))
        self.console.print(tables.order_history(finished))
        self.console.print(tables.customers(customers))
        self.console.print(tables.inventory(items))
        outcomes = {one.order_id: tables.status(one.outcome) for one in finished}
        spent = {one.customer_id: tables.all_written(one.spent) for one in customers}
        stock = {one.product_id: (one.on_hand, one.reserved, one.dispatched_units) for one in items}
        self._check("one order is current", [one.order_id for one in current] == ["G-2"])
        self._check("one shipped, one cancelled", outcomes == {"A-1": "SHIPPED", "G-1": "CANCELLED"})
        self._check("Ada paid, Grace did not", spent == {"ada": "71.50 GBP", "grace": "0"})
        self._check("the stock adds up", stock == {"kettle": (1, 0, 2), "tea": (97, 0, 3)})

    async def _show_history(self) -> None:
        self._step("Everything that happened to Ada's order, by its history.")
        entries = [
            entry.event async for entry in self.client.orders.iterate_order_history_entries(order_id="A-1")
        ]
        for event in entries:
            when = event.recorded_time.ToDatetime().isoformat(sep=" ", timespec="milliseconds")
            self._say(f"{when}  v{event.version}  {event.type.rpartition('.')[2]}")
        live = [event for event in self.feed.events if event.stream == "order-A-1"]
        self._check("its history is what was seen live", live == entries)

    def _step(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]")

    def _say(self, text: str) -> None:
        self.console.print(Padding(Text(text), (0, 0, 0, 2), expand=False))

    def _check(self, text: str, holds: bool) -> None:
        if not holds:
            self.wrong.append(text)

    async def _refused(self, reason: str, call: Awaitable[object]) -> None:
        """Print why a command was refused, with the values that a program can act on."""
        try:
            await call
        except FoldlogError as refusal:
            self._say(f"Refused: {refusal}")
            self._say(", ".join(f"{name}={value}" for name, value in sorted(refusal.metadata.items())))
            self._check(f"it is refused as {reason}", refusal.reason == reason)
        else:
            self._check(f"it is refused as {reason}", False)

    async def _catch_up(self) -> None:
        """Wait until the live events of the step are printed."""
        await self.feed.reaches(self.client.session.token.position)


def _line(product_id: str, quantity: int) -> OrderLine:
    return OrderLine(
        product_id=product_id,
        product_name=_STOCK[product_id][0],
        quantity=quantity,
        unit_price=_PRICES[product_id],
    )
