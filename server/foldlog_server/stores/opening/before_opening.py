"""What comes before a log is opened to be written, and why one cannot be, told truly."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.message import DecodeError

from foldlog_server.errors import DataDamaged, StoreError
from foldlog_server.stores import store_errors
from foldlog_server.stores.causes import DAMAGE, cause_of, try_to_write
from foldlog_server.stores.files import wal_file
from foldlog_server.stores.files.data_directory import (
    CannotOpen,
    DataDirectoryUnusable,
    LogDamaged,
    make_directory,
)
from foldlog_server.stores.files.held_files import FilesChanged, HeldFiles
from foldlog_server.stores.opening import loss, path_checks

_NOT_UNDERSTOOD = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, DecodeError)
"""What is raised by values that damage has made of others."""


@contextmanager
def failures_as_reasons(directory: Path, file: Path) -> Iterator[None]:
    """Raise as `CannotOpen` what stands in the way of opening a log."""
    try:
        yield
    except DataDamaged as error:
        if not error.where:
            raise LogDamaged.as_a_database(file, str(error.__cause__ or error)) from error
        raise LogDamaged.at(file, error.where) from error
    except StoreError as error:
        raise _reason(directory, file, error.__cause__ or error) from error
    except (OSError, *store_errors.ERRORS, FilesChanged, *_NOT_UNDERSTOOD) as error:
        raise _reason(directory, file, error) from error


def _reason(directory: Path, file: Path, error: BaseException) -> CannotOpen:
    if isinstance(error, sqlite3.Error) and cause_of(error) in DAMAGE:
        return LogDamaged.as_a_database(file, str(error))
    if isinstance(error, _NOT_UNDERSTOOD):
        return LogDamaged(file, f"what it holds is not what was stored ({type(error).__name__}: {error})")
    return DataDirectoryUnusable(directory, error)


def held(directory: Path, file: Path) -> HeldFiles:
    """The files of a log, locked, and on the disk as they can be read; the directory is made if missing.

    What must be written is tried first, so that a shortage is told as what it is.
    """
    path_checks.check_kinds(directory)
    make_directory(directory)
    try_to_write(directory)
    path_checks.check_rights(directory)
    loss.check_that_there_is_a_log(directory)
    files = HeldFiles(directory, file)
    wal_file.make_durable(wal_file.wal_of(file))
    return files
