# Written by foldlog from the protos; do not edit.
"""The methods of foldlog.v1."""

import datetime
from collections.abc import Iterator, Iterable, Mapping

from foldlog.v1.admin_service_pb2 import (
    GetClockRequest,
    GetClockResponse,
    GetScrubRequest,
    GetScrubResponse,
    ListParkedRequest,
    ListParkedResponse,
    ListViewsRequest,
    ListViewsResponse,
    ParkedDocument,
    RebuildViewRequest,
    RebuildViewResponse,
    RetryParkedRequest,
    RetryParkedResponse,
)
from foldlog.v1.calling import as_duration, as_timestamp
from foldlog.v1.sync_caller import Caller, Watch


class Admin:
    """AdminService shows and repairs a server, its views and its clock: it is for operators, and
    for monitoring. The health of the views is also reported by grpc.health.v1, under the name
    "foldlog.views", and under "foldlog.views.<name>" for one view: NOT_SERVING while it is
    damaged, has stopped, has nothing to answer from yet, or cannot follow the log.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list_views(
        self,
        *,
        timeout: float | None = None,
    ) -> ListViewsResponse:
        """ListViews reports for every view how far it is, and what prevents it from following the
        log.

        Args:
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/ListViews",
            ListViewsRequest(),
            ListViewsResponse,
            within=timeout,
        )

    def rebuild_view(
        self,
        *,
        view: str,
        timeout: float | None = None,
    ) -> RebuildViewResponse:
        """RebuildView rebuilds a view from the log, in a process of its own. The present documents
        answer until the new ones are as far; ListViews reports the progress. If it is being
        rebuilt already, nothing happens. A view that does not exist is NOT_FOUND
        (VIEW_NOT_FOUND); without space for it: RESOURCE_EXHAUSTED (STORE_FULL); while the files
        of the log are not in their place: UNAVAILABLE (LOG_DETACHED).

        Args:
            view: The view's name.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/RebuildView",
            RebuildViewRequest(
                view=view,
            ),
            RebuildViewResponse,
            within=timeout,
        )

    def list_parked(
        self,
        *,
        view: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> ListParkedResponse:
        """ListParked lists the documents that wait on an event which their view could not apply, by
        view, collection and id. A view that does not exist is NOT_FOUND (VIEW_NOT_FOUND).

        Args:
            view: Only of this view; of all views if empty.
            page_size: The most documents of a page; 50 if 0, at most 1,000.
            page_token: Where the page starts: `next_page_token` of the previous page; empty = the
                first page.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/ListParked",
            ListParkedRequest(
                view=view,
                page_size=page_size,
                page_token=page_token,
            ),
            ListParkedResponse,
            within=timeout,
        )

    def iterate_parked_documents(
        self,
        *,
        view: str = "",
        page_size: int = 0,
        timeout: float | None = None,
    ) -> Iterator[ParkedDocument]:
        """Every item of every page of `list_parked`, page after page. The arguments are the same."""
        page_token = ""
        while True:
            _page = self.list_parked(
                view=view,
                page_size=page_size,
                page_token=page_token,
                timeout=timeout,
            )
            for _item in _page.documents:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def retry_parked(
        self,
        *,
        view: str,
        collection: str = "",
        id: str = "",
        timeout: float | None = None,
    ) -> RetryParkedResponse:
        """RetryParked applies parked events again, once the cause is fixed: for each document the
        events that wait, in their order, up to the first that still cannot be applied. Documents
        of a former definition stay as they are until the view has been rebuilt. A view that does
        not exist is NOT_FOUND (VIEW_NOT_FOUND), a collection that it does not have
        INVALID_ARGUMENT.

        Args:
            view: The view's name.
            collection: Only documents of this collection; of all if empty.
            id: Only the documents with this id; all if empty.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/RetryParked",
            RetryParkedRequest(
                view=view,
                collection=collection,
                id=id,
            ),
            RetryParkedResponse,
            within=timeout,
        )

    def get_clock(
        self,
        *,
        timeout: float | None = None,
    ) -> GetClockResponse:
        """GetClock returns the server's time, and whether the clock of its machine has jumped away
        from it.

        Args:
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/GetClock",
            GetClockRequest(),
            GetClockResponse,
            within=timeout,
        )

    def get_scrub(
        self,
        *,
        timeout: float | None = None,
    ) -> GetScrubResponse:
        """GetScrub reports how far the server is with comparing the tables of its log with their
        indexes, which it does once a day at low priority, and what it found.

        Args:
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.unary(
            "/foldlog.v1.AdminService/GetScrub",
            GetScrubRequest(),
            GetScrubResponse,
            within=timeout,
        )
