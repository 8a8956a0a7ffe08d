"""Restores a backup into a data directory without a log: the new log has its own id, and knows its
ancestors."""

import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path

from foldlog_server.log.source import LogSource
from foldlog_server.operations import manifest as manifests
from foldlog_server.operations.copying import Copy, Made, Successor, recognised
from foldlog_server.operations.progress import Step
from foldlog_server.operations.refused import Refused
from foldlog_server.stores.files import durable, private_files
from foldlog_server.stores.files.data_directory import (
    CannotOpen,
    DataDirectoryLocked,
    DataDirectoryUnusable,
    log_file,
    make_directory,
)
from foldlog_server.stores.files.held_files import lock
from foldlog_server.stores.files.log_files import Changed, untouched
from foldlog_server.stores.sqlite.connections import remove_database
from foldlog_server.stores.sqlite.source import SqliteLogSource, on


class NewLog:
    """A log that is made in a data directory."""

    def __init__(
        self, data: Path, new_id: Callable[[], str], clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`new_id` returns the id of the log, `clock` nanoseconds since the epoch."""
        self._data = data
        self._new_id = new_id
        self._clock = clock
        self.made: Made
        """Set once the log is complete."""

    async def restore(self, backup: Path, to_position: int | None) -> AsyncGenerator[Step]:
        """Make the log from a backup, up to a position if one is given; raises `Refused`."""
        file = log_file(backup)
        with self._for_us_alone():
            manifest = manifests.read(backup)
            manifests.check(backup, manifest)
            yield Step("compared with its manifest", 1, 1, is_over=True)
            try:
                with untouched(backup, file) as connection:
                    source = await SqliteLogSource.open(on(recognised(connection, file)))
                    [version] = connection.execute("PRAGMA user_version").fetchone()
                    origin = source.origin
                    manifests.check_log(backup, manifest, origin.log_id, version, origin.head)
                    async with aclosing(self._make(source, to_position, "restore")) as steps:
                        async for step in steps:
                            yield step
            except (CannotOpen, Changed) as reason:
                raise Refused(str(reason)) from None
            except (OSError, sqlite3.Error) as error:
                raise Refused(f"{file} cannot be read: {error}.") from error

    async def of_source(self, source: LogSource, to_position: int | None, cause: str) -> AsyncGenerator[Step]:
        """Make the log from what a source reads; raises `Refused`."""
        with self._for_us_alone():
            async with aclosing(self._make(source, to_position, cause)) as steps:
                async for step in steps:
                    yield step

    async def _make(self, source: LogSource, to_position: int | None, cause: str) -> AsyncGenerator[Step]:
        end = source.origin.head.position
        if to_position is not None and to_position > end:
            raise Refused(f"The history ends at position {end}, before {to_position}. Name one up to {end}.")
        successor = Successor(self._new_id(), self._clock(), cause)
        copy = Copy(source, log_file(self._data), to_position, successor)
        async with aclosing(copy.run()) as steps:
            async for step in steps:
                yield step
        self.made = copy.made

    @contextmanager
    def _for_us_alone(self) -> Iterator[None]:
        """Keep servers away from the data directory until the log is complete; raises `Refused`."""
        part = durable.partial(log_file(self._data))
        try:
            is_new = not self._data.exists()
            make_directory(self._data)
            held = lock(self._data)
        except DataDirectoryLocked:
            raise Refused(
                f"Another server, restore or import is using the data directory {self._data}. "
                "Wait for it to end, or choose another directory."
            ) from None
        except OSError as error:
            raise Refused(str(DataDirectoryUnusable(self._data, error))) from error
        try:
            check_empty(self._data)
            try:
                _begin(part)
                yield
            except BaseException:
                remove_database(part)
                if is_new:
                    with suppress(OSError):  # somebody has put a file there
                        (self._data / "lock").unlink()
                        self._data.rmdir()
                raise
        finally:
            held.release()


def _begin(part: Path) -> None:
    """Mark the directory, so that no server opens it as one without a log."""
    try:
        private_files.make_file(part)
        durable.sync_directory(part.parent)
    except OSError as error:
        raise Refused(str(DataDirectoryUnusable(part.parent, error))) from error


def check_empty(data: Path) -> None:
    """Raise `Refused` if the directory holds a log, or files that were derived from one."""
    there = [name for name in ("log.db", "log.db-wal", "views", "snapshots.db") if (data / name).exists()]
    if there:
        raise Refused(
            f"{data} holds {', '.join(there)} already, and nothing is overwritten. "
            "Name a directory without them, or move them away if they are no longer needed."
        )
