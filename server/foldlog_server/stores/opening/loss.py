"""Refuses to open a log that has lost acknowledged events, so that what is left of it is not overwritten.

This is checked before any connection that could write, recover or checkpoint. Putting the missing files back
keeps everything; otherwise `foldlog accept-loss` turns what is left into another log.
"""

import filecmp
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from foldlog_server.log.event_store import Head
from foldlog_server.stores.files import durable, private_files, wal_file
from foldlog_server.stores.files.data_directory import CannotOpen, NoLog, NotALog, log_file
from foldlog_server.stores.files.held_files import HeldFiles
from foldlog_server.stores.files.log_files import is_served
from foldlog_server.stores.files.wal_file import WalState
from foldlog_server.stores.opening import evidence, path_checks
from foldlog_server.stores.opening.evidence import Witness
from foldlog_server.stores.sqlite import schema
from foldlog_server.stores.sqlite.connections import connect_to_write
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.sqlite.statements import statement

_SELECT_LOG = statement("select_log")
_UPDATE_LOG = statement("update_log")
_INSERT_ANCESTOR = statement("insert_ancestor")

MARK_BYTES = 8
"""So much of the chain hash is shown to people."""


class LogMissing(CannotOpen):
    """There is no log, but a view or a snapshot has seen one."""

    def __init__(self, directory: Path, witness: Witness) -> None:
        super().__init__(
            f"There is no log in {directory}, but {witness.file.name} has seen log {witness.log_id} up to "
            f"position {witness.position:,}. Put log.db (with its log.db-wal, if there was one) back, or "
            "restore a backup; for a new log, choose another data directory."
        )


class LogReplaced(CannotOpen):
    """The file in the place of the log is not a log."""

    def __init__(self, file: Path, witness: Witness) -> None:
        super().__init__(
            f"{file} is not a Foldlog log, or its beginning is damaged, but {witness.file.name} beside it "
            f"has seen log {witness.log_id} up to position {witness.position:,}. Nothing was changed. Keep a "
            "copy of what is there, and put the log back, or restore a backup into another data directory."
        )


class LogHasLost(CannotOpen):
    """Acknowledged events are missing."""

    def __init__(
        self, directory: Path, head: Head, found: Sequence[Witness], wal: WalState, copy: str
    ) -> None:
        end = mark_of(head)
        super().__init__(
            f"The log in {directory} ends at {end}, and has lost what was stored: {_proof(found, wal)}. "
            f"{_clue(found, head, wal)}Nothing was changed; {copy}. Put the missing files back, or "
            "restore a backup; to continue without them, as another log: "
            f"foldlog accept-loss {directory} --head {end}"
        )
        self.head = head


class Unfinished(CannotOpen):
    """There is no log yet, but a restore or import had begun to write one."""

    def __init__(self, part: Path) -> None:
        super().__init__(
            f"A restore or import has not been finished in {part.parent}: there is {part.name}, and no "
            f"log.db. Run it again, or remove {part.name} for a new log."
        )


def mark_of(head: Head) -> str:
    """A head as people see it: its position and the beginning of the chain hash there."""
    return f"{head.position}:{head.chain_hash[:MARK_BYTES].hex()}"


def check_that_there_is_a_log(directory: Path) -> None:
    """Raise `LogMissing` or `WalAlone` if the log is missing or empty, but something has seen it.

    Raise `Unfinished` if a restore or import had begun to write one.
    """
    file = log_file(directory)
    if file.exists() and file.stat().st_size:
        return
    _check_no_witness(directory)
    wal_file.check_not_alone(file)
    if (part := durable.partial(file)).exists():
        raise Unfinished(part)


def _check_no_witness(directory: Path) -> None:
    if witness := _best_witness(directory):
        raise LogMissing(directory, witness)


def _best_witness(directory: Path) -> Witness | None:
    seen = [witness for witness in evidence.witnesses(directory) if witness.position > 0]
    return max(seen, key=lambda witness: witness.position, default=None)


def check_that_nothing_is_lost(directory: Path) -> None:
    """Raise `LogHasLost` if the log has lost events; nobody else may be writing it."""
    file = log_file(directory)
    if path_checks.is_begun(file):
        _check_no_witness(directory)
        return
    path_checks.check_journal(file)
    wal = wal_file.state_of(wal_file.wal_of(file))
    with _reader(directory, file) as reader:
        path_checks.check_wal_belongs(file, reader)
        head = reader.head
        found = evidence.contradictions(reader, head, evidence.witnesses(directory))
    if found or wal.proves_a_loss:
        raise LogHasLost(directory, head, found, wal, _copied(directory, head))


def wal_left_in(directory: Path) -> WalState:
    """The write-ahead log that a former server left; an empty state while a server is writing."""
    return WalState() if is_served(directory) else wal_file.state_of(wal_file.wal_of(log_file(directory)))


def proved(directory: Path, reader: SqliteLogReader, wal: WalState, scratch: Path | None = None) -> str:
    """One line for people about what a log has lost; empty if nothing proves a loss.

    Changes nothing in the directory, which a server may be using. `wal` is the write-ahead log as it was
    left. Raises `OSError` if there is no room for copies of the witnesses, in `scratch` or where the system
    keeps temporary files.
    """
    # Before the head is read: a running server shows views only events that the log already has.
    seen = evidence.untouched_witnesses(directory, scratch)
    head = reader.head
    found = evidence.contradictions(reader, head, seen)
    if not found and not wal.proves_a_loss:
        return ""
    end = mark_of(head)
    return (
        f"it ends at {end}, and has lost what was stored: {_proof(found, wal)}. "
        f"{_clue(found, head, wal)}Put the missing files back, or restore a backup; to continue without "
        f"them, as another log: foldlog accept-loss {directory} --head {end}"
    )


def _reader(directory: Path, file: Path) -> SqliteLogReader:
    try:
        return SqliteLogReader.open(directory)
    except NotALog:
        if schema.calls_itself_a_log(file):  # so it is the write-ahead log that hides the log
            raise path_checks.ForeignWal(wal_file.wal_of(file), 0) from None
        if witness := _best_witness(directory):
            raise LogReplaced(file, witness) from None
        raise


def _proof(found: Sequence[Witness], wal: WalState) -> str:
    parts = []
    if found:
        first = found[0]
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        parts.append(f"{first.file.name}{others} has seen it up to position {first.position:,}")
    if wal.proves_a_loss:
        parts.append(wal.proves_a_loss)
    return ", and ".join(parts)


def _clue(found: Sequence[Witness], head: Head, wal: WalState) -> str:
    if wal.proves_a_loss or not found:
        return ""
    if found[0].position <= head.position:
        return "Its history differs from what they have seen: perhaps only they come from another copy. "
    return "Perhaps an older copy of log.db was put back, or log.db-wal was removed or cut. "


def _copied(directory: Path, head: Head) -> str:
    """Copy the log's files aside, unless that copy exists; returns text for people about where they are."""
    name = f"lost-{mark_of(head).replace(':', '-')}"
    database = log_file(directory)
    files = [file for file in (database, wal_file.wal_of(database)) if file.exists()]
    unfinished = directory / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for number in count(1):  # files that were put back since the last refusal are copied, too
            aside = directory / (name if number == 1 else f"{name}-{number}")
            if not aside.exists():
                break
            if _is_copy(aside, files):
                return f"copies of log.db and log.db-wal are in {aside}"
        unfinished.mkdir(mode=0o700)
        for file in files:
            _copy(file, unfinished / file.name)
        unfinished.rename(aside)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        return f"copy log.db and log.db-wal aside first, which failed here ({error.strerror})"
    return f"copies of log.db and log.db-wal are in {aside}"


def _is_copy(directory: Path, files: Sequence[Path]) -> bool:
    """Whether a directory holds exact copies of these files, and nothing else."""
    names = [file.name for file in files]
    matching, _, _ = filecmp.cmpfiles(directory, files[0].parent, names, shallow=False)
    return sorted(matching) == sorted(os.listdir(directory)) == sorted(names)


def _copy(source: Path, target: Path) -> None:
    private_files.make_file(target)
    with source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1024 * 1024)
        writing.flush()
        os.fsync(writing.fileno())


class LossNotAccepted(CannotOpen):
    """The loss that is to be accepted is not the loss of this log."""


def accept(directory: Path, head: str, new_id: Callable[[], str], now: int) -> str:
    """Turn what is left of a log that has lost events into another log; returns the new log's id.

    `head` is the end that the refusal to open it named: it permits that end and no other. Both logs share the
    history that is left, and the former log becomes an ancestor. Files that have seen more belong to the
    former log then, and are rebuilt. Raises `CannotOpen`.
    """
    file = log_file(directory)
    path_checks.check_kinds(directory)
    check_that_there_is_a_log(directory)
    if not file.exists():  # locking would create it
        raise NoLog(directory)
    with closing(HeldFiles(directory, file)):
        try:
            check_that_nothing_is_lost(directory)
        except LogHasLost as loss:
            if mark_of(loss.head) != head:
                raise LossNotAccepted(
                    f"The log in {directory} ends at {mark_of(loss.head)}, and not at {head}. "
                    "Give the end that foldlog serve names when it refuses to open the log."
                ) from None
            return _give_new_id(file, loss.head, new_id(), now)
    raise LossNotAccepted(f"The log in {directory} shows no sign of a loss. Serve it as it is.")


def _give_new_id(file: Path, head: Head, log_id: str, now: int) -> str:
    with closing(connect_to_write(file)) as connection:
        schema.set_up_existing(connection, file)
        [former] = connection.execute(_SELECT_LOG).fetchone()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_INSERT_ANCESTOR, (former, head.position, head.chain_hash, now, "accept-loss"))
        connection.execute(_UPDATE_LOG, (log_id,))
        connection.execute("COMMIT")
    return log_id
