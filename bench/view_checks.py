"""What it costs that views look at checksums and at their files: the same work with and without, in turn.

`python -m bench.view_checks [ROUNDS]`: CPU time of the process, of writes (500 documents a batch, changed
again and again), point reads that are not answered from memory, and pages of 50.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from foldlog.orders.v1.queries_pb2 import CurrentOrder
from foldlog_server.domain.view import AnyView, Key, View
from foldlog_server.stores.views import view_checksums, view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.views.watched_files import WatchedFiles
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.views.definition import generation, indexed_columns
from foldlog_server.views.read_model import Change, Checkpoint

VIEW: AnyView = View(
    name="bench",
    collections={"orders": CurrentOrder},
    events=(),
    keys=lambda recorded: (),
    evolve=lambda key, document, recorded: None,
)
COLUMNS = indexed_columns(CurrentOrder)
DOCUMENTS = 5000
BATCH = 500


def change(number: int, turn: int) -> Change:
    """A document as it is at its first write, and at later ones."""
    order = CurrentOrder(order_id=f"{number:08d}", customer_id=f"c{number % 97}", item_count=turn + 1)
    columns = tuple(column.value(order) for column in COLUMNS)
    made = number + 1 if turn == 0 else None
    return Change(Key("orders", order.order_id), order.SerializeToString(), columns, made)


@contextmanager
def unchecked() -> Iterator[None]:
    """Without all that this measures, but for the columns that it takes."""
    with (
        patch.object(view_checksums, "of_document", lambda *_: 0),
        patch.object(view_checksums, "of_place", lambda *_: 0),
        patch.object(view_checksums, "checked_document", lambda _, row, __: row[-1]),
        patch.object(view_checksums, "check_place", lambda *_: None),
        patch.object(WatchedFiles, "check", lambda _: None),
    ):
        yield


async def work(directory: Path) -> dict[str, float]:
    """CPU seconds of each kind of work on one new file."""
    file = view_files.file_of(directory, VIEW.name, generation(VIEW), 1)
    view_files.make(file.path, VIEW, "log", is_complete=True)
    model = await SqliteReadModel.open(file, VIEW, WriterThread())
    batches = [
        [change(number, turn) for number in range(start, start + BATCH)]
        for turn in range(3)
        for start in range(0, DOCUMENTS, BATCH)
    ]
    took: dict[str, float] = {}
    began = time.process_time()
    for batch in batches:
        model.load([one.key for one in batch])
        await model.write(batch, model.position, Checkpoint(model.position + 1, bytes(32)))
    took["writes"] = time.process_time() - began
    keys = [Key("orders", f"{random.randrange(DOCUMENTS):08d}") for _ in range(20_000)]
    began = time.process_time()
    for key in keys:
        model._read(key)
        model._files.check()
    took["point reads"] = time.process_time() - began
    began = time.process_time()
    for _ in range(400):
        await model.page("orders", limit=50)
    took["pages"] = time.process_time() - began
    await model.close()
    return took


def measured() -> dict[str, float]:
    """One run in a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(work(Path(directory)))


def main(rounds: int) -> None:
    """Print the ratios."""
    ratios: dict[str, list[float]] = {}
    for _ in range(rounds):
        with unchecked():
            without = measured()
        for name, seconds in measured().items():
            ratios.setdefault(name, []).append(seconds / without[name])
    for name, found in ratios.items():
        print(f"{name}: with ÷ without {statistics.median(found):.3f} ({min(found):.3f} … {max(found):.3f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
