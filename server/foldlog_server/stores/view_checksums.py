"""What is stored of a view, each row with a CRC-32 of what it says, so that damage is never taken for
a document.

SQLite sees damage only where it breaks the structure of a file.
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from foldlog_server.core.read_model import Checkpoint, ReadModelDamaged


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
        return zlib.crc32(repr(self).encode())

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
    return zlib.crc32(document, zlib.crc32(repr((id, *columns)).encode()))


def of_place(id: str, made: int) -> int:
    """Of where a document stands in lists."""
    return zlib.crc32(b"%d %s" % (made, id.encode()))


def of_parked(collection: str, id: str, position: int, error: str) -> int:
    """Of an event that is parked."""
    return zlib.crc32(repr((collection, id, position, error)).encode())


def checked_document(id: str, row: Sequence[Any]) -> bytes:
    """The document of a row (columns…, checksum, document); raises `ReadModelDamaged`."""
    *columns, checksum, document = row
    try:
        if of_document(id, columns, document) == checksum:
            return bytes(document)
    except TypeError:  # damage can change the type of what is stored, too
        pass
    raise ReadModelDamaged("a document does not fit its checksum")


def check_place(id: str, made: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if a document stands elsewhere than where it was put."""
    if not isinstance(made, int) or of_place(id, made) != checksum:
        raise ReadModelDamaged("the place of a document does not fit its checksum")


def check_parked(collection: str, id: str, position: Any, error: Any, checksum: Any) -> None:
    """Raise `ReadModelDamaged` if a parked event is not as it was parked."""
    if of_parked(collection, id, position, error) != checksum:
        raise ReadModelDamaged("a parked event does not fit its checksum")
