"""Makes data files readable and writable for their owner alone, whatever the umask.

SQLite gives the files that it creates beside a database the mode of the database.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MODE = 0o600

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger("foldlog")


def make_file(path: Path) -> None:
    """Create an empty file for the owner alone; a file that exists stays as it is.

    Not for a database that this process has open: closing any descriptor of it drops SQLite's POSIX locks.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, MODE))


def make_directory_private(directory: Path) -> None:
    """Remove other users' access to the data files of a directory; raises `OSError`.

    The mode of the directory itself is its owner's choice and stays; if others may enter it, that is logged.
    """
    if os.name != "posix":
        return
    for file in _data_files(directory):
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & _OTHERS:
            file.chmod(mode & ~_OTHERS)
            _log.info("%s was open to other users (mode %o); it no longer is.", file, mode)
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & _OTHERS:
        _log.warning(
            "The data directory %s is open to other users (mode %o). Its files are not; "
            "to close it as well: chmod 700.",
            directory,
            mode,
        )


def _data_files(directory: Path) -> Iterator[Path]:
    for pattern in ("lock", "log.db*", "snapshots.db*", "views/*.db*"):
        yield from (path for path in directory.glob(pattern) if path.is_file() and not path.is_symlink())
