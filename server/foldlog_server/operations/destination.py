"""The directory of a backup: new, empty, or with what a backup that was killed has left there.

A backup begins with an empty `manifest.json.part`, and ends when that is the manifest. Whose directory has it
is known as unfinished; who makes the backup holds it locked.
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
"""Anywhere else, these can be somebody's log, or directory."""


@contextmanager
def room(destination: Path) -> Iterator[None]:
    """The directory of a backup, made and for this one alone; if it fails, nothing is left of it.

    Raises `Refused` if something else is there.
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
                with suppress(OSError):  # somebody has put something there
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
            f"{destination} is there already, and nothing is overwritten. "
            "Name a directory that is empty or does not exist."
        )


def _lock(descriptor: int, mark: Path) -> None:
    """Lock the mark; one that was locked and let go since it was opened is no mark any more."""
    busy = Refused(f"Another backup is being made in {mark.parent}. Let it end, or name another directory.")
    if sys.platform == "win32":  # there nobody can remove what another has open
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino != mark.stat().st_ino:
            raise busy
    except (BlockingIOError, FileNotFoundError):
        raise busy from None
    if (mark.parent / manifests.NAME).exists():  # it was finished in the meantime
        mark.unlink()
        raise busy


def _clear(destination: Path, mark: Path) -> None:
    """Remove what has been begun, but for the mark that says so."""
    for path in destination.iterdir():
        if path != mark and (_LEFT.fullmatch(path.name) or _LEFT_BESIDE_MARK.fullmatch(path.name)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
