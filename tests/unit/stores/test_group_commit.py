"""Entries that gather go in one batch, a lone entry does not wait, and order is kept."""

import asyncio
from collections.abc import Callable

import pytest

from foldlog_server.stores.group_commit import MAX_BATCH_ENTRIES, MAX_BATCH_WEIGHT, GroupCommit


class Writer:
    """A writer that finishes a batch when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = asyncio.Event()
        self._go = asyncio.Event()

    async def write(self, batch: list[int]) -> None:
        self.batches.append(batch)
        self.started.set()
        await self._go.wait()

    def finish(self) -> None:
        """Finish the batch that waits, and all later ones."""
        self._go.set()


async def turns_until(condition: Callable[[], bool]) -> int:
    for count in range(1000):
        if condition():
            return count
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


@pytest.fixture
async def writer() -> Writer:
    return Writer()


@pytest.fixture
async def commits(writer: Writer) -> GroupCommit[int]:
    return GroupCommit(writer.write, lambda entry: 1)


async def test_a_lone_entry_does_not_linger(writer: Writer, commits: GroupCommit[int]) -> None:
    for count in range(1, 4):
        commits.add(count)
        assert await turns_until(lambda count=count: len(writer.batches) == count) <= 2  # type: ignore[misc]
        writer.finish()
        await commits.drained()


async def test_entries_gather_while_the_writer_is_busy(writer: Writer, commits: GroupCommit[int]) -> None:
    commits.add(1)
    await writer.started.wait()
    for entry in range(2, 6):
        commits.add(entry)
        await asyncio.sleep(0)
    writer.finish()
    await commits.drained()

    assert writer.batches == [[1], [2, 3, 4, 5]]


async def test_what_is_added_in_one_turn_goes_together(writer: Writer, commits: GroupCommit[int]) -> None:
    for entry in range(1, 4):
        commits.add(entry)
    writer.finish()
    await commits.drained()

    assert writer.batches == [[1, 2, 3]]


async def test_a_batch_is_bounded_in_entries(writer: Writer, commits: GroupCommit[int]) -> None:
    for entry in range(MAX_BATCH_ENTRIES * 2 + 1):
        commits.add(entry)
    writer.finish()
    await commits.drained()

    assert [len(batch) for batch in writer.batches] == [MAX_BATCH_ENTRIES, MAX_BATCH_ENTRIES, 1]
    assert [entry for batch in writer.batches for entry in batch] == list(range(MAX_BATCH_ENTRIES * 2 + 1))


async def test_a_batch_is_bounded_in_weight_and_has_one_entry_at_least(writer: Writer) -> None:
    commits = GroupCommit(writer.write, lambda entry: entry)
    half = MAX_BATCH_WEIGHT // 2
    for entry in [half, half, 1, MAX_BATCH_WEIGHT + 1, 2]:
        commits.add(entry)
    writer.finish()
    await commits.drained()

    assert writer.batches == [[half, half], [1], [MAX_BATCH_WEIGHT + 1], [2]]
