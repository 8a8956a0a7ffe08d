"""Reports the views of a running server to its operators, and rebuilds or retries them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from rich.table import Table

import foldlog_client
from foldlog.v1.admin_service_pb2 import ListViewsResponse, ParkedDocument, ViewState
from foldlog_server.operations.progress import Step, progress_text
from foldlog_server.printable import printable
from foldlog_server.tables import table_of

POLL_SECONDS = 0.2
RETRY_SECONDS = 3600.0
"""The deadline of a retry, as much may be parked; what was retried before it ends stays updated."""


class Operator:
    """Asks one server about its views. Every method raises the client's `FoldlogError`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def _client(self) -> foldlog_client.Client:
        # One attempt: an address where nobody answers fails at once.
        return foldlog_client.connect(self._address, retry=foldlog_client.Retry(attempts=1))

    async def views(self) -> ListViewsResponse:
        """The state of every view."""
        async with self._client() as client:
            return await client.admin.list_views()

    async def parked(self, view: str) -> Sequence[ParkedDocument]:
        """Every parked document, of one view or of all."""
        async with self._client() as client:
            pages = client.admin.iterate_parked_documents(view=view, page_size=1000)
            return [document async for document in pages]

    async def retry(self, view: str, collection: str, id: str) -> tuple[int, int]:
        """Retry parked documents; returns how many were updated, and how many are still parked."""
        async with self._client() as client:
            done = await client.admin.retry_parked(
                view=view, collection=collection, id=id, timeout=RETRY_SECONDS
            )
            return done.cured, done.still_parked

    async def rebuild(self, views: Sequence[str], *, wait: bool) -> AsyncIterator[Step]:
        """Rebuild views; yields the progress until they are rebuilt, unless `wait` is false."""
        async with self._client() as client:
            known = {state.name for state in (await client.admin.list_views()).views}
            for view in sorted(
                views, key=lambda name: name in known
            ):  # an unknown name fails before any rebuild
                await client.admin.rebuild_view(view=view)
            left = set(views) if wait else set()
            while left:
                for state in (await client.admin.list_views()).views:
                    if state.name in left:
                        step = _step(state)
                        yield step
                        left -= {state.name} if step.is_over else set()
                await asyncio.sleep(POLL_SECONDS if left else 0)


def _step(state: ViewState) -> Step:
    if state.HasField("rebuilding"):
        return Step(state.name, state.rebuilding.position, state.rebuilding.target)
    return Step(state.name, state.position, state.position, is_over=True, error=state.rebuild_error)


# What is printed


def as_json(message: Any) -> dict[str, Any]:
    """A message as JSON, with all its fields."""
    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields


def table_of_views(response: ListViewsResponse) -> Table:
    """A row for each view."""
    table = table_of("view", "position", "behind", "parked", "state")
    for state in response.views:
        behind = f"{state.lag_events:,}"
        if state.lag_events:
            behind += f" ({state.lag_time.ToTimedelta().total_seconds():.1f} s)"
        parked = f"{state.parked_documents:,}"
        table.add_row(state.name, f"{state.position:,}", behind, parked, printable(_state(state)))
    return table


def _state(state: ViewState) -> str:
    parts = []
    if state.HasField("rebuilding"):
        parts.append(f"being rebuilt: {progress_text(_step(state))}")
    if state.outdated:
        parts.append("answers from its former documents until it is rebuilt")
    if state.damage:
        parts.append(f"damaged, answers nothing until it is rebuilt: {state.damage}")
    if state.hindrance:
        parts.append(f"cannot be updated, answers from what it has: {state.hindrance}")
    if state.stopped:
        parts.append(f"stopped: {state.stopped}")
    if state.rebuild_error:
        parts.append(f"could not be rebuilt: {state.rebuild_error}")
    if state.HasField("next_rebuild"):
        parts.append(f"the rebuild is retried in {state.next_rebuild.ToTimedelta().total_seconds():.0f} s")
    return "; ".join(parts) or "follows"


def table_of_parked(documents: Sequence[ParkedDocument]) -> Table:
    """A row for each document."""
    table = table_of("view", "collection", "id", "position", "events", "error")
    for one in documents:
        where = (one.view, one.collection, printable(one.id))
        table.add_row(*where, f"{one.position:,}", f"{one.events:,}", printable(one.error))
    return table
