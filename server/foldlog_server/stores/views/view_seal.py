"""Seals a view's file, so that a small file beside it shows whether it is as its writer left it.

A seal has the size and time of the database, and how many frames of which write-ahead log are in it. It is
written whenever the writer has changed the database: after each checkpoint, and when it closes. So it also
fits after the writer was killed, except at just that moment.

SQLite itself cannot distinguish a write-ahead log that was cut or damaged from a shorter one. It would then
lay earlier frames over a database that has later ones; that is why the seal counts them.
"""

import json
import zlib
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from foldlog_server.stores.files import private_files, wal_file
from foldlog_server.stores.files.file_state import state_of

SUFFIX = ".seal"


class Seal(NamedTuple):
    """How a database was left."""

    size: int
    mtime_ns: int
    salts: str = ""
    """Identify the write-ahead log; in hexadecimal."""
    frames: int = 0
    """How many of its frames are in the database."""


class Trust(Enum):
    """What a seal proves about its database."""

    WHOLE = "as it was left"
    DOUBTFUL = "written, copied or moved since"
    BROKEN = "not what was left"


def put(database: Path, frames: int) -> None:
    """Seal a database as it is now; only its writer does this. Raises `OSError`."""
    size, mtime_ns = state_of(database).content
    salts = wal_file.salts_of(wal_file.wal_of(database))
    seal = Seal(size, mtime_ns, salts, frames if salts else 0)
    body = json.dumps(seal)
    path = seal_of(database)
    unfinished = path.with_name(f"{path.name}.new")
    private_files.make_file(unfinished)
    unfinished.write_text(f"{body}\n{zlib.crc32(body.encode())}\n")
    unfinished.replace(path)


def seal_of(database: Path) -> Path:
    """The path of a database's seal."""
    return database.with_name(database.name + SUFFIX)


def judge(database: Path) -> Trust:
    """What the seal proves; raises `OSError` if the seal or the database exists but cannot be read."""
    seal = _read(seal_of(database))
    if seal is None:
        return Trust.BROKEN
    wal = wal_file.wal_of(database)
    if seal.frames and wal_file.salts_of(wal) == seal.salts and wal_file.frames_of(wal) < seal.frames:
        return Trust.BROKEN
    is_as_left = state_of(database).content == (seal.size, seal.mtime_ns)
    return Trust.WHOLE if is_as_left else Trust.DOUBTFUL


def _read(path: Path) -> Seal | None:
    try:
        body, checksum = path.read_text().splitlines()
        if zlib.crc32(body.encode()) == int(checksum):
            return Seal(*json.loads(body))
    except (FileNotFoundError, ValueError, TypeError):
        pass
    return None
