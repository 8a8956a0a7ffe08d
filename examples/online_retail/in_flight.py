"""Works on many things at once, up to a limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do the work on every item. The first failure stops the rest and is raised as it is."""
    left = iter(items)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_take_turns(left, work))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _take_turns(left: Iterator[T], work: Callable[[T], Awaitable[None]]) -> None:
    for item in left:
        await work(item)
