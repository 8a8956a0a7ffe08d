# Written by foldlog from the protos; do not edit.
"""The methods of foldlog.orders.v1."""

import datetime
from collections.abc import Iterator, Iterable, Mapping

from foldlog.orders.v1.command_service_pb2 import (
    AddItemRequest,
    AddItemResponse,
    CancelOrderRequest,
    CancelOrderResponse,
    ChangeItemQuantityRequest,
    ChangeItemQuantityResponse,
    ConfirmReservationRequest,
    ConfirmReservationResponse,
    CreateOrderRequest,
    CreateOrderResponse,
    RecordPaymentRequest,
    RecordPaymentResponse,
    RemoveItemRequest,
    RemoveItemResponse,
    ShipOrderRequest,
    ShipOrderResponse,
    SubmitOrderRequest,
    SubmitOrderResponse,
)
from foldlog.orders.v1.commands_pb2 import (
    AddItem,
    CancelOrder,
    ChangeItemQuantity,
    ConfirmReservation,
    CreateOrder,
    RecordPayment,
    RemoveItem,
    ShipOrder,
    SubmitOrder,
)
from foldlog.orders.v1.queries_pb2 import (
    CurrentOrder,
    Customer,
    CustomerOrder,
    FinishedOrder,
    GetCustomerOrdersRequest,
    GetCustomerOrdersResponse,
    GetOrderHistoryRequest,
    GetOrderHistoryResponse,
    GetOrderRequest,
    GetOrderResponse,
    ListCurrentOrdersRequest,
    ListCurrentOrdersResponse,
    ListCustomersRequest,
    ListCustomersResponse,
    ListOrderHistoryRequest,
    ListOrderHistoryResponse,
    OrderHistoryEntry,
    WatchCurrentOrdersRequest,
    WatchCurrentOrdersResponse,
    WatchOrderRequest,
    WatchOrderResponse,
)
from foldlog.orders.v1.types_pb2 import (
    OrderLine,
    OrderStatus,
)
from foldlog.v1.commands_pb2 import (
    CommandOptions,
    Reply,
)
from foldlog.v1.money_pb2 import (
    Money,
)
from foldlog.v1.reads_pb2 import (
    AsOf,
    ReadOptions,
    WhenBehind,
)
from google.protobuf.duration_pb2 import (
    Duration,
)
from google.protobuf.timestamp_pb2 import (
    Timestamp,
)
from foldlog.v1.calling import as_duration, as_timestamp
from foldlog.v1.sync_caller import Caller, Watch


class Orders:
    """CommandService changes orders. A command that is answered without an error is durable. Every
    command on an order that does not exist is NOT_FOUND (ORDER_NOT_FOUND); one that its status
    does not allow is FAILED_PRECONDITION. A refused command leaves no trace.

    QueryService answers questions about orders from views that follow the log. Every answer says
    how fresh it is; every question can wait for a position, such as that of the caller's own
    last command.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create_order(
        self,
        *,
        customer_id: str,
        currency_code: str,
        order_id: str = "",
        customer_name: str = "",
        lines: Iterable[OrderLine] = (),
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> CreateOrderResponse:
        """CreateOrder begins an order, empty or filled. An order that exists is ALREADY_EXISTS
        (ORDER_EXISTS).

        Args:
            customer_id: Who orders. With an order, it is taken as a new name: see FORMAT_ID.
            currency_code: The currency of every amount of the order: three capital letters.
            order_id: The order's id; a new UUIDv7 if empty. It is a new name: see FORMAT_ID.
            customer_name: The customer's name; may be empty.
            lines: The lines, at most 2,000: the order is created and filled in one append. Their
                ids are new names: see FORMAT_ID.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/CreateOrder",
            CreateOrderRequest(
                command=CreateOrder(
                    customer_id=customer_id,
                    currency_code=currency_code,
                    order_id=order_id,
                    customer_name=customer_name,
                    lines=lines,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            CreateOrderResponse,
            within=timeout,
        )

    def add_item(
        self,
        *,
        order_id: str,
        line: OrderLine,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> AddItemResponse:
        """AddItem adds a line to a draft. The same line again, with the same product and price,
        adds up.

        Args:
            order_id: The order.
            line: The line.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/AddItem",
            AddItemRequest(
                command=AddItem(
                    order_id=order_id,
                    line=line,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            AddItemResponse,
            within=timeout,
        )

    def change_item_quantity(
        self,
        *,
        order_id: str,
        line_id: str,
        quantity: int,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ChangeItemQuantityResponse:
        """ChangeItemQuantity sets the quantity of a draft's line; 0 removes the line, the quantity
        it has changes nothing.

        Args:
            order_id: The order.
            line_id: The line.
            quantity: The new quantity, 0 to 1,000,000; 0 removes the line.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/ChangeItemQuantity",
            ChangeItemQuantityRequest(
                command=ChangeItemQuantity(
                    order_id=order_id,
                    line_id=line_id,
                    quantity=quantity,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            ChangeItemQuantityResponse,
            within=timeout,
        )

    def remove_item(
        self,
        *,
        order_id: str,
        line_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> RemoveItemResponse:
        """RemoveItem takes a line out of a draft.

        Args:
            order_id: The order.
            line_id: The line.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/RemoveItem",
            RemoveItemRequest(
                command=RemoveItem(
                    order_id=order_id,
                    line_id=line_id,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            RemoveItemResponse,
            within=timeout,
        )

    def submit_order(
        self,
        *,
        order_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> SubmitOrderResponse:
        """SubmitOrder fixes the lines of a draft and the amount due. Again: changes nothing.

        Args:
            order_id: The order.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/SubmitOrder",
            SubmitOrderRequest(
                command=SubmitOrder(
                    order_id=order_id,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            SubmitOrderResponse,
            within=timeout,
        )

    def confirm_reservation(
        self,
        *,
        order_id: str,
        reservation_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ConfirmReservationResponse:
        """ConfirmReservation says that the stock of a submitted order is reserved. The same
        reservation again: changes nothing.

        Args:
            order_id: The order.
            reservation_id: The reservation.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/ConfirmReservation",
            ConfirmReservationRequest(
                command=ConfirmReservation(
                    order_id=order_id,
                    reservation_id=reservation_id,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            ConfirmReservationResponse,
            within=timeout,
        )

    def record_payment(
        self,
        *,
        order_id: str,
        payment_id: str,
        amount: Money,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> RecordPaymentResponse:
        """RecordPayment says that a reserved order is paid. The same payment again: changes
        nothing.

        Args:
            order_id: The order.
            payment_id: The payment.
            amount: What was paid; must equal the amount due.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/RecordPayment",
            RecordPaymentRequest(
                command=RecordPayment(
                    order_id=order_id,
                    payment_id=payment_id,
                    amount=amount,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            RecordPaymentResponse,
            within=timeout,
        )

    def ship_order(
        self,
        *,
        order_id: str,
        shipment_id: str,
        carrier: str = "",
        tracking_number: str = "",
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ShipOrderResponse:
        """ShipOrder says that a paid order has left the house. The same shipment again: changes
        nothing.

        Args:
            order_id: The order.
            shipment_id: The shipment.
            carrier: Who carries it; may be empty.
            tracking_number: The carrier's number for it; may be empty.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/ShipOrder",
            ShipOrderRequest(
                command=ShipOrder(
                    order_id=order_id,
                    shipment_id=shipment_id,
                    carrier=carrier,
                    tracking_number=tracking_number,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            ShipOrderResponse,
            within=timeout,
        )

    def cancel_order(
        self,
        *,
        order_id: str,
        reason: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> CancelOrderResponse:
        """CancelOrder abandons an order that has not been shipped. Again: changes nothing.

        Args:
            order_id: The order.
            reason: Why, for people: 1 to 500 bytes.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/foldlog.orders.v1.CommandService/CancelOrder",
            CancelOrderRequest(
                command=CancelOrder(
                    order_id=order_id,
                    reason=reason,
                ),
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            CancelOrderResponse,
            within=timeout,
        )

    def get_order(
        self,
        *,
        order_id: str,
        as_of: AsOf | None = None,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetOrderResponse:
        """GetOrder returns one order with its lines; NOT_FOUND (ORDER_NOT_FOUND) if it does not
        exist.

        Args:
            order_id: The order.
            as_of: A past state instead of the present one, folded from the log. Before the order
                existed: NOT_FOUND; past the end: OUT_OF_RANGE.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/GetOrder",
            GetOrderRequest(
                order_id=order_id,
                as_of=as_of,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetOrderResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def list_current_orders(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        status: OrderStatus.ValueType = OrderStatus.ORDER_STATUS_UNSPECIFIED,
        customer_id: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> ListCurrentOrdersResponse:
        """ListCurrentOrders lists orders neither shipped nor cancelled, in the order of their
        creation. An order that matches throughout appears exactly once.

        Args:
            page_size: How many at most: 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            status: Only orders with this status; all if not set.
            customer_id: Only orders of this customer; all if empty.
            descending: Newest first instead of oldest first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/ListCurrentOrders",
            ListCurrentOrdersRequest(
                page_size=page_size,
                page_token=page_token,
                status=status,
                customer_id=customer_id,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            ListCurrentOrdersResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_current_orders(
        self,
        *,
        page_size: int = 0,
        status: OrderStatus.ValueType = OrderStatus.ORDER_STATUS_UNSPECIFIED,
        customer_id: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[CurrentOrder]:
        """Every item of every page of `list_current_orders`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.list_current_orders(
                page_size=page_size,
                page_token=page_token,
                status=status,
                customer_id=customer_id,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.orders:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def get_order_history(
        self,
        *,
        order_id: str,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetOrderHistoryResponse:
        """GetOrderHistory returns the date, version and content of everything that happened to one
        order; NOT_FOUND (ORDER_NOT_FOUND) if it does not exist.

        Args:
            order_id: The order.
            page_size: How many at most: 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            descending: Newest first instead of oldest first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/GetOrderHistory",
            GetOrderHistoryRequest(
                order_id=order_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetOrderHistoryResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_order_history_entries(
        self,
        *,
        order_id: str,
        page_size: int = 0,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[OrderHistoryEntry]:
        """Every item of every page of `get_order_history`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.get_order_history(
                order_id=order_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.entries:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def list_order_history(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        outcome: OrderStatus.ValueType = OrderStatus.ORDER_STATUS_UNSPECIFIED,
        customer_id: str = "",
        finished_from: datetime.datetime | Timestamp | None = None,
        finished_before: datetime.datetime | Timestamp | None = None,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> ListOrderHistoryResponse:
        """ListOrderHistory lists orders that were shipped or cancelled, in the order in which they
        ended.

        Args:
            page_size: How many at most: 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            outcome: Only orders that ended so: ORDER_STATUS_SHIPPED or ORDER_STATUS_CANCELLED; all
                if not set.
            customer_id: Only orders of this customer; all if empty.
            finished_from: Only orders that ended at this time or later; no limit if not set.
            finished_before: Only orders that ended before this time; no limit if not set.
            descending: Newest first instead of oldest first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/ListOrderHistory",
            ListOrderHistoryRequest(
                page_size=page_size,
                page_token=page_token,
                outcome=outcome,
                customer_id=customer_id,
                finished_from=as_timestamp(finished_from),
                finished_before=as_timestamp(finished_before),
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            ListOrderHistoryResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_order_history_orders(
        self,
        *,
        page_size: int = 0,
        outcome: OrderStatus.ValueType = OrderStatus.ORDER_STATUS_UNSPECIFIED,
        customer_id: str = "",
        finished_from: datetime.datetime | Timestamp | None = None,
        finished_before: datetime.datetime | Timestamp | None = None,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[FinishedOrder]:
        """Every item of every page of `list_order_history`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.list_order_history(
                page_size=page_size,
                page_token=page_token,
                outcome=outcome,
                customer_id=customer_id,
                finished_from=finished_from,
                finished_before=finished_before,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.orders:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def get_customer_orders(
        self,
        *,
        customer_id: str,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetCustomerOrdersResponse:
        """GetCustomerOrders returns the sums of one customer and a page of the customer's orders;
        NOT_FOUND (CUSTOMER_NOT_FOUND) if the customer never had one.

        Args:
            customer_id: The customer.
            page_size: How many orders at most: 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            descending: Newest first instead of oldest first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/GetCustomerOrders",
            GetCustomerOrdersRequest(
                customer_id=customer_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetCustomerOrdersResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_customer_orders(
        self,
        *,
        customer_id: str,
        page_size: int = 0,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[CustomerOrder]:
        """Every item of every page of `get_customer_orders`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.get_customer_orders(
                customer_id=customer_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.orders:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def list_customers(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> ListCustomersResponse:
        """ListCustomers lists customers, in the order of their ids.

        Args:
            page_size: How many at most: 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            descending: From the last id to the first instead of from the first to the last.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/foldlog.orders.v1.QueryService/ListCustomers",
            ListCustomersRequest(
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            ListCustomersResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_customers(
        self,
        *,
        page_size: int = 0,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[Customer]:
        """Every item of every page of `list_customers`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.list_customers(
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.customers:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def watch_order(
        self,
        *,
        order_id: str,
        resume_token: str = "",
    ) -> Watch[WatchOrderResponse]:
        """WatchOrder sends one order, and then its changes, for ever. First comes the snapshot, in
        one message or more, of which the last has `snapshot_complete`; then each message is one
        step. A step in which nothing that is watched changed has neither `puts` nor `gone`: it
        reports how far the watch has come, at most once a second while other events happen, and
        every 10 seconds while none do. So a watch that is silent for longer than that has lost
        its connection, whatever the connection says. The server never ends a watch by itself
        except with an error. A client that was cut off opens it again with the `resume_token` of
        the last message that it handled whole: nothing is lost, and at most a document is sent
        again. A token that is too old, or of another log, is not an error: then `reset` is set.

        Use it in `with`. After a lost connection it reconnects and resumes.

        Args:
            order_id: The order.
            resume_token: Where to resume: `resume_token` of the last message handled; empty = start
                with a snapshot.
        """
        return self._caller.watch(
            "/foldlog.orders.v1.QueryService/WatchOrder",
            WatchOrderRequest(
                order_id=order_id,
                resume_token=resume_token,
            ),
            WatchOrderResponse,
        )

    def watch_current_orders(
        self,
        *,
        status: OrderStatus.ValueType = OrderStatus.ORDER_STATUS_UNSPECIFIED,
        customer_id: str = "",
        resume_token: str = "",
    ) -> Watch[WatchCurrentOrdersResponse]:
        """WatchCurrentOrders sends the current orders, and then their changes, for ever. It starts,
        continues and resumes as WatchOrder does.

        Use it in `with`. After a lost connection it reconnects and resumes.

        Args:
            status: Only orders with this status; all if not set.
            customer_id: Only orders of this customer; all if empty.
            resume_token: Where to resume: `resume_token` of the last message handled; empty = start
                with a snapshot.
        """
        return self._caller.watch(
            "/foldlog.orders.v1.QueryService/WatchCurrentOrders",
            WatchCurrentOrdersRequest(
                status=status,
                customer_id=customer_id,
                resume_token=resume_token,
            ),
            WatchCurrentOrdersResponse,
        )
