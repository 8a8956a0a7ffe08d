"""The tests run under every check of asyncio's debug mode."""

import asyncio
import os
from typing import Any

import pytest


async def test_a_loop_refuses_calls_from_another_thread() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        await asyncio.to_thread(loop.call_soon, print)
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        await asyncio.to_thread(loop.call_later, 0, print)


async def test_a_loop_refuses_a_coroutine_where_it_needs_a_callback() -> None:
    async def nothing() -> None: ...

    loop: Any = asyncio.get_running_loop()
    for schedule in (loop.call_soon, loop.call_soon_threadsafe):
        with pytest.raises(TypeError, match="coroutines cannot be used"):
            schedule(nothing)


@pytest.mark.skipif("PYTHONASYNCIODEBUG" in os.environ, reason="tracebacks are asked for")
async def test_no_traceback_is_recorded_of_where_a_task_was_made() -> None:
    """They double the time of the tests."""
    task: Any = asyncio.create_task(asyncio.sleep(0))
    assert task._source_traceback is None
    await task
