"""What is stored of a view, each row with a CRC-32 of what it says, so that damage is never taken for
a document.

SQLite sees damage only where it breaks the structure of a file.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

import msgspec.msgpack

from foldlog_server.views.read_model import Checkpoint, ReadModelDamaged

_encode = msgspec.msgpack.Encoder().encode


class Kept(NamedTuple):
    """What a file says of itself, in its one row of that."""

    log_id: str
    position: int
    chain_hash: bytes
    edition: str
    is_complete: int
    parked: int
    """Rows of what is parked."""

    @property
    def checksum(self) -> int:
        return crc32(_encode(self))

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.position, self.chain_hash)


def kept(row: Sequence[Any] | None) -> Kept:
    """The row that a file has of itself, its checksum last; raises `ReadModelDamaged`."""
    if row is not None:
        *values, checksum = row
        found = Kept(*values)
        if found.checksum == checksum:
            return found
    raise ReadModelDamaged("what it says of itself does not fit its checksum")


def of_document(id: str, columns: Sequence[Any], document: bytes | bytearray) -> int:
    """Of a document and of the columns by which it is found."""
    return crc32(document, crc32(_encode((id, columns))))


def of_place(id: str, made: int) -> int:
    """Of where a document stands in lists."""
    return crc32(_encode((made, id)))


def of_parked(collection: str, id: str, position: int, error: str) -> int:
    """Of an event that is parked."""
    return crc32(_encode((collection, id, position, error)))


def checked_document(id: str, row: Sequence[Any], columns: int) -> bytes:
    """The document of a row (…, columns…, checksum, document), whose columns begin at an index.

    Raises `ReadModelDamaged`.
    """
    document: bytes = row[-1]
    # Damage can change the type of what is stored, too.
    if document.__class__ is bytes and of_document(id, row[columns:-2], document) == row[-2]:
        return document
    raise ReadModelDamaged("a document does not fit its checksum")


def check_place(id: str, made: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if a document stands elsewhere than where it was put."""
    if of_place(id, made) != checksum:
        raise ReadModelDamaged("the place of a document does not fit its checksum")


def check_parked(collection: str, id: str, position: Any, error: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if a parked event is not as it was parked."""
    if of_parked(collection, id, position, error) != checksum:
        raise ReadModelDamaged("a parked event does not fit its checksum")
