"""The state of a file by `stat`, from which its writer sees whether another program changed it."""

import os
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """Which file is at a path, and when and how long it was last written."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        """Differs between different files."""
        return self.device, self.inode

    @property
    def content(self) -> tuple[int, int]:
        """Changes when the file is written."""
        return self.size, self.mtime_ns


NOTHING = FileState(0, 0, 0, 0)


def state_of(path: str | Path, *, follow_symlinks: bool = True) -> FileState:
    """The state of the file at a path; raises `OSError`."""
    found = os.stat(path, follow_symlinks=follow_symlinks)
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def state_or_nothing(path: str | Path) -> FileState:
    """As `state_of`, but `NOTHING` instead of an error."""
    try:
        return state_of(path)
    except OSError:
        return NOTHING
