"""An independent reader of a log: written from docs/format.md alone, it shares no code with the server."""

import hashlib
import json
import re
import sqlite3
import uuid
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

APPLICATION_ID, FORMAT = 0x466F6C64, 2
FIELDS = {
    2: "stream",
    3: "version",
    4: "event_id",
    5: "type",
    6: "recorded_time",
    7: "metadata",
    8: "payload",
}
TABLES = {"log", "streams", "types", "events", "openings", "ancestors", "served", "sums"}
PREFIX = "type.googleapis.com/"
MOST_BYTES = 1_048_576


class Damaged(Exception):
    """What is in the file is not what docs/format.md says."""


class Stored(NamedTuple):
    """One event as it is stored."""

    position: int
    stream: str
    version: int
    type: str
    recorded_ns: int
    request: bytes
    """The key of its command's request; empty if it had none."""
    header: bytes
    payload: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """All of a log, verified."""

    log_id: str
    events: list[Stored]
    chain: bytes
    """The hash at the last position."""
    requests: dict[bytes, list[tuple[str, int, int]]]
    """What each request did, by its key."""


def check(condition: object, what: str) -> None:
    if not condition:
        raise Damaged(what)


# Protobuf's wire format, as far as a record needs it


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    number = shift = 0
    while True:
        check(at < len(data) and shift < 64, "a varint does not end")
        byte = data[at]
        number, shift, at = number | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            check(byte or shift == 7, "a varint has more bytes than it needs")
            return number, at


def fields(data: bytes) -> Iterator[tuple[int, int | bytes, int]]:
    """Number, value and place of each field."""
    at = 0
    while at < len(data):
        place = at
        tag, at = varint(data, at)
        if tag & 7 == 0:
            number, at = varint(data, at)
            yield tag >> 3, number, place
        else:
            check(tag & 7 == 2, f"a field has wire type {tag & 7}")
            length, at = varint(data, at)
            check(at + length <= len(data), "a field goes beyond the end")
            yield tag >> 3, data[at : at + length], place
            at += length


def message(data: bytes) -> dict[int, int | bytes]:
    """The fields of a small message, each at most once and in order."""
    found = [(number, value) for number, value, _ in fields(data)]
    numbers = [number for number, _ in found]
    check(numbers == sorted(set(numbers)), f"fields are not in order: {numbers}")
    return dict(found)


def inner(value: int | bytes) -> dict[int, int | bytes]:
    """The fields of a message within another; those with a default value are left out."""
    found = message(blob(value))
    check(all(found.values()), f"a field with a default value is there: {found}")
    return found


def blob(value: int | bytes) -> bytes:
    check(isinstance(value, bytes), "a number stands where bytes should be")
    return bytes(value) if isinstance(value, bytes) else b""


def text(value: int | bytes) -> str:
    return blob(value).decode()


def id_of(written: str) -> bytes:
    """The bytes of a UUID."""
    check(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", written), f"no UUID: {written}")
    return uuid.UUID(written).bytes


# A record


def stored(position: int, record: bytes) -> Stored:
    check(len(record) <= MOST_BYTES, f"the record at {position} is too long")
    found = message(record)
    check(set(found) == set(FIELDS), f"fields at {position}: {set(found)}")
    place = next(place for number, _, place in fields(record) if number == 8)
    time, metadata, payload = inner(found[6]), inner(found[7]), inner(found[8])
    check(text(payload[1]) == PREFIX + text(found[5]), f"the payload at {position} is of another type")
    id_of(text(found[4]))
    request_id = text(metadata.get(1, b""))
    return Stored(
        position,
        text(found[2]),
        int(found[3]),
        text(found[5]),
        int(time.get(1, 0)) * 10**9 + int(time.get(2, 0)),
        id_of(request_id) + blob(metadata.get(4, b"")) if request_id else b"",
        record[:place],
        blob(payload.get(2, b"")),
        record,
    )


def chained(chain: bytes, event: Stored) -> bytes:
    number = event.position.to_bytes(8, "big")
    return hashlib.sha256(chain + number + event.header + hashlib.sha256(event.payload).digest()).digest()


# A file


def read(file: Path) -> Log:
    """Verify a whole log, also while a server writes; raises `Damaged`."""
    try:
        return _read(file)
    except (sqlite3.Error, UnicodeError) as error:  # damaged names come with SQLite's messages
        raise Damaged("the database") from error


def _read(file: Path) -> Log:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda stored: stored.decode(
            errors="replace"
        )  # text where a blob should be
        connection.execute("BEGIN")
        check(connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,), "no log")
        check(connection.execute("PRAGMA user_version").fetchone() == (FORMAT,), "another format")
        check(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the database")
        log_ids = [log_id for log_id, _ in connection.execute("SELECT log_id, made_time FROM log")]
        check(len(log_ids) == 1 and id_of(log_ids[0]), "the log has not one name")
        events, chain = _events(connection, _names(connection, "streams"), _names(connection, "types"))
        _check_sums(connection)
        return Log(log_ids[0], events, chain, dict(_requests(connection, events)))


def _names(connection: sqlite3.Connection, table: str) -> dict[int, str]:
    rows = dict(connection.execute(f"SELECT key, name FROM {table} ORDER BY key"))
    check(list(rows) == list(range(1, len(rows) + 1)), f"keys are missing in {table}")
    check(len(set(rows.values())) == len(rows), f"a name is twice in {table}")
    return rows


def _events(
    connection: sqlite3.Connection, streams: dict[int, str], types: dict[int, str]
) -> tuple[list[Stored], bytes]:
    events: list[Stored] = []
    versions: dict[str, int] = {}
    chain, time = bytes(32), 0
    rows = connection.execute("SELECT * FROM events ORDER BY position")
    for position, stream, version, type_key, record, checksum, hashed in rows:
        check(position == len(events) + 1, f"position {len(events) + 1} is missing")
        check(isinstance(record, bytes), f"the record at {position} is no blob")
        check(zlib.crc32(position.to_bytes(8, "big") + record) == checksum, f"the checksum at {position}")
        event = stored(position, record)
        named = (streams.get(stream), version, types.get(type_key))
        check(named == (event.stream, event.version, event.type), f"the columns at {position}: {named}")
        versions[event.stream] = versions.get(event.stream, 0) + 1
        check(event.version == versions[event.stream], f"the version at {position}")
        check(event.recorded_ns >= time, f"the time goes back at {position}")
        chain, time = chained(chain, event), event.recorded_ns
        check(hashed == chain, f"the chain at {position}")
        events.append(event)
    check(set(versions) == set(streams.values()), "a stream has no event")
    return events, chain


def _requests(
    connection: sqlite3.Connection, events: list[Stored]
) -> Iterator[tuple[bytes, list[tuple[str, int, int]]]]:
    requests = {(event.stream, event.version): event.request for event in events}
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if not table.startswith("requests_until_"):
            check(table in TABLES, f"a table {table}")
            continue
        check(re.fullmatch(r"requests_until_\d{20}", table), f"a table {table}")
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY number")
        for expected, (number, key, fingerprint, outcome, checksum) in enumerate(rows, 1):
            check(number == expected, f"record {expected} of {table} is missing")
            check(all(isinstance(value, bytes) for value in (key, fingerprint)), "a request's key is no blob")
            told = key + fingerprint + str(outcome).encode()
            check(zlib.crc32(told) == checksum, f"the checksum of record {number} of {table}")
            check(len(key) >= 16 and len(fingerprint) == 32, "a request's key or fingerprint")
            did = _outcome(outcome)
            gave = [(stream, n) for stream, first, last in did for n in range(first, last + 1)]
            check(all(requests.get(event) == key for event in gave), f"a request's events: {outcome}")
            yield key, did


def _check_sums(connection: sqlite3.Connection) -> None:
    sums = connection.execute("SELECT part, last, sum FROM sums").fetchall()
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    parts = ["events", *(name for name in tables if name.startswith("requests_until_"))]
    check(all(isinstance(part, str) for part, _, _ in sums), "a sum is of no part")
    check(sorted(part for part, _, _ in sums) == sorted(parts), "a sum is missing")
    for part, last, total in sums:
        if part == "events":
            rows = connection.execute("SELECT stream, version, position FROM events")
            halves = [s * 73_244_475 + v * 40_503_263 + p * 26_544_357 for s, v, p in rows if p <= last]
            added = [pow(half, 2, 2**31 - 1) for half in halves]
        else:
            entries = connection.execute(f"SELECT number, key FROM {part}")
            added = [zlib.crc32(key, number) for number, key in entries if number <= last]
        check(len(added) == last, f"{part} has no row {last}")
        check(sum(added) == total, f"the sum of {part}")


def _outcome(outcome: str) -> list[tuple[str, int, int]]:
    try:
        did = [(str(stream), int(first), int(last)) for stream, first, last in json.loads(outcome)]
    except (TypeError, ValueError) as error:
        raise Damaged(f"a request's outcome: {outcome}") from error
    written = json.dumps(did, ensure_ascii=False, separators=(",", ":"))
    check(written == outcome and all(last >= first - 1 for _, first, last in did), outcome)
    return did
