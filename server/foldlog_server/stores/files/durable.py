"""Files that are whole or not there: written under another name, synced, and then given their own."""

import os
from pathlib import Path

from foldlog_server.stores.files import private_files


def partial(file: Path) -> Path:
    """Where a file is written before it is whole."""
    return file.with_name(f"{file.name}.part")


def put_in_place(file: Path, part: Path | None = None) -> None:
    """Give what was written as `part`, or `partial(file)`, its name; both survive a power cut when this
    returns."""
    part = part or partial(file)
    sync(part)
    part.replace(file)
    sync_directory(file.parent)


def write(file: Path, text: str) -> None:
    """Write a small text file so, for its owner alone."""
    private_files.make_file(partial(file))
    partial(file).write_text(text, "utf-8")
    put_in_place(file)


def sync(file: Path) -> None:
    """Have a file's bytes on disk."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Have on disk which files there are."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
