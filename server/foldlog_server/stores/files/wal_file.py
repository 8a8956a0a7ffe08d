"""Reads a write-ahead log without SQLite, and makes it durable; its format is SQLite's documented one.

SQLite reads a write-ahead log up to the first frame whose checksum does not fit, and overwrites the rest. For
a commit that was interrupted that is right. But each commit was synced before the next one began: a complete
transaction after a frame that does not fit proves that bytes on the disk were damaged.

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
    """What was found in a write-ahead log."""

    transactions: int = 0
    """Complete transactions, from the beginning up to the first frame that does not fit."""
    behind_damage: int = 0
    """Complete transactions after a frame that does not fit: SQLite would overwrite them."""
    is_garbled: bool = False
    """Whether its header is invalid. SQLite syncs the header before it writes the first frame, so no crash
    leaves it like that."""

    @property
    def proves_a_loss(self) -> str:
        """How it proves that events were lost, for people; empty if it does not."""
        if self.behind_damage:
            return f"{self.behind_damage:,} whole transactions lie behind damage in log.db-wal"
        return "the header of log.db-wal is invalid, so SQLite ignores all of it" if self.is_garbled else ""


class _Frame(NamedTuple):
    fits: bool
    commits: bool


def wal_of(database: Path) -> Path:
    """The path of a database's write-ahead log; SQLite resolves a link before it names the file."""
    real = database.resolve()
    return real.with_name(real.name + "-wal")


def check_not_alone(database: Path) -> None:
    """Raise `WalAlone` if only a write-ahead log is left; needed before any connection, also a reading one.

    SQLite removes a write-ahead log beside an empty database, even for a connection that may not write.
    """
    wal = wal_of(database)
    if not _size(database) and _size(wal):
        raise WalAlone(database, wal)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def make_durable(wal: Path) -> None:
    """Write every byte of a write-ahead log again, in place, and sync it; does nothing if there is none.

    A process may be killed during the sync of a commit. The next process would read its frames from the
    system's memory and answer from them, although no sync has covered them. And after a failed sync the
    system takes the pages for written. Writing the bytes again makes the sync cover them.
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
    """The salts that identify one generation of a write-ahead log, in hexadecimal; empty if there is none."""
    try:
        with wal.open("rb") as file:
            header = file.read(_HEADER.size)
    except FileNotFoundError:
        return ""
    return header[16:24].hex() if len(header) == _HEADER.size else ""


def frames_of(wal: Path) -> int:
    """How many frames SQLite reads: up to the end of the last complete transaction."""
    whole = 0
    for number, frame in enumerate(_frames(wal), 1):
        if not frame.fits:
            break
        whole = number if frame.commits else whole
    return whole


def state_of(wal: Path) -> WalState:
    """Read through a write-ahead log; zeros if there is none, or no frame in it fits."""
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
    if not any(header):  # a file system may have extended the file and lost what was written
        return False
    return len(header) < _HEADER.size or not _is_header(header)


def _is_header(header: bytes) -> bool:
    magic, *_, first, second = _HEADER.unpack(header)
    order = ">" if magic & 1 else "<"
    return magic | 1 == _MAGIC | 1 and _sums(header[:24], (0, 0), order) == (first, second)


def _frames(wal: Path) -> Iterator[_Frame]:
    """The frames of the current generation, in order, up to the frames that former generations left."""
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
            sums = (-1, -1)  # the first frame cannot be checked
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            page = file.read(page_size)
            _, size, *found = _FRAME.unpack(head)
            if len(page) < page_size or found[:2] != salts:
                return
            expected = _sums(page, _sums(head[:8], sums, order), order)
            sums = (found[2], found[3])  # the next frame was summed from what this one says
            yield _Frame(expected == sums, size > 0)


def _without_header(file: BinaryIO) -> tuple[int, str, int, int]:
    """The page size, byte order and salts with which the first two frames fit; zeros if none do."""
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
    """The checksum of section 4.2, continued from the previous one."""
    first, second = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & 0xFFFFFFFF
        second = (second + words[at + 1] + first) & 0xFFFFFFFF
    return first, second
