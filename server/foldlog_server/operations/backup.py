"""Takes a backup: a verified copy of the log as it was when the backup began, and a manifest."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from foldlog_server.log.backup_stream import Incomplete
from foldlog_server.log.source import LogSource
from foldlog_server.operations import manifest as manifests
from foldlog_server.operations.copying import Copy, errors_as_refusals
from foldlog_server.operations.destination import room
from foldlog_server.operations.losses import refuse_losses
from foldlog_server.operations.manifest import Manifest
from foldlog_server.operations.progress import Step
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.remote import log_at
from foldlog_server.stores.files.data_directory import CannotOpen, log_file
from foldlog_server.stores.files.log_files import Changed
from foldlog_server.stores.opening.stored_log import stored_log
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.sqlite.source import SqliteLogSource, on


class Backup:
    """One backup."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self.manifest: Manifest
        """Set once the backup is complete."""

    async def of_directory(self, data: Path) -> AsyncGenerator[Step]:
        """Back up a data directory, which a server may be writing; raises `Refused`."""
        scratch = self._destination
        try:
            with room(scratch), stored_log(data, scratch) as stored:
                with errors_as_refusals(log_file(scratch)):
                    reader = SqliteLogReader.on(stored.connection, stored.file)
                    refuse_losses(data, reader, stored.wal, scratch)
                    source = await SqliteLogSource.open(on(stored.connection))
                async with aclosing(self._take(source)) as steps:
                    async for step in steps:
                        yield step
        except (CannotOpen, Changed) as reason:
            raise Refused(str(reason)) from None
        except (OSError, sqlite3.Error) as error:
            raise Refused(f"{log_file(data)} cannot be read: {error}.") from error

    async def of_server(self, address: str) -> AsyncGenerator[Step]:
        """Back up the log of a running server, even if its files were removed.

        Raises `Refused`, and the client's `FoldlogError`.
        """
        try:
            async with log_at(address) as source, aclosing(self.of_source(source)) as steps:
                async for step in steps:
                    yield step
        except Incomplete as reason:
            raise Refused(
                f"The server at {address} sent an incomplete backup: {reason}. Run it again."
            ) from None

    async def of_source(self, source: LogSource) -> AsyncGenerator[Step]:
        """Back up the log that a source reads; raises `Refused`."""
        with room(self._destination):
            async with aclosing(self._take(source)) as steps:
                async for step in steps:
                    yield step

    async def _take(self, source: LogSource) -> AsyncGenerator[Step]:
        taken, file = datetime.now(UTC), log_file(self._destination)
        copy = Copy(source, file, None, None)
        async with aclosing(copy.run()) as steps:
            async for step in steps:
                yield step
        with errors_as_refusals(file):
            manifest = manifests.made(file, copy.made, taken)
            manifests.write(self._destination, manifest)
        self.manifest = manifest
