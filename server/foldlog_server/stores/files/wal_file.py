"""The write-ahead log as SQLite's documentation has it, read and made durable without SQLite.

SQLite takes a write-ahead log up to the first frame whose checksum does not fit, and writes over what
follows. For a commit that was being written that is right. But each commit was synced before the next
began: a whole transaction behind a frame that does not fit proves that what was on disk has been damaged.

Format: sqlite.org/fileformat2.html, section 4.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from foldlog_server.stores.files.data_directory import WalAlone

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682
_PIECE = 1024 * 1024
_PAGE_SIZES = [2**power for power in range(9, 17)]


class WalState(NamedTuple):
    """What a write-ahead log holds."""

    transactions: int = 0
    """Whole ones, from the beginning up to the first frame that does not fit."""
    behind_damage: int = 0
    """Whole ones behind a frame that does not fit: SQLite would write over them."""
    is_garbled: bool = False
    """Whether it does not begin as one; SQLite syncs the beginning before it writes the first frame,
    so this is nothing that a crash leaves."""

    @property
    def proves_a_loss(self) -> str:
        """How, for people; empty if it does not."""
        if self.behind_damage:
            return f"{self.behind_damage:,} whole transactions lie behind damage in log.db-wal"
        return "log.db-wal does not begin as one, so that all of it is passed over" if self.is_garbled else ""


class _Frame(NamedTuple):
    fits: bool
    commits: bool


def wal_of(database: Path) -> Path:
    """Where SQLite keeps a database's write-ahead log; it follows a link first."""
    real = database.resolve()
    return real.with_name(real.name + "-wal")


def check_not_alone(database: Path) -> None:
    """Raise `WalAlone` where nothing but a write-ahead log is left, also before it is only read.

    SQLite removes one that lies beside an empty database, even for a connection that may not write.
    """
    wal = wal_of(database)
    if not _size(database) and _size(wal):
        raise WalAlone(database, wal)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def make_durable(wal: Path) -> None:
    """Have what can be read of a write-ahead log on the disk; nothing if there is none.

    A process may be killed within the sync of a commit. The next one would read its frames from the system's
    memory, and answer by them, though no sync has covered them; and after a sync that failed, pages count as
    written. So every byte is written anew, in its place, before it is synced.
    """
    try:
        descriptor = os.open(wal, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        at = 0
        while piece := os.pread(descriptor, _PIECE, at):
            at += os.pwrite(descriptor, piece, at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    directory = os.open(wal.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def salts_of(wal: Path) -> str:
    """What tells a write-ahead log from the one before it, in hexadecimal; empty if there is none."""
    try:
        with wal.open("rb") as file:
            header = file.read(_HEADER.size)
    except FileNotFoundError:
        return ""
    return header[16:24].hex() if len(header) == _HEADER.size else ""


def frames_of(wal: Path) -> int:
    """How many frames SQLite takes: up to the end of the last transaction that fits as a whole."""
    whole = 0
    for number, frame in enumerate(_frames(wal), 1):
        if not frame.fits:
            break
        whole = number if frame.commits else whole
    return whole


def state_of(wal: Path) -> WalState:
    """Look through a write-ahead log; an empty one if there is none, or nothing in it fits."""
    whole = behind = 0
    is_damaged = is_broken = False
    for frame in _frames(wal):
        if not frame.fits:
            is_damaged = is_broken = True
        if frame.commits:
            if not is_broken:
                whole, behind = whole + (not is_damaged), behind + is_damaged
            is_broken = False
    return WalState(whole, behind, _is_garbled(wal))


def _is_garbled(wal: Path) -> bool:
    try:
        with wal.open("rb") as file:
            header = file.read(_HEADER.size)
    except FileNotFoundError:
        return False
    if not any(header):  # a file system may have made the file longer, and lost what was written
        return False
    return len(header) < _HEADER.size or not _is_header(header)


def _is_header(header: bytes) -> bool:
    magic, *_, first, second = _HEADER.unpack(header)
    order = ">" if magic & 1 else "<"
    return magic | 1 == _MAGIC | 1 and _sums(header[:24], (0, 0), order) == (first, second)


def _frames(wal: Path) -> Iterator[_Frame]:
    """The frames of the present generation, in order; frames of former ones, which lie behind, end it."""
    try:
        file = wal.open("rb")
    except FileNotFoundError:
        return
    with file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        magic, _, page_size, _, *salts, first, second = _HEADER.unpack(header)
        order = ">" if magic & 1 else "<"
        sums = (first, second)
        if not _is_header(header):
            page_size, order, *salts = _without_header(file)
            if not page_size:
                return
            file.seek(_HEADER.size)
            sums = (-1, -1)  # the first frame cannot be judged
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            page = file.read(page_size)
            _, size, *found = _FRAME.unpack(head)
            if len(page) < page_size or found[:2] != salts:
                return
            expected = _sums(page, _sums(head[:8], sums, order), order)
            sums = (found[2], found[3])  # what follows was summed up from what was written here
            yield _Frame(expected == sums, size > 0)


def _without_header(file: BinaryIO) -> tuple[int, str, int, int]:
    """The size of pages, the order of bytes and the salts by which the first two frames fit; zeros if
    none do."""
    for page_size in _PAGE_SIZES:
        file.seek(_HEADER.size)
        first, second = (file.read(_FRAME.size + page_size) for _ in range(2))
        if len(second) < _FRAME.size + page_size:
            break
        *_, salt, other_salt, one, other = _FRAME.unpack(first[: _FRAME.size])
        *_, found, other_found = _FRAME.unpack(second[: _FRAME.size])
        for order in "<>":
            begun = _sums(second[:8], (one, other), order)
            if _sums(second[_FRAME.size :], begun, order) == (found, other_found):
                return page_size, order, salt, other_salt
    return 0, "", 0, 0


def _sums(data: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    """The checksum of section 4.2, begun with the one before."""
    first, second = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & 0xFFFFFFFF
        second = (second + words[at + 1] + first) & 0xFFFFFFFF
    return first, second
