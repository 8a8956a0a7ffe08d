"""Writes files that are complete or do not exist: under another name first, synced, then renamed."""

import os
from pathlib import Path

from foldlog_server.stores.files import private_files


def partial(file: Path) -> Path:
    """The path at which a file is written until it is complete."""
    return file.with_name(f"{file.name}.part")


def put_in_place(file: Path, part: Path | None = None) -> None:
    """Rename `part`, or `partial(file)`, to `file`; when this returns, bytes and name survive a power cut."""
    part = part or partial(file)
    sync(part)
    part.replace(file)
    sync_directory(file.parent)


def write(file: Path, text: str) -> None:
    """Write a small text file this way, readable by its owner alone."""
    private_files.make_file(partial(file))
    partial(file).write_text(text, "utf-8")
    put_in_place(file)


def sync(file: Path) -> None:
    """Return when a file's bytes are on disk."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Return when the names of a directory's files are on disk."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
