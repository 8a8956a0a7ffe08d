# Written by foldlog from the protos; do not edit.
"""The methods of foldlog.inventory.v1."""

import datetime
from collections.abc import Iterator, Iterable, Mapping

from foldlog.inventory.v1.command_service_pb2 import (
    AdjustStockRequest,
    AdjustStockResponse,
    DispatchStockRequest,
    DispatchStockResponse,
    ReceiveStockRequest,
    ReceiveStockResponse,
    ReleaseStockRequest,
    ReleaseStockResponse,
    ReserveStockRequest,
    ReserveStockResponse,
)
from foldlog.inventory.v1.commands_pb2 import (
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReservationLine,
    ReserveStock,
)
from foldlog.inventory.v1.queries_pb2 import (
    GetInventoryRequest,
    GetInventoryResponse,
    GetStockRequest,
    GetStockResponse,
    InventoryItem,
    ListInventoryRequest,
    ListInventoryResponse,
    WatchInventoryRequest,
    WatchInventoryResponse,
)
from foldlog.v1.commands_pb2 import (
    CommandOptions,
    Reply,
)
from foldlog.v1.reads_pb2 import (
    AsOf,
    ReadOptions,
    WhenBehind,
)
from google.protobuf.duration_pb2 import (
    Duration,
)
from foldlog.v1.calling import as_duration, as_timestamp
from foldlog.v1.sync_caller import Caller, Watch


class Inventory:
    """CommandService changes stock. A command that is answered without an error is durable. Every
    command on several products is one append: all or none, and a refusal names every product
    concerned. A refused command leaves no trace.

    QueryService answers questions about stock and demand from a view that follows the log. Every
    answer says how fresh it is; every question can wait for a position, such as that of the
    caller's own last command.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def receive_stock(
        self,
        *,
        product_id: str,
        quantity: int,
        name: str = "",
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ReceiveStockResponse:
        """ReceiveStock adds units that arrived to the stock of a product, known or new.

        Args:
            product_id: The product, known or new; of a new one it is a new name: see FORMAT_ID.
            quantity: How many units arrived, 1 to 1,000,000,000,000.
            name: The product's name; may be empty.
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
            "/foldlog.inventory.v1.CommandService/ReceiveStock",
            ReceiveStockRequest(
                command=ReceiveStock(
                    product_id=product_id,
                    quantity=quantity,
                    name=name,
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
            ReceiveStockResponse,
            within=timeout,
        )

    def adjust_stock(
        self,
        *,
        product_id: str,
        delta: int,
        reason: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> AdjustStockResponse:
        """AdjustStock corrects the stock of a known product by counting. Not below what is reserved
        (BELOW_RESERVED).

        Args:
            product_id: The product.
            delta: Units found in addition, or missing if negative; not 0.
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
            "/foldlog.inventory.v1.CommandService/AdjustStock",
            AdjustStockRequest(
                command=AdjustStock(
                    product_id=product_id,
                    delta=delta,
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
            AdjustStockResponse,
            within=timeout,
        )

    def reserve_stock(
        self,
        *,
        order_id: str,
        lines: Iterable[ReservationLine],
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ReserveStockResponse:
        """ReserveStock sets units of one or more products aside for an order: all or none. The same
        reservation again: changes nothing. Too few available: FAILED_PRECONDITION
        (INSUFFICIENT_STOCK) naming every product concerned.

        Args:
            order_id: The order.
            lines: The products, each once, at most 2,000.
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
            "/foldlog.inventory.v1.CommandService/ReserveStock",
            ReserveStockRequest(
                command=ReserveStock(
                    order_id=order_id,
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
            ReserveStockResponse,
            within=timeout,
        )

    def release_stock(
        self,
        *,
        order_id: str,
        product_ids: Iterable[str],
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> ReleaseStockResponse:
        """ReleaseStock releases an order's reservations of products. No open reservation: changes
        nothing.

        Args:
            order_id: The order.
            product_ids: The products, each once, at most 2,000.
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
            "/foldlog.inventory.v1.CommandService/ReleaseStock",
            ReleaseStockRequest(
                command=ReleaseStock(
                    order_id=order_id,
                    product_ids=product_ids,
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
            ReleaseStockResponse,
            within=timeout,
        )

    def dispatch_stock(
        self,
        *,
        order_id: str,
        product_ids: Iterable[str],
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> DispatchStockResponse:
        """DispatchStock takes an order's reserved units of products out of stock. No open
        reservation: FAILED_PRECONDITION (NO_RESERVATION) naming every product concerned.

        Args:
            order_id: The order.
            product_ids: The products, each once, at most 2,000.
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
            "/foldlog.inventory.v1.CommandService/DispatchStock",
            DispatchStockRequest(
                command=DispatchStock(
                    order_id=order_id,
                    product_ids=product_ids,
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
            DispatchStockResponse,
            within=timeout,
        )

    def get_inventory(
        self,
        *,
        product_id: str,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetInventoryResponse:
        """GetInventory returns one product's stock and demand; NOT_FOUND (PRODUCT_NOT_FOUND) if it
        was never received or ordered.

        Args:
            product_id: The product.
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
            "/foldlog.inventory.v1.QueryService/GetInventory",
            GetInventoryRequest(
                product_id=product_id,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetInventoryResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def list_inventory(
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
    ) -> ListInventoryResponse:
        """ListInventory lists products, in the order of their ids.

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
            "/foldlog.inventory.v1.QueryService/ListInventory",
            ListInventoryRequest(
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
            ListInventoryResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_inventory_items(
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
    ) -> Iterator[InventoryItem]:
        """Every item of every page of `list_inventory`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.list_inventory(
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
            for _item in _page.items:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def get_stock(
        self,
        *,
        product_id: str,
        as_of: AsOf | None = None,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetStockResponse:
        """GetStock returns one product's stock; NOT_FOUND (PRODUCT_NOT_FOUND) if nothing was ever
        received.

        Args:
            product_id: The product.
            as_of: A past state instead of the present one, folded from the log. Before anything was
                received: NOT_FOUND; past the end: OUT_OF_RANGE.
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
            "/foldlog.inventory.v1.QueryService/GetStock",
            GetStockRequest(
                product_id=product_id,
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
            GetStockResponse,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def watch_inventory(
        self,
        *,
        product_ids: Iterable[str] = (),
        resume_token: str = "",
    ) -> Watch[WatchInventoryResponse]:
        """WatchInventory sends products, and then their changes, for ever. First comes the
        snapshot, in one message or more, of which the last has `snapshot_complete`; then each
        message is one step. A step in which nothing that is watched changed has neither `puts`
        nor `gone`: it reports how far the watch has come, at most once a second while other
        events happen, and every 10 seconds while none do. So a watch that is silent for longer
        than that has lost its connection, whatever the connection says. The server never ends a
        watch by itself except with an error. A client that was cut off opens it again with the
        `resume_token` of the last message that it handled whole: nothing is lost, and at most a
        document is sent again. A token that is too old, or of another log, is not an error: then
        `reset` is set.

        Use it in `with`. After a lost connection it reconnects and resumes.

        Args:
            product_ids: Only these products, at most 100; all if empty.
            resume_token: Where to resume: `resume_token` of the last message handled; empty = start
                with a snapshot.
        """
        return self._caller.watch(
            "/foldlog.inventory.v1.QueryService/WatchInventory",
            WatchInventoryRequest(
                product_ids=product_ids,
                resume_token=resume_token,
            ),
            WatchInventoryResponse,
        )
