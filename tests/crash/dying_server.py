"""Serves a data directory, prints its address, and ends without warning at a point of its first commit.

python -m tests.crash.dying_server <data> <point> [<number>]
"""

import asyncio
import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foldlog_server.app.app import App
from foldlog_server.settings import Settings
from foldlog_server.stores.sqlite import batch_insert, writer
from foldlog_server.transport.arrivals import Arrivals

Rows = list[Any]

_commit = batch_insert.commit


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_insert(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    die()


def after_rows(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    """After so many rows of events."""
    position = events[number][0]
    connection.create_function("die", 0, die)
    connection.execute(
        f"CREATE TEMP TRIGGER die AFTER INSERT ON events WHEN NEW.position = {position} BEGIN SELECT die(); END"
    )
    _commit(connection, events, requests)


def after_the_insert(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    """After the last row, which is a request's; before the commit."""
    connection.create_function("die", 0, die)
    [name] = connection.execute(
        "SELECT name FROM sqlite_master WHERE name GLOB 'requests_until_*'"
    ).fetchone()
    connection.execute("CREATE TEMP TABLE last AS SELECT ? AS key", (requests[-1][1],))
    connection.execute(
        f"CREATE TEMP TRIGGER die AFTER INSERT ON {name} WHEN NEW.key = (SELECT key FROM last)"
        " BEGIN SELECT die(); END"
    )
    _commit(connection, events, requests)


def at_the_commit(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    """When so many bytes of the commit have been written: the system ends who writes more than it may."""
    [(_, _, file)] = connection.execute("PRAGMA database_list").fetchall()[:1]
    size = os.path.getsize(f"{file}-wal")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + number, size + number))
    _commit(connection, events, requests)


def after_the_commit(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    _commit(connection, events, requests)
    die()


def while_it_answers(connection: sqlite3.Connection, events: Rows, requests: Rows, number: int) -> None:
    """So many turns of the loop after the answer was handed over."""
    _commit(connection, events, requests)
    leave = Arrivals.leave

    def leave_and_die(self: Arrivals) -> None:
        leave(self)
        _after(asyncio.get_running_loop(), number)

    Arrivals.leave = leave_and_die  # type: ignore[method-assign]


def _after(loop: asyncio.AbstractEventLoop, turns: int) -> None:
    if turns:
        loop.call_soon(_after, loop, turns - 1)
    else:
        die()


POINTS: dict[str, Callable[[sqlite3.Connection, Rows, Rows, int], None]] = {
    point.__name__: point
    for point in (
        before_the_insert,
        after_rows,
        after_the_insert,
        at_the_commit,
        after_the_commit,
        while_it_answers,
    )
}


async def serve(data: Path, point: str, number: int) -> None:
    def commit(connection: sqlite3.Connection, events: Rows, requests: Rows, others: Rows) -> None:
        writer.commit = _commit  # type: ignore[attr-defined]  # one commit is enough
        POINTS[point](connection, events, requests, number)

    if point:
        writer.commit = commit  # type: ignore[assignment, attr-defined]
    app = await App.start(Settings("127.0.0.1:0", data))
    print(f"127.0.0.1:{app.port}", flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and only the main thread may say so
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
