"""Calls of one turn of the loop take one hop, run in order, and fail one by one."""

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from foldlog_server.stores.writer_thread import WriterThread


def failing() -> None:
    raise ArithmeticError


async def test_what_is_asked_for_in_one_turn_is_one_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    thread, hops = WriterThread(), []
    submit = thread._executor.submit

    def watched(*arguments: Any) -> Any:
        hops.append(arguments)
        return submit(*arguments)

    monkeypatch.setattr(thread._executor, "submit", watched)
    done: list[int] = []
    await asyncio.gather(*(thread.do(partial(done.append, number)) for number in range(5)))
    assert done == [0, 1, 2, 3, 4]
    assert len(hops) == 1
    await thread.do(lambda: None)
    assert len(hops) == 2


async def test_all_is_done_in_one_thread_that_is_not_the_loops() -> None:
    thread = WriterThread()
    first, second = [await thread.do(threading.get_ident) for _ in range(2)]
    assert first == second != threading.get_ident()


async def test_what_fails_fails_by_itself() -> None:
    thread = WriterThread()
    before, failed, after = thread.do(lambda: 1), thread.do(failing), thread.do(lambda: 2)
    with pytest.raises(ArithmeticError):
        await failed
    assert (await before, await after) == (1, 2)


async def test_what_nobody_waits_for_any_more_is_done_all_the_same() -> None:
    thread, done = WriterThread(), list[int]()
    thread.do(lambda: done.append(1)).cancel()
    await thread.do(lambda: None)
    assert done == [1]


async def test_whoever_asks_after_the_end_is_told_and_does_not_wait() -> None:
    with WriterThread() as thread:
        await thread.do(lambda: None)
    with pytest.raises(RuntimeError, match="ended"):
        thread.do(lambda: None)
