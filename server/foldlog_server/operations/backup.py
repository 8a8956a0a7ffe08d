"""Takes a backup: a log of its own, with all that was stored when it began, verified, and a manifest."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from foldlog_server.core.backup_stream import Incomplete
from foldlog_server.core.log_source import LogSource
from foldlog_server.operations import manifest as manifests
from foldlog_server.operations.copying import Copy, recognised, told_failures
from foldlog_server.operations.destination import room
from foldlog_server.operations.losses import refuse_losses
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
            loss.check_that_there_is_a_log(data)
            if not file.is_file():
                raise NoLog(data)
            wal, scratch = loss.wal_left_in(data), self._destination
            with room(scratch), untouched(data, file, scratch) as connection:
                with told_failures(sqlite_schema.log_file(self._destination)):
                    source = await SqliteLogSource.open(on(recognised(connection, file)))
                    refuse_losses(data, connection, source.origin.log_id, wal, scratch)
                async with aclosing(self._take(source)) as steps:
                    async for step in steps:
                        yield step
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
        with room(self._destination):
            async with aclosing(self._take(source)) as steps:
                async for step in steps:
                    yield step

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
