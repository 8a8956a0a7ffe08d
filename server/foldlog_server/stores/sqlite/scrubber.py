"""Scrubs a log once a day, so slowly that it does not disturb, and logs what it finds."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Protocol, TypeVar

from foldlog_server.errors import DataDamaged
from foldlog_server.log.scrub import Scrub
from foldlog_server.stores.sqlite import scrubbing
from foldlog_server.stores.sqlite.scrubbing import ScrubStep

T = TypeVar("T")

_log = logging.getLogger("foldlog")

SHARE = 0.02
"""The share of the time during which a scrub works."""


class Read(Protocol):
    """Runs a function on a connection that was set up to read, in the thread that owns it."""

    def __call__(self, function: Callable[[sqlite3.Connection], T], /) -> Awaitable[T]: ...


class Scrubber:
    """Scrubs a log repeatedly until it is stopped or finds damage."""

    def __init__(self, read: Read, clock: Callable[[], int], on_damage: Callable[[], None]) -> None:
        """`clock` returns nanoseconds since the epoch; `on_damage` is called once, when damage is found."""
        self.state = Scrub()
        self._read = read
        self._clock = clock
        self._on_damage = on_damage
        self._task: asyncio.Task[None] | None = None

    def start(self, first_after: float, every: float) -> None:
        """Start the first scrub after so many seconds, and each next one so long after the last has ended."""
        self._task = asyncio.get_running_loop().create_task(self._run(first_after, every))

    async def stop(self) -> None:
        """Stop scrubbing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, first_after: float, every: float) -> None:
        pause = first_after
        while not self.state.damages:
            await asyncio.sleep(pause)
            await self.scrub()
            pause = every

    async def scrub(self) -> None:
        """Scrub once, and log the result."""
        self.state = state = Scrub(began=self._clock())
        began = time.monotonic()
        try:
            state.total = await self._read(scrubbing.size)
            steps = await self._read(lambda connection: scrubbing.scrub(connection, state.damages.append))
            while (step := await self._step(steps)) is not None:
                state.part, state.done = step.part, state.done + step.rows
        except DataDamaged as damage:  # the end of the log, which each part reads first
            state.damages.append(damage.message)
        except Exception as error:  # most likely a shortage, which is not damage
            _log.warning("The log could not be scrubbed to its end: %s. The next scrub tries again.", error)
        else:
            state.part, state.ended = "", self._clock()
        if state.damages:
            self._log_damage(state)
        elif state.ended:
            seconds = time.monotonic() - began
            _log.info(
                "The log was scrubbed: %d rows and entries fit each other, in %.0f s.", state.done, seconds
            )

    async def _step(self, steps: Iterator[ScrubStep]) -> ScrubStep | None:
        began = time.monotonic()
        step = await self._read(lambda _: next(steps, None))
        await asyncio.sleep((time.monotonic() - began) * (1 / SHARE - 1))
        return step

    def _log_damage(self, state: Scrub) -> None:
        more = f" ({len(state.damages) - 1} more)" if len(state.damages) > 1 else ""
        _log.critical(
            "The log is damaged: %s%s. Commands are refused from now on (DATA_DAMAGED), and health says "
            "NOT_SERVING; all events can still be read. foldlog scrub lists what was found, foldlog verify "
            "says where; foldlog backup and restore rebuild all indexes.",
            state.damages[0],
            more,
        )
        self._on_damage()
