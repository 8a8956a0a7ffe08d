"""Makes every invoice a submitted order, once, however often the replay is interrupted and run again.

What makes a second run safe, without a limit of time:

- An order's lines are added in one order, each with the version that the order must have (1 + the lines
  before it). A line that is there already meets a later version and is refused, never added up.
- CreateOrder of an order that exists is refused, or answered as a repeat. The order's history then shows how
  many lines it has; the replay continues with the next one, or leaves a submitted order alone.
- ReceiveStock expects that nothing is known of the product (version 0), so a second receipt is refused.
- Every command has a request id made from what it says. Within the server's window (24 hours) a repeat is
  answered with its first outcome, as where a reply was lost. Beyond it the versions hold alone.

It takes the log for its own: stock that others received, or another import, shows as a difference in the end.
"""

from dataclasses import dataclass
from uuid import UUID, uuid5

from examples.online_retail.amounts import to_money
from examples.online_retail.in_flight import for_each
from examples.online_retail.invoices import CURRENCY, Invoice, Invoices, Line, Receipt
from foldlog.orders.v1.events_pb2 import OrderSubmitted
from foldlog.orders.v1.reasons import Reason
from foldlog.orders.v1.types_pb2 import OrderLine
from foldlog.v1.commands_pb2 import REPLY_RESULT
from foldlog_client import AlreadyExists, Client, Rejected, VersionConflict

_NAMESPACE = UUID("6b8f5c5e-5a3c-4d0e-9d0b-3f6a3c0f2a11")
_SUBMITTED = OrderSubmitted.DESCRIPTOR.full_name


@dataclass(slots=True)
class Tally:
    """The progress of a replay."""

    receipts: int = 0
    orders: int = 0
    lines: int = 0
    """The lines that are in place, of all orders."""
    found: int = 0
    """Receipts and orders, of those counted above, that an earlier run had made or begun."""
    compared: int = 0
    """Orders and customers read back."""


def request_id(*command: object) -> str:
    """The id of a command: the same for the same command, in every run."""
    return str(uuid5(_NAMESPACE, repr(command)))


class Replay:
    """Sends invoices to a server."""

    def __init__(self, client: Client, tally: Tally, *, whole: bool = False, in_flight: int = 64) -> None:
        """`whole` creates filled orders instead of adding their lines one by one."""
        self._client = client
        self._tally = tally
        self._whole = whole
        self._in_flight = in_flight

    async def run(self, invoices: Invoices) -> None:
        """Receive the stock, then place the orders. Raises FoldlogError."""
        await for_each(invoices.receipts, self._receive, at_once=self._in_flight)
        # The longest first, so that none of them is left to run alone in the end.
        longest_first = sorted(invoices.orders, key=lambda invoice: len(invoice.lines), reverse=True)
        await for_each(longest_first, self._place, at_once=self._in_flight)

    async def _receive(self, receipt: Receipt) -> None:
        try:
            reply = await self._client.inventory.receive_stock(
                product_id=receipt.product_id,
                name=receipt.name,
                quantity=receipt.quantity,
                request_id=request_id("ReceiveStock", receipt),
                expected_version=0,
                reply=REPLY_RESULT,
            )
            self._tally.found += reply.result.replayed
        except VersionConflict:
            self._tally.found += 1
        self._tally.receipts += 1

    async def _place(self, invoice: Invoice) -> None:
        version = await self._create(invoice)
        if version is None:
            self._tally.found += 1
            version = await self._unfinished(invoice)
        while version is not None:
            version = await self._finish(invoice, version)
        self._tally.orders += 1

    async def _create(self, invoice: Invoice) -> int | None:
        """The version of the new order, or None if there was one."""
        lines = list(invoice.lines.values()) if self._whole else []
        try:
            reply = await self._client.orders.create_order(
                order_id=invoice.order_id,
                customer_id=invoice.customer_id,
                customer_name=invoice.customer_name,
                currency_code=CURRENCY,
                lines=map(_message, lines),
                request_id=request_id("CreateOrder", invoice.order_id, invoice.customer_id, lines),
                reply=REPLY_RESULT,
            )
        except AlreadyExists:
            return None
        return None if reply.result.replayed else reply.result.version

    async def _unfinished(self, invoice: Invoice) -> int | None:
        """The version of an order that exists, as the log has it; None once it is submitted."""
        history = await self._client.orders.get_order_history(
            order_id=invoice.order_id, page_size=1, descending=True
        )
        last = history.entries[0].event
        if last.type != _SUBMITTED:
            return last.version
        self._tally.lines += len(invoice.lines)
        return None

    async def _finish(self, invoice: Invoice, version: int) -> int | None:
        """Add the lines that an order of this version lacks, and submit it.

        None = done. A version = another replay of the same invoices has reached it.
        """
        lines = list(invoice.lines.values())
        present = version - 1
        self._tally.lines += present
        try:
            for line in lines[present:]:
                await self._add(invoice.order_id, line, present + 1)
                present += 1
                self._tally.lines += 1
            await self._client.orders.submit_order(
                order_id=invoice.order_id,
                request_id=request_id("SubmitOrder", invoice.order_id),
                reply=REPLY_RESULT,
            )
        except VersionConflict:
            self._tally.lines -= present  # they are counted again
            return await self._unfinished(invoice)
        except Rejected as refusal:
            if refusal.reason != Reason.WRONG_STATUS:
                raise
        return None  # also if others have cancelled it: the comparison shows that

    async def _add(self, order_id: str, line: Line, version: int) -> None:
        await self._client.orders.add_item(
            order_id=order_id,
            line=_message(line),
            request_id=request_id("AddItem", order_id, line, version),
            expected_version=version,
            reply=REPLY_RESULT,
        )


def _message(line: Line) -> OrderLine:
    return OrderLine(
        line_id=line.line_id,
        product_id=line.product_id,
        product_name=line.product_name,
        quantity=line.quantity,
        unit_price=to_money(line.unit_price),
    )
