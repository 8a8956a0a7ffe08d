"""Prevents a log that has lost acknowledged events from being copied as if it were complete."""

from pathlib import Path
from tempfile import gettempdir

from foldlog_server.operations.refused import Refused
from foldlog_server.stores.files.data_directory import log_file
from foldlog_server.stores.files.wal_file import WalState
from foldlog_server.stores.opening import loss
from foldlog_server.stores.sqlite.reader import SqliteLogReader


def refuse_losses(data: Path, reader: SqliteLogReader, wal: WalState, scratch: Path | None = None) -> None:
    """Raise `Refused` if it is proved that a log has lost events, with the reason that `foldlog
    verify` gives.

    `reader` reads the log, `wal` is the state of its write-ahead log. Views and snapshots, which may have
    seen more of the log, are copied to `scratch`, or to the system's temporary directory.
    """
    try:
        lost = loss.proved(data, reader, wal, scratch)
    except OSError as error:
        place = f"in {scratch}" if scratch else f"in {gettempdir()} (TMPDIR)"
        raise Refused(
            f"Views and snapshots in {data} cannot be compared with the log: {error}. "
            f"This needs the permission to read them, and room for copies {place}."
        ) from error
    if lost:
        raise Refused(f"{log_file(data)} is incomplete: {lost}")
