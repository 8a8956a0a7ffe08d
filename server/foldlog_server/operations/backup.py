"""Takes a backup: a log of its own, with all that was stored when it began, verified, and a manifest."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from foldlog_server.core.backup_stream import Incomplete
from foldlog_server.core.log_source import LogSource
from foldlog_server.operations import manifest as manifests
from foldlog_server.operations.copying import Copy, discard, recognised, told_failures
from foldlog_server.operations.manifest import Manifest
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.remote import log_at
from foldlog_server.progress import Step
from foldlog_server.stores import loss, sqlite_schema
from foldlog_server.stores.log_files import Changed, untouched
from foldlog_server.stores.opening import CannotOpen, NoLog
from foldlog_server.stores.sqlite_source import SqliteLogSource, on


class Backup:
    """One backup that is taken."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self.manifest: Manifest
        """Once it is done."""

    async def of_directory(self, data: Path) -> AsyncGenerator[Step]:
        """Back up a data directory, which a server may be using and writing; raises `Refused`."""
        file = sqlite_schema.log_file(data)
        try:
            if not file.is_file():
                raise NoLog(data)
            check_write_ahead_log(data)
            made = make_room(self._destination)
            try:
                with untouched(data, file, scratch=self._destination) as connection:
                    source = await SqliteLogSource.open(on(recognised(connection, file)))
                    async with aclosing(self._take(source)) as steps:
                        async for step in steps:
                            yield step
            except BaseException:
                give_up(self._destination, made)
                raise
        except (CannotOpen, Changed) as reason:
            raise Refused(str(reason)) from None
        except (OSError, sqlite3.Error) as error:
            raise Refused(f"{file} cannot be read: {error}.") from error

    async def of_server(self, address: str) -> AsyncGenerator[Step]:
        """Back up the log of a running server, also when its files are gone.

        Raises `Refused`, and the client's `FoldlogError`.
        """
        try:
            async with log_at(address) as source, aclosing(self.of_source(source)) as steps:
                async for step in steps:
                    yield step
        except Incomplete as reason:
            raise Refused(f"The server at {address} gave no whole backup: {reason}. Run it again.") from None

    async def of_source(self, source: LogSource) -> AsyncGenerator[Step]:
        """Back up what a source gives; raises `Refused`."""
        made = make_room(self._destination)
        try:
            async with aclosing(self._take(source)) as steps:
                async for step in steps:
                    yield step
        except BaseException:
            give_up(self._destination, made)
            raise

    async def _take(self, source: LogSource) -> AsyncGenerator[Step]:
        taken, file = datetime.now(UTC), sqlite_schema.log_file(self._destination)
        copy = Copy(source, file, None, None)
        async with aclosing(copy.run()) as steps:
            async for step in steps:
                yield step
        with told_failures(file):
            manifest = manifests.made(file, copy.made, taken)
            manifests.write(self._destination, manifest)
        self.manifest = manifest


def check_write_ahead_log(data: Path) -> None:
    """Raise `Refused` where SQLite would drop what was acknowledged, and a copy would lack it in silence."""
    if lost := loss.wal_left_in(data).proves_a_loss:
        raise Refused(
            f"{sqlite_schema.log_file(data)} is not whole: {lost}, and would not be copied. "
            "Put the file right from another copy, or go on without them: `foldlog serve` tells how."
        )


def make_room(destination: Path) -> bool:
    """Make the directory of a backup; gives whether it was not there. Raises `Refused`."""
    try:
        if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
            raise Refused(
                f"{destination} is there already, and nothing is overwritten. "
                "Name a directory that is empty or does not exist."
            )
        is_new = not destination.exists()
        sqlite_schema.make_directory(destination)
    except OSError as error:
        raise Refused(f"{destination} cannot be made: {error}. Choose another place.") from error
    return is_new


def give_up(destination: Path, is_new: bool) -> None:
    """Leave nothing of a backup that has failed."""
    discard(sqlite_schema.log_file(destination))
    (destination / manifests.NAME).unlink(missing_ok=True)
    if is_new:
        destination.rmdir()
