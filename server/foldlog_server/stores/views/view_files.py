"""Chooses among the files of a view: the one that answers, the one that is being built, and those to delete.

They are named `<view>-<generation>-<number>.db`; the highest number is the newest. A file is complete once it
has answered. A file that is a little behind catches up in this process. One that is far behind answers with
what it has, until a file that a process of its own builds takes its place.
"""

import asyncio
import logging
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from foldlog_server.domain.view import AnyView
from foldlog_server.log.event_store import Log
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.stores.files import private_files
from foldlog_server.stores.sqlite.connections import (
    connect_to_read,
    connect_to_write,
    remove_database,
    set_pragmas,
)
from foldlog_server.stores.views import parked, view_check, view_checksums, view_seal
from foldlog_server.stores.views import read_model_table as sql
from foldlog_server.stores.views.view_checksums import CheckpointRow
from foldlog_server.stores.views.view_damage import as_damage
from foldlog_server.views.definition import generation
from foldlog_server.views.read_model import Checkpoint, ReadModelDamaged

FAR = 100_000
"""Events. A file that is at most so far behind catches up in the serving process, within some seconds."""

_log = logging.getLogger("foldlog.views")


class ViewFile(NamedTuple):
    """A file of a view, numbered in the order in which they were created."""

    number: int
    path: Path
    generation: str

    def delete(self) -> None:
        """Remove the file and everything beside it."""
        _remove(self.path)
        self.lock.unlink(missing_ok=True)

    @property
    def lock(self) -> Path:
        """The lock that the process holds which builds the file."""
        return self.path.with_name(f"{self.path.name}.lock")


class Contents(NamedTuple):
    """How a file describes itself."""

    log_id: str
    checkpoint: Checkpoint
    is_complete: bool


class Choice(NamedTuple):
    """Which file of a view answers, and which is being built."""

    serving: ViewFile
    follows: bool
    """Whether it can catch up by itself; if not, another file must be built."""
    building: ViewFile | None
    """A file that was being built, if any."""


async def choose(view: AnyView, directory: Path, log: Log) -> Choice:
    """The files of a view to continue with; creates one if there is none, and deletes useless ones."""
    files = _files_of(view, directory)
    current = generation(view)
    complete: list[tuple[bool, ViewFile, Contents]] = []
    building: list[ViewFile] = []
    for file in files:
        contents = await whole_contents_of(file, view)
        if contents is None or not await fits(log, contents):
            continue
        if not contents.is_complete:
            building += [file] if file.generation == current else []
        elif file.generation == current or _has_tables(file.path, view):
            complete.append((file.generation == current, file, contents))
    if complete:
        is_current, serving, contents = max(complete)
        follows = is_current and log.head.position - contents.checkpoint.position <= FAR
    else:
        serving, follows = new_file(view, directory), log.head.position <= FAR
        make(serving.path, view, log.log_id, is_complete=True)
    newest = max([file for file in building if file.number > serving.number], default=None)
    for file in files:
        if file not in (serving, newest):
            file.delete()
    return Choice(serving, follows, newest)


def new_file(view: AnyView, directory: Path, above: int = 0) -> ViewFile:
    """The next file of a view, which does not exist yet.

    Its number is above those of all files, and above that of a file which is still open: that may have been
    removed from the directory, but will be deleted by its name later.
    """
    number = max([above, *(file.number for file in _files_of(view, directory))]) + 1
    return file_of(directory, view.name, generation(view), number)


def file_of(directory: Path, view_name: str, generation: str, number: int) -> ViewFile:
    """The file with these parts in its name."""
    return ViewFile(number, directory / f"{view_name}-{generation}-{number}.db", generation)


def contents_of(path: Path) -> Contents | None:
    """How a file describes itself; None if it is missing or damaged.

    Raises SQLite's error if it is not damage: a file is not given up because of a shortage.
    """
    if not path.exists():
        return None
    try:
        with closing(connect_to_read(path)) as connection:
            row = view_checksums.checkpoint_row(connection.execute(sql.READ_CHECKPOINT).fetchone())
    except (sqlite3.DatabaseError, ReadModelDamaged) as error:
        if as_damage(error) is None:
            raise
        return None
    return Contents(row.log_id, row.checkpoint, bool(row.is_complete))


async def whole_contents_of(file: ViewFile, view: AnyView) -> Contents | None:
    """How a file that nobody writes describes itself; if it is damaged, logs that and returns None."""
    contents = contents_of(file.path)
    tables = tables_of(view) if file.generation == generation(view) else None
    damage = "it cannot be read"
    if contents is not None:
        damage = await asyncio.to_thread(view_check.damage_of, file.path, tables)
    if damage and file.path.exists():
        _log.warning("%s is rebuilt, because it is damaged: %s.", file.path, damage)
    return None if damage else contents


async def fits(log: Log, contents: Contents) -> bool:
    """Whether a file has seen this log, which still has the same chain hash at the checkpoint."""
    if contents.log_id != log.log_id:
        return False
    position, chain_hash = contents.checkpoint
    return position == 0 or await log.chain_hash_at(position) == chain_hash


def make(path: Path, view: AnyView, log_id: str, *, is_complete: bool) -> None:
    """Create a file without documents, in place of any existing one."""
    _remove(path)
    private_files.make_file(path)
    with closing(connect_to_write(path)) as connection:
        set_up(connection)
        connection.execute("BEGIN")
        for table in tables_of(view).values():
            for statement in table.create():
                connection.execute(statement)
        connection.execute(parked.CREATE)
        connection.execute(sql.CREATE_CHECKPOINT)
        row = CheckpointRow(log_id, 0, NO_CHAIN, new_edition(), int(is_complete), 0)
        connection.execute(sql.BEGIN_CHECKPOINT, (*row, row.checksum))
        connection.execute("COMMIT")
    view_seal.put(path, 0)


def new_edition() -> str:
    """A unique name for a set of documents."""
    return secrets.token_hex(8)


def set_up(connection: sqlite3.Connection) -> None:
    """Set a connection up to write."""
    set_pragmas(connection, sql.WRITER_PRAGMAS)


def tables_of(view: AnyView) -> Mapping[str, sql.Table]:
    """The table of each collection."""
    return {name: sql.Table.of(name, document) for name, document in view.collections.items()}


def tables_in(connection: sqlite3.Connection, file: ViewFile, view: AnyView) -> Mapping[str, sql.Table]:
    """The table of each collection in a file; a former definition may have other columns."""
    tables = tables_of(view)
    if file.generation == generation(view):
        return tables
    return {
        name: sql.Table.stored(name, connection.execute(table.columns_of).fetchall())
        for name, table in tables.items()
    }


def _files_of(view: AnyView, directory: Path) -> Sequence[ViewFile]:
    """All files of a view; those of former releases have no number, which counts as 0."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = re.compile(re.escape(view.name) + r"-([0-9a-f]{16})(?:-(\d{1,18}))?\.db")
    found: Iterator[re.Match[str]] = filter(None, (name.fullmatch(path.name) for path in directory.iterdir()))
    return [ViewFile(int(match[2] or 0), directory / match[0], match[1]) for match in found]


def _remove(path: Path) -> None:
    """Remove a database, everything that SQLite keeps beside it, and its seal."""
    remove_database(path)
    view_seal.seal_of(path).unlink(missing_ok=True)


def _has_tables(path: Path, view: AnyView) -> bool:
    """Whether a file of another definition has each collection; it cannot be searched by columns that it
    lacks."""
    try:
        with closing(connect_to_read(path)) as connection:
            for table in tables_of(view).values():
                connection.execute(table.probe)
    except sqlite3.DatabaseError as error:
        if as_damage(error) is None:
            raise
        return False
    return True
