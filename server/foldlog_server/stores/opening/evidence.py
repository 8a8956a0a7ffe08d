"""Whether something has seen more of a log than the log has: then what it has lost is not passed over.

Views and snapshots say how far they have seen which log. A position beyond the log's end, or one at which the
log has another chain hash or event, proves that events are missing which were acknowledged, or that another
history was put in their place. Each of them can be deleted; while it is there, it is a witness.

Nothing is written to what is looked at: neither the log nor what has seen it.
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
    """At the position; empty if the file knows the event instead."""
    event_id: str = ""
    """Of the event at the position."""


def witnesses(directory: Path) -> Sequence[Witness]:
    """What in a data directory says how far it has seen a log; what cannot be read says nothing."""
    return [*_views(directory), *_snapshots(directory)]


def untouched_witnesses(directory: Path, scratch: Path | None = None) -> Sequence[Witness]:
    """As `witnesses`, and nothing is changed beside any of them; raises `OSError` if there is no room
    for copies, in `scratch` or where the system keeps temporary files.

    SQLite makes files of its own beside what it reads, unless a server has made them.
    """
    if log_files.is_served(directory):
        return witnesses(directory)
    with TemporaryDirectory(prefix="foldlog-", dir=scratch) as copies:
        for file in [*directory.glob("views/*.db"), *directory.glob(snapshots.file_in(directory).name)]:
            beside = Path(copies) / file.relative_to(directory).parent
            beside.mkdir(exist_ok=True)
            log_files.copied(file, beside)
        return witnesses(Path(copies))


def contradictions(reader: SqliteLogReader, head: Head, all_of_them: Sequence[Witness]) -> list[Witness]:
    """Those that have seen this log otherwise than it is, the ones that have seen most of it first."""
    found = [
        witness
        for witness in all_of_them
        if witness.log_id == reader.log_id and not _agrees(reader, head, witness)
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
    except StoreError:  # damage of the log is found, and told, elsewhere
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
    except sqlite3.Error:  # what is derived keeps nobody from serving
        return
    if newest is not None:
        log_id, position, event_id = newest
        yield Witness(file, log_id, position, event_id=event_id)
