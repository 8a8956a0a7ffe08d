"""Verifies snapshots against their checksums and, in full, against the folds of their streams."""

import sqlite3
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.commands.snapshots import kind
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.domain import Domains
from foldlog_server.log.codec import Codec
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.progress import Step
from foldlog_server.stores.files.log_files import untouched
from foldlog_server.stores.sqlite import snapshots
from foldlog_server.stores.sqlite.reader import ReadOnlyLog
from foldlog_server.stores.sqlite.statements import statement

NAME = "snapshots.db"

_WALK = statement("walk_snapshots")
_PAGE = 1_000


class _Kept(NamedTuple):
    stream: str
    kind: str
    version: int
    position: int
    time: int
    event_id: str
    crc: int
    state: bytes

    @property
    def where(self) -> str:
        return f"{self.stream}, version {self.version}"


async def verify_snapshots(
    data: Path, domains: Domains, log: ReadOnlyLog, findings: Findings, *, full: bool
) -> AsyncGenerator[Step]:
    """Verify all snapshots; yields the progress. `full` also folds their streams."""
    file = snapshots.file_in(data)
    if not file.exists():
        return
    deciders = {kind(decider): decider for decider in domains.deciders.values()}
    try:
        with untouched(data, file) as connection:
            kept = _read(connection, log, findings, full=full)
    except (sqlite3.Error, TypeError, ValueError) as error:
        findings.add(NAME, "", "", f"cannot be read: {error}. States are folded from the log without it")
        return
    for number, (place, group) in enumerate(groupby(kept, lambda one: (one.stream, one.kind))):
        decider = deciders.get(place[1])
        if full and decider is not None:
            await _fold(log, domains.codec, decider, list(group), findings)
            yield Step("snapshots", number, 0)
    yield Step("snapshots", len(kept), len(kept), is_over=True)


def _read(connection: sqlite3.Connection, log: ReadOnlyLog, findings: Findings, *, full: bool) -> list[_Kept]:
    """The snapshots that match their checksum and belong to this log."""
    for (line,) in connection.execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}").fetchall():
        if line != "ok":
            findings.add(NAME, "", "", f"SQLite says: {line}")
    row = connection.execute("SELECT log_id FROM log").fetchone()
    if row is None or row[0] != log.log_id:
        findings.notes.append(f"{NAME} is of another log, and will be rebuilt.")
        return []
    kept = []
    for row in connection.execute(_WALK).fetchall():
        one = _Kept(*row)
        if _crc(one) != one.crc:
            findings.add(NAME, "snapshots", one.where, "state and checksum do not fit")
        elif one.position > log.head.position:
            what = f"it has seen position {one.position}, beyond the log's end: events are missing there"
            findings.add(NAME, "snapshots", one.where, what)
        else:
            kept.append(one)
            findings.snapshots += 1
    return kept


def _crc(one: _Kept) -> Any:
    try:
        return snapshots.checksum(
            one.stream, one.kind, one.version, one.position, one.time, one.event_id, one.state
        )
    except TypeError:  # damage may change the type of a value, too
        return None


async def _fold(
    log: ReadOnlyLog, codec: Codec, decider: AnyDecider, kept: Sequence[_Kept], findings: Findings
) -> None:
    """Compare the snapshots of one stream, in the order of their versions, with the states of its events."""
    wanted = {one.version: one for one in kept}
    state, version, last = decider.initial, 0, kept[-1].version
    stream = kept[0].stream
    while version < last:
        events = await log.read_stream(stream, from_version=version + 1, limit=min(_PAGE, last - version))
        if not events:
            break
        for event in events:
            version += 1
            try:
                state = decider.evolve(state, codec.decode(event).payload)
            except Exception as error:
                findings.notes.append(f"{stream} cannot be folded: {error}. See `foldlog check-history`.")
                return
            one = wanted.pop(version, None)
            if one is not None:
                _compare(one, RecordedEventMessage.FromString(event.record).event_id, state, findings)
    for one in wanted.values():
        findings.add(NAME, "snapshots", one.where, "the stream has no such version")


def _compare(kept: _Kept, event_id: str, state: object, findings: Findings) -> None:
    if kept.event_id != event_id:
        findings.add(NAME, "snapshots", kept.where, "the log has another event there")
    elif kept.state != state_codec.encode(state):
        findings.add(NAME, "snapshots", kept.where, "the fold of the stream gives another state")
