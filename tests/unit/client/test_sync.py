"""The sync client: the same names as the async one, from any thread, and what threads alone can do to it."""

import asyncio
import gc
import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import grpc
import pytest

import foldlog_client
from foldlog.orders.v1.command_service_pb2 import SubmitOrderRequest
from foldlog.v1.event_service_pb2 import GetHeadResponse, ReadAllResponse
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import LogPosition, Retry, Session, sync
from tests.unit.client.scripted_server import Failure, Hang, ScriptedServer, submitted

UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE)
SECONDS = 20
DOMAINS = ("foldlog.inventory.v1", "foldlog.orders.v1", "foldlog.v1")
TWINS: list[tuple[type, type]] = [
    (foldlog_client.Client, sync.Client),
    (foldlog_client.Events, sync.Events),
    (foldlog_client.Subscription, sync.Subscription),
    (foldlog_client.Watch, sync.Watch),
    *(
        (twin, getattr(import_module(f"{package}.sync_client"), name))
        for package in DOMAINS
        for name, twin in vars(import_module(f"{package}.async_client")).items()
        if inspect.isclass(twin) and twin.__module__ == f"{package}.async_client"
    ),
]


def members(kind: type) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def blocking(text: str) -> str:
    """What a docstring of the async client says of the sync one."""
    return text.replace("`async ", "`").replace(", from any thread", "")


@pytest.mark.parametrize(("asynchronous", "synchronous"), TWINS, ids=lambda kind: kind.__name__)
def test_both_clients_have_the_same_names_arguments_and_explanations(
    asynchronous: type, synchronous: type
) -> None:
    theirs = {("close" if name == "aclose" else name): value for name, value in members(asynchronous).items()}
    ours = members(synchronous)
    assert theirs.keys() == ours.keys()
    assert ours
    for name, value in ours.items():
        if name == "connect":  # has a test of its own: interceptors are of another kind
            continue
        assert blocking(inspect.getdoc(value) or "") == blocking(inspect.getdoc(theirs[name]) or ""), name
        if callable(value):
            ours_take, theirs_take = inspect.signature(value), inspect.signature(theirs[name])
            assert list(ours_take.parameters.values()) == list(theirs_take.parameters.values()), name
            assert not inspect.iscoroutinefunction(value)


def test_connect_takes_the_same() -> None:
    ours, theirs = (inspect.signature(one.connect).parameters for one in (sync, foldlog_client))
    assert list(ours) == list(theirs)
    assert [one.default for one in ours.values()] == [one.default for one in theirs.values()]


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


async def test_many_threads_share_a_client(server: ScriptedServer) -> None:
    server.answers("SubmitOrder", *(one for n in range(1, 201) for one in (UNAVAILABLE, submitted(n))))

    def work(client: sync.Client) -> list[int]:
        with threads() as pool:
            calls = [pool.submit(client.orders.submit_order, order_id=f"{n}") for n in range(200)]
            return sorted(call.result(SECONDS).result.position for call in calls)

    quick = Retry(first=0.001, longest=0.001)
    found = await in_thread(lambda: with_client(server, work, retry=quick, timeout=SECONDS))
    assert found == list(range(1, 201))
    ids = [one.options.request_id for one in server.requests(SubmitOrderRequest)]
    assert len(ids) == 400
    assert len(set(ids)) == 200


def test_a_session_never_goes_back_whatever_threads_do() -> None:
    session = Session()

    def reach(start: int) -> None:
        for position in range(start, 5_000, 32):
            session.reached(LogPosition("a", position))

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns at every chance
    try:
        with threads() as pool:
            for start in range(32):
                pool.submit(reach, start)
    finally:
        sys.setswitchinterval(usual)
    assert session.token == LogPosition("a", 4_999)


async def in_thread(function: Callable[[], Any]) -> Any:
    """What it gives; the loop goes on meanwhile, and with it the server."""
    with ThreadPoolExecutor(1) as thread:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(thread, function), SECONDS)


def with_client(server: ScriptedServer, work: Callable[[sync.Client], Any], **options: Any) -> Any:
    with sync.connect(server.target, **options) as client:
        return work(client)


class Waiting:
    """Somebody who waits in another thread for the next of something."""

    def __init__(self, server: ScriptedServer, items: Iterator[Any]) -> None:
        calls = len(server.calls)
        self._got: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._got.append(next(items, "over")))
        self._thread.start()
        while len(server.calls) == calls:
            time.sleep(0.001)

    def gets(self) -> Any:
        self._thread.join(SECONDS)
        return self._got[0]


async def test_another_thread_may_close_what_one_waits_in(server: ScriptedServer) -> None:
    for _ in range(2):
        server.streams("Subscribe", Hang())
    server.streams("WatchCurrentOrders", Hang())

    def work(client: sync.Client) -> None:
        streams: list[Any] = [client.events.subscribe(), client.orders.watch_current_orders()]
        for stream in streams:
            waiting = Waiting(server, stream)
            stream.close()
            assert waiting.gets() == "over"
            assert next(stream, "over") == "over"
        waiting = Waiting(server, client.events.subscribe())
        client.close()
        assert waiting.gets() == "over"

    await in_thread(lambda: with_client(server, work))


async def test_closing_ends_a_pause(server: ScriptedServer) -> None:
    server.streams("Subscribe", UNAVAILABLE)

    def work(client: sync.Client) -> None:
        subscription = client.events.subscribe()
        waiting = Waiting(server, subscription)
        time.sleep(0.05)  # so that it pauses, most of the time; it may be before that, too
        subscription.close()
        assert waiting.gets() == "over"

    patient = Retry(first=1_000.0, longest=1_000.0, random=lambda: 1.0)
    await in_thread(lambda: with_client(server, work, retry=patient))


async def test_a_read_that_is_left_early_lets_go_of_its_call(server: ScriptedServer) -> None:
    page = ReadAllResponse(events=[RecordedEvent(position=1), RecordedEvent(position=2)])
    server.streams("ReadAll", page, Hang())

    def work(client: sync.Client) -> int:
        for event in client.events.read_all():
            found = event.position
            break
        gc.collect()
        return found

    assert await in_thread(lambda: with_client(server, work)) == 1
    assert await until_ended(server) == ["ReadAll"]


async def until_ended(server: ScriptedServer) -> list[str]:
    async with asyncio.timeout(SECONDS):
        while not server.cancelled:  # noqa: ASYNC110  nobody here sets an event
            await asyncio.sleep(0.001)
    return server.cancelled


class Signing(grpc.UnaryUnaryClientInterceptor):
    """Says who calls."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details = client_call_details._replace(metadata=[("signed-by", "ann")])
        return continuation(details, request)


async def test_interceptors_are_called(server: ScriptedServer) -> None:
    server.answers("GetHead", GetHeadResponse(position=3))
    options = {"interceptors": [Signing()]}
    head = await in_thread(lambda: with_client(server, lambda client: client.events.head(), **options))
    assert head.position == 3
    assert server.calls[0].metadata["signed-by"] == "ann"


async def test_a_token_goes_from_either_kind_of_client_to_the_other(server: ScriptedServer) -> None:
    server.answers("SubmitOrder", submitted(9), submitted(12))
    async with foldlog_client.connect(server.target) as client:
        await client.orders.submit_order(order_id="1")
        text = str(client.session.token)

    def work(client: sync.Client) -> LogPosition:
        assert client.session.token == LogPosition("log-a", 9)
        client.orders.submit_order(order_id="2")
        return client.session.token

    session = LogPosition.parse(text)
    token = await in_thread(lambda: with_client(server, work, session=session))
    async with foldlog_client.connect(server.target, session=token) as client:
        assert client.session.token == LogPosition("log-a", 12)
