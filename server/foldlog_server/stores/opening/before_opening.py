"""Prepares a log to be opened for writing, and reports exactly why it cannot be opened."""

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
"""What our code raises for values that damage has changed."""


@contextmanager
def raising_cannot_open(directory: Path, file: Path) -> Iterator[None]:
    """Raise `CannotOpen` in place of any error that prevents a log from being opened."""
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
        return LogDamaged(file, f"its content is not what was stored ({type(error).__name__}: {error})")
    return DataDirectoryUnusable(directory, error)


def lock_files(directory: Path, file: Path) -> HeldFiles:
    """Lock the files of a log and make them durable as they are; the directory is created if missing.

    A write is tried first, so that a shortage is reported as a shortage.
    """
    path_checks.check_kinds(directory)
    make_directory(directory)
    try_to_write(directory)
    path_checks.check_rights(directory)
    loss.check_that_there_is_a_log(directory)
    files = HeldFiles(directory, file)
    wal_file.make_durable(wal_file.wal_of(file))
    return files
