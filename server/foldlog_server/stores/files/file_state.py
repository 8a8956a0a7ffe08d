"""What `stat` says of a file, by which a writer knows whether anybody else has been at it."""

import os
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """Which file lies at a path, and how it was last written."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        """Another one for another file."""
        return self.device, self.inode

    @property
    def content(self) -> tuple[int, int]:
        """Another one after the file was written."""
        return self.size, self.mtime_ns


NOTHING = FileState(0, 0, 0, 0)


def state_of(path: str | Path, *, follow_symlinks: bool = True) -> FileState:
    """The state of what lies at a path; raises `OSError`."""
    found = os.stat(path, follow_symlinks=follow_symlinks)
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def state_or_nothing(path: str | Path) -> FileState:
    """As `state_of`; `NOTHING` for what cannot be looked at."""
    try:
        return state_of(path)
    except OSError:
        return NOTHING
