"""Runs all servers of the benchmark, and proves that each did what was requested, so that its window
counts."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import foldlog_client
from bench import appends, echo, h2load
from bench.h2load import SHAPES, Call
from bench.history import write_history
from bench.processes import ECHO, BenchFailed, Server, foldlog, serving
from bench.processes import appends as appending
from bench.rebuild import rebuild_in_a_process
from bench.shop import Shop, Window, check_growth, check_size
from bench.subscriber import catch_up
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.stores.sqlite.reader import SqliteLogReader

ECHO_BYTES = 200
_ECHO = Call(f"/{echo.SERVICE}/{echo.METHOD}", bytes(ECHO_BYTES))
_APPEND = Call(f"/{appends.SERVICE}/{appends.METHOD}", bytes(ECHO_BYTES))

_SECONDS_TO_BUILD = 60


@dataclass(frozen=True, slots=True)
class Sizes:
    """The size of one window of each kind."""

    calls: Mapping[int, int]
    """Calls, by the number in flight."""
    history: int
    """Events of the log that subscribers read, and from which views are rebuilt."""
    readings: int
    """How often a subscriber reads the log."""


class Stand:
    """The servers, idle until it is their turn."""

    def __init__(
        self,
        sizes: Sizes,
        echo: Server,
        appends: Server,
        appends_directory: Path,
        shop: Shop,
        history: Server,
        history_directory: Path,
    ) -> None:
        self._sizes = sizes
        self._echo = echo
        self._appends = appends
        self._appends_directory = appends_directory
        self._shop = shop
        self._history = history
        self._history_directory = history_directory

    async def echoes(self, in_flight: int) -> Window:
        """Measure calls of the bare server."""
        calls = self._sizes.calls[in_flight]
        before = self._echo.cpu_seconds()
        load = await h2load.load(self._echo.address, _ECHO, SHAPES[in_flight], calls)
        used = self._echo.cpu_seconds() - before
        check_size("the echo", calls, load.data_bytes, ECHO_BYTES)
        return Window(calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6)

    async def appends(self, in_flight: int) -> Window:
        """Measure calls that each append an event of as many bytes as the echo's to a log, until it is
        durable."""
        calls = self._sizes.calls[in_flight]
        before, used_before = self._appended(), self._appends.cpu_seconds()
        load = await h2load.load(self._appends.address, _APPEND, SHAPES[in_flight], calls)
        used = self._appends.cpu_seconds() - used_before
        check_size("the appends", calls, load.data_bytes, ECHO_BYTES)
        stored = self._appended_after(before)
        check_appended(stored, calls)
        commits = len({event.recorded_time.ToNanoseconds() for event in stored})
        return Window(
            calls / load.seconds, None, load.p50_ms, load.p99_ms, used / calls * 1e6, calls / commits
        )

    async def commands(self, in_flight: int) -> Window:
        """Measure commands that each create an order, until all are durable and all views have seen them."""
        return await self._shop.commands(in_flight, self._sizes.calls[in_flight])

    async def queries(self, in_flight: int) -> Window:
        """Measure queries for one order with three lines."""
        return await self._shop.queries(in_flight, self._sizes.calls[in_flight])

    async def catching_up(self) -> Window:
        """Measure one subscriber that reads a whole log, several times in a row."""
        seconds, events = 0.0, 0
        before = self._history.cpu_seconds()
        for _ in range(self._sizes.readings):
            read, taken = await catch_up(self._history.address)
            events, seconds = events + read, seconds + taken
        used = self._history.cpu_seconds() - before
        return Window(events / seconds, server_us=used / events * 1e6)

    async def rebuilding(self) -> dict[str, Window]:
        """Measure rebuilds from a log, by the name of the view."""
        seconds = await rebuild_in_a_process(self._history_directory)
        return {name: Window(self._sizes.history / taken) for name, taken in seconds.items()}

    def _appended(self) -> int:
        with SqliteLogReader.open(self._appends_directory) as reader:
            return reader.head.position

    def _appended_after(self, position: int) -> list[RecordedEvent]:
        events: list[RecordedEvent] = []
        with SqliteLogReader.open(self._appends_directory) as reader:
            while read := reader.read_all(from_position=position + 1 + len(events)):
                events += [RecordedEvent.FromString(event.record) for event in read]
        return events


def check_appended(stored: Sequence[RecordedEvent], calls: int) -> None:
    """Raise `BenchFailed` unless each call has stored its bytes in a stream of its own."""
    check_growth(0, len(stored), calls)
    whole = {event.stream for event in stored if len(event.payload.value) == ECHO_BYTES}
    if len(whole) != calls:
        raise BenchFailed(f"{calls:,} appends left only {len(whole):,} streams with an event of their size.")


@asynccontextmanager
async def standing(directory: Path, sizes: Sizes, seed: int) -> AsyncIterator[Stand]:
    """Start all servers, on new data directories in a directory. Raises `BenchFailed`."""
    written, served, appended = (directory / name for name in ("history", "served-history", "appends"))
    events = await write_history(written, sizes.history, seed)
    copytree(written, served)
    sizes = Sizes(sizes.calls, events, sizes.readings)
    async with (
        serving(*ECHO) as echo_server,
        serving(*appending(appended)) as appends_server,
        serving(*foldlog(directory / "fresh")) as foldlog_server,
        serving(*foldlog(served)) as history_server,
        foldlog_client.connect(foldlog_server.address) as client,
    ):
        shop = Shop(foldlog_server, client)
        stand = Stand(sizes, echo_server, appends_server, appended, shop, history_server, written)
        await shop.create_what_is_asked_for()
        await _views_built(history_server)
        yield stand


async def _views_built(server: Server) -> None:
    """Return once the views of a server that started with a long log have reached its head."""
    async with foldlog_client.connect(server.address) as client:
        head = (await client.events.head()).position
        for _ in range(_SECONDS_TO_BUILD):
            answers = await asyncio.gather(
                client.orders.list_current_orders(page_size=1),
                client.orders.list_order_history(page_size=1),
                client.orders.list_customers(page_size=1),
                client.inventory.list_inventory(page_size=1),
            )
            if all(answer.freshness.position == head for answer in answers):
                return
            await asyncio.sleep(1)
    raise BenchFailed("The views of a server did not reach the head of its log.")
