"""Finds proof that a log has lost events: views or snapshots that have seen more of it than it has.

Views and snapshots record how far they have seen which log. If one of them has seen a position beyond the
log's end, or another chain hash or event at a position, then acknowledged events are missing, or another
history has taken their place. Each of these files may be deleted; while it exists, it is a witness.

Nothing is written to any file here, neither to the log nor to a witness.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.errors import StoreError
from foldlog_server.log.event_store import Head
from foldlog_server.stores.files import log_files
from foldlog_server.stores.sqlite import snapshots
from foldlog_server.stores.sqlite.connections import connect_to_read
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.views import view_files


class Witness(NamedTuple):
    """A file that has seen a log up to a position."""

    file: Path
    log_id: str
    position: int
    chain_hash: bytes = b""
    """At the position; empty if the file knows the id of the event instead."""
    event_id: str = ""
    """The id of the event at the position."""


def witnesses(directory: Path) -> Sequence[Witness]:
    """The files in a data directory that have seen a log; files that cannot be read are left out."""
    return [*_views(directory), *_snapshots(directory)]


def untouched_witnesses(directory: Path, scratch: Path | None = None) -> Sequence[Witness]:
    """As `witnesses`, but without changing anything beside them: SQLite creates files beside a database.

    Reads copies unless a server runs. Raises `OSError` if there is no room for copies in `scratch`, or where
    the system keeps temporary files.
    """
    if log_files.is_served(directory):
        return witnesses(directory)
    with TemporaryDirectory(prefix="foldlog-", dir=scratch) as copies:
        for file in [*directory.glob("views/*.db"), *directory.glob(snapshots.file_in(directory).name)]:
            beside = Path(copies) / file.relative_to(directory).parent
            beside.mkdir(exist_ok=True)
            log_files.copied(file, beside)
        return witnesses(Path(copies))


def contradictions(reader: SqliteLogReader, head: Head, seen: Sequence[Witness]) -> list[Witness]:
    """The witnesses that disagree with the log, those that have seen most of it first."""
    found = [
        witness for witness in seen if witness.log_id == reader.log_id and not _agrees(reader, head, witness)
    ]
    return sorted(found, key=lambda witness: -witness.position)


def _agrees(reader: SqliteLogReader, head: Head, witness: Witness) -> bool:
    if witness.position == 0:
        return True
    if witness.position > head.position:
        return False
    if witness.chain_hash:
        return reader.chain_hash(witness.position) == witness.chain_hash
    try:
        events = reader.read_all(from_position=witness.position, limit=1)
    except StoreError:  # damage of the log is reported elsewhere
        return True
    return RecordedEvent.FromString(events[0].record).event_id == witness.event_id


def _views(directory: Path) -> Iterator[Witness]:
    for file in sorted(directory.glob("views/*.db")):
        contents = view_files.contents_of(file)
        if contents is not None:
            yield Witness(file, contents.log_id, contents.checkpoint.position, contents.checkpoint.chain_hash)


def _snapshots(directory: Path) -> Iterator[Witness]:
    file = snapshots.file_in(directory)
    if not file.exists():
        return
    try:
        with closing(connect_to_read(file)) as connection:
            newest = snapshots.newest_of_all(connection)
    except sqlite3.Error:  # a file that can be rebuilt must not prevent a start
        return
    if newest is not None:
        log_id, position, event_id = newest
        yield Witness(file, log_id, position, event_id=event_id)
