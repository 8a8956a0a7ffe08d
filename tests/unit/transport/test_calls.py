"""What is logged of calls: the slow ones always, every one at debug; and calls that are taken up together."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from foldlog.v1 import event_service_pb2 as events
from foldlog_server.transport import calls
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.calls import Calls
from foldlog_server.transport.refusal_log import RefusalLog
from tests.support.manual_timer import ManualTimer, settle

GET_HEAD = events.DESCRIPTOR.services_by_name["EventService"].methods_by_name["GetHead"]


READ_ALL = events.DESCRIPTOR.services_by_name["EventService"].methods_by_name["ReadAll"]


class Caller:
    """What a handler is told of its call, as far as these tests come."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def send_initial_metadata(self, _: object) -> None:
        pass

    async def write(self, message: bytes) -> None:
        self.written.append(message)


class Clock:
    """Stands in for `time`: each call of a method takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._now = 0.0

    def monotonic(self) -> float:
        now, self._now = self._now, self._now + self._seconds
        return now


class Aborted(Exception):
    """A call ended with a status."""


class Aborting:
    """The context of a call that may be ended with a status."""

    async def abort(self, *_: object) -> None:
        raise Aborted


async def nothing(*_: object) -> bytes:
    return b""


async def called(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(calls, "time", Clock(seconds))
    handler: Any = Calls(RefusalLog(ManualTimer)).unary(GET_HEAD, nothing)
    assert await handler.unary_unary(b"", None) == b""


async def test_a_call_of_a_second_is_slow_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "foldlog")
    await called(monkeypatch, 0.999)
    assert not caplog.records
    await called(monkeypatch, 1.0)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "foldlog.v1.EventService.GetHead took 1.000 s"


async def test_every_call_is_logged_at_debug_also_one_that_streams(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "foldlog")
    await called(monkeypatch, 0.25)
    caller = Caller()
    handler: Any = Calls(RefusalLog(ManualTimer)).streamed(READ_ALL, two)
    await handler.unary_stream(b"", caller)
    assert caller.written == [b"1", b"2"]
    assert [record.getMessage() for record in caplog.records] == [
        "foldlog.v1.EventService.GetHead took 250.0 ms",
        "foldlog.v1.EventService.ReadAll ended after 250.0 ms",
    ]


async def two(*_: object) -> AsyncGenerator[bytes]:
    yield b"1"
    yield b"2"


async def test_what_gathers_is_begun_together_except_for_those_who_gave_up() -> None:
    begun: list[asyncio.Future[bytes]] = []
    sent: list[int] = []

    async def answer(*_: object) -> bytes:
        begun.append(asyncio.get_running_loop().create_future())
        return await begun[-1]

    gathered: Any = Calls(RefusalLog(ManualTimer)).gathered(GET_HEAD, answer, None, Arrivals())

    async def call(number: int) -> None:
        assert await gathered.unary_unary(b"", None) == b"%d" % number
        sent.append(number)

    tasks = [asyncio.create_task(call(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert len(begun) == 1  # it came alone
    tasks[2].cancel()
    await settle()
    assert len(begun) == 3
    for number, reply in zip((0, 1, 3), begun, strict=True):
        reply.set_result(b"%d" % number)
    await asyncio.wait(tasks)
    assert sent == [0, 1, 3]
    assert tasks[2].cancelled()


async def test_a_call_that_fails_keeps_no_other_from_beginning(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []

    async def answer(*_: object) -> bytes:
        begun.append(len(begun))
        if len(begun) == 2:
            raise ValueError("a defect")
        return b"%d" % begun[-1]

    gathered: Any = Calls(RefusalLog(ManualTimer)).gathered(GET_HEAD, answer, None, Arrivals())
    tasks = [asyncio.create_task(gathered.unary_unary(b"", Aborting())) for _ in range(3)]
    first, failed, last = await asyncio.gather(*tasks, return_exceptions=True)

    assert (first, last) == (b"0", b"2")
    assert isinstance(failed, Aborted)
    assert "a defect" in caplog.text


async def test_nobody_waits_for_calls_that_have_ended_however_they_did() -> None:
    begun: list[int] = []

    async def answer(*_: object) -> bytes:
        begun.append(len(begun))
        if begun[-1] == 1:
            raise ValueError("a defect")
        return b""

    gathered: Any = Calls(RefusalLog(ManualTimer)).gathered(GET_HEAD, answer, None, Arrivals())

    def call() -> "asyncio.Task[bytes]":
        return asyncio.create_task(gathered.unary_unary(b"", Aborting()))

    tasks = [call() for _ in range(4)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await call()  # waits once for those who were there lately
    alone = call()
    await asyncio.sleep(0)
    assert alone.done()
    assert await alone == b""
