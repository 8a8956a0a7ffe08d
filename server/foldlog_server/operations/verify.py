"""Verifies a data directory, even while a server uses it, and changes nothing in it."""

import sqlite3
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from foldlog_server.domain.domain import Domains
from foldlog_server.errors import StoreError
from foldlog_server.operations.copying import recognised
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.progress import Step
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.verify_log import LogVerifier
from foldlog_server.operations.verify_snapshots import verify_snapshots
from foldlog_server.operations.verify_views import ViewsVerifier
from foldlog_server.stores.files.data_directory import CannotOpen, FormatTooNew
from foldlog_server.stores.files.log_files import Changed
from foldlog_server.stores.opening import loss
from foldlog_server.stores.opening.stored_log import StoredLog, stored_log
from foldlog_server.stores.sqlite.reader import ReadOnlyLog, SqliteLogReader
from foldlog_server.views.read_model import ReadModelUnavailable


async def verify(data: Path, domains: Domains, findings: Findings, *, full: bool) -> AsyncGenerator[Step]:
    """Verify what is stored now; yields the progress. Raises `Refused` if nothing can be verified.

    Of views and snapshots of other domains than these, only the checksums are verified.

    `full` also computes the whole chain, has SQLite check each index, and compares views with a replay and
    snapshots with folds: copies and replays need room in the system's temporary directory.
    """
    began = time.monotonic()
    try:
        with stored_log(data) as stored:
            if stored.wal.proves_a_loss:
                findings.add("log.db-wal", "", "", stored.wal.proves_a_loss)
            async for step in _verify(data, domains, stored, findings, full=full):
                yield step
    except (CannotOpen, Changed) as reason:
        raise Refused(str(reason)) from None
    except (OSError, sqlite3.Error, ReadModelUnavailable) as error:
        raise Refused(
            f"{data} cannot be verified: {error}. "
            "This needs the permission to read, and room for copies (TMPDIR)."
        ) from error
    finally:
        findings.seconds = time.monotonic() - began


async def _verify(
    data: Path, domains: Domains, stored: StoredLog, findings: Findings, *, full: bool
) -> AsyncGenerator[Step]:
    try:
        connection = recognised(stored.connection, stored.file)
        async for step in LogVerifier(connection, "log.db", findings, full=full).run():
            yield step
        reader = SqliteLogReader.on(connection, stored.file)
        if lost := loss.proved(data, reader, stored.wal):
            findings.add("log.db", "", f"position {reader.head.position}", lost)
        log = ReadOnlyLog(reader)
    except FormatTooNew:
        raise
    except (CannotOpen, sqlite3.Error, ValueError) as error:
        findings.add("log.db", "", "", f"it cannot be read as a log: {error}")
        return
    try:
        async for step in ViewsVerifier(data, domains.views, log, findings, full=full).run():
            yield step
        async for step in verify_snapshots(data, domains, log, findings, full=full):
            yield step
    except StoreError as error:
        findings.notes.append(
            f"Views and snapshots were not compared with the log, which is damaged: {error}"
        )
