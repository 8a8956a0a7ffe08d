"""Runs the writes of all read models in one thread; those of one turn of the loop take a single hop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

Job = tuple[Callable[[], object], "asyncio.Future[Any]"]


class WriterThread:
    """Runs functions in the order of the calls to `do`, until `end` is called or nothing refers to it.

    sqlite3 connections belong to the thread that opened them, so they are opened and closed here, too.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "read models")
        self._gathered: list[Job] = []
        self._has_ended = False

    def do(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Run a function in the thread, even if the future is cancelled. Raises `RuntimeError` after
        `end`."""
        if self._has_ended:
            raise RuntimeError("The writer thread has ended; nothing can be written any more.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over, loop)
        self._gathered.append((work, future))
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Wait for everything that `do` was called with, and accept nothing more."""
        self._has_ended = True
        self._executor.shutdown()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs, self._gathered = self._gathered, []
        self._executor.submit(_run, jobs, loop)


def _run(jobs: list[Job], loop: asyncio.AbstractEventLoop) -> None:
    outcomes = [(future, *_outcome(work)) for work, future in jobs]
    loop.call_soon_threadsafe(_settle, outcomes)


def _outcome(work: Callable[[], object]) -> tuple[object, Exception | None]:
    try:
        return work(), None
    except Exception as error:
        return None, error


def _settle(outcomes: list[tuple["asyncio.Future[Any]", object, Exception | None]]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
