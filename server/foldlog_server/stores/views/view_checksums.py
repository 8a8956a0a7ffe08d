"""Computes and checks the CRC-32 of each row of a view, so that damage is never returned as a document.

SQLite itself notices damage only where it breaks the structure of a file.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

import msgspec.msgpack

from foldlog_server.views.read_model import Checkpoint, ReadModelDamaged

_encode = msgspec.msgpack.Encoder().encode


class CheckpointRow(NamedTuple):
    """The one row in which a file describes itself."""

    log_id: str
    position: int
    chain_hash: bytes
    edition: str
    is_complete: int
    parked: int
    """How many events are parked."""

    @property
    def checksum(self) -> int:
        return crc32(_encode(self))

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.position, self.chain_hash)


def checkpoint_row(row: Sequence[Any] | None) -> CheckpointRow:
    """The row in which a file describes itself, checked; raises `ReadModelDamaged`."""
    if row is not None:
        *values, checksum = row
        found = CheckpointRow(*values)
        if found.checksum == checksum:
            return found
    raise ReadModelDamaged("its own description does not fit its checksum")


def of_document(id: str, columns: Sequence[Any], document: bytes | bytearray) -> int:
    """The checksum of a document and of its indexed columns."""
    return crc32(document, crc32(_encode((id, columns))))


def of_place(id: str, made: int) -> int:
    """The checksum of a document's place in lists."""
    return crc32(_encode((made, id)))


def of_parked(collection: str, id: str, position: int, error: str) -> int:
    """The checksum of a parked event."""
    return crc32(_encode((collection, id, position, error)))


def checked_document(id: str, row: Sequence[Any], columns: int) -> bytes:
    """The document of a row (…, columns…, checksum, document); the columns begin at index `columns`.

    Raises `ReadModelDamaged`.
    """
    document: bytes = row[-1]
    # Damage can change the types of values, too.
    if document.__class__ is bytes and of_document(id, row[columns:-2], document) == row[-2]:
        return document
    raise ReadModelDamaged("a document does not fit its checksum")


def check_place(id: str, made: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if the place of a document does not fit its checksum."""
    if of_place(id, made) != checksum:
        raise ReadModelDamaged("the place of a document does not fit its checksum")


def check_parked(collection: str, id: str, position: Any, error: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if a parked event does not fit its checksum."""
    if of_parked(collection, id, position, error) != checksum:
        raise ReadModelDamaged("a parked event does not fit its checksum")
