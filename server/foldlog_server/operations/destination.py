"""Prepares the directory of a backup: new, empty, or with what a killed backup left there.

A backup begins with an empty `manifest.json.part`, and ends when that becomes the manifest. A directory
that has this file holds an unfinished backup; the process that makes it keeps the file locked.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foldlog_server.operations import manifest as manifests
from foldlog_server.operations.refused import Refused
from foldlog_server.stores.files import durable, private_files
from foldlog_server.stores.files.data_directory import make_directory

if sys.platform != "win32":
    import fcntl

_LEFT = re.compile(r"log\.db\.part(-wal|-shm|-journal)?|manifest\.json\.part")
_LEFT_BESIDE_MARK = re.compile(r"log\.db(-wal|-shm|-journal)?|foldlog-\w{8}")
"""Without the mark beside them, these may be a log, or a directory, of somebody else."""


@contextmanager
def room(destination: Path) -> Iterator[None]:
    """Make the directory of a backup and lock it for this one; if the backup fails, nothing is left of it.

    Raises `Refused` if the directory holds something else.
    """
    mark = durable.partial(destination / manifests.NAME)
    try:
        _check(destination)
        is_new = not destination.exists()
        make_directory(destination)
        descriptor = os.open(mark, os.O_RDWR | os.O_CREAT, private_files.MODE)
    except OSError as error:
        raise Refused(f"{destination} cannot be made: {error}. Choose another place.") from error
    try:
        _lock(descriptor, mark)
        try:
            _clear(destination, mark)
            durable.sync_directory(destination)
            yield
        except BaseException:
            (destination / manifests.NAME).unlink(missing_ok=True)
            _clear(destination, mark)
            mark.unlink(missing_ok=True)
            if is_new:
                with suppress(OSError):  # somebody has put a file there
                    destination.rmdir()
            raise
    finally:
        os.close(descriptor)


def _check(destination: Path) -> None:
    if not destination.exists():
        return
    names = {path.name for path in destination.iterdir()} if destination.is_dir() else {""}
    left = {name for name in names if _LEFT.fullmatch(name)}
    if durable.partial(Path(manifests.NAME)).name in left:
        left |= {name for name in names if _LEFT_BESIDE_MARK.fullmatch(name)}
    if names - left:
        raise Refused(
            f"{destination} exists already, and nothing is overwritten. "
            "Name a directory that is empty or does not exist."
        )


def _lock(descriptor: int, mark: Path) -> None:
    """Lock the mark. If another backup finished since the mark was opened, it is no longer valid."""
    busy = Refused(f"Another backup is being made in {mark.parent}. Wait for it, or name another directory.")
    if sys.platform == "win32":  # Windows does not let anybody remove a file that another process has open
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino != mark.stat().st_ino:
            raise busy
    except (BlockingIOError, FileNotFoundError):
        raise busy from None
    if (mark.parent / manifests.NAME).exists():  # it was completed meanwhile
        mark.unlink()
        raise busy


def _clear(destination: Path, mark: Path) -> None:
    """Remove the files of an unfinished backup, except for the mark."""
    for path in destination.iterdir():
        if path != mark and (_LEFT.fullmatch(path.name) or _LEFT_BESIDE_MARK.fullmatch(path.name)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
