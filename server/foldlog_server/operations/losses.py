"""Keeps a log that has lost what was acknowledged from being copied as if it were whole."""

from pathlib import Path
from tempfile import gettempdir

from foldlog_server.operations.refused import Refused
from foldlog_server.stores.files.data_directory import log_file
from foldlog_server.stores.files.wal_file import WalState
from foldlog_server.stores.opening import loss
from foldlog_server.stores.sqlite.reader import SqliteLogReader


def refuse_losses(data: Path, reader: SqliteLogReader, wal: WalState, scratch: Path | None = None) -> None:
    """Raise `Refused` if something proves that a log has lost events, with what `foldlog verify` says of it.

    `reader` reads the log, `wal` is its write-ahead log as it was left. What has seen the log is copied
    to `scratch`, or where the system keeps temporary files.
    """
    try:
        lost = loss.proved(data, reader, wal, scratch)
    except OSError as error:
        place = f"in {scratch}" if scratch else f"in {gettempdir()} (TMPDIR)"
        raise Refused(
            f"Views and snapshots in {data} cannot be held against the log: {error}. "
            f"It takes the right to read them, and room for copies {place}."
        ) from error
    if lost:
        raise Refused(f"{log_file(data)} is not whole: {lost}")
