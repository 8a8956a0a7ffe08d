"""Exports a log as lines of JSON, also beside a running server."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from foldlog_server.log.event_store import Head
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.log.source import LogSource
from foldlog_server.operations import json_lines
from foldlog_server.operations.copying import errors_as_refusals
from foldlog_server.operations.losses import refuse_losses
from foldlog_server.operations.progress import Step
from foldlog_server.operations.refused import Refused
from foldlog_server.stores.files.data_directory import CannotOpen, log_file
from foldlog_server.stores.files.log_files import Changed
from foldlog_server.stores.opening.stored_log import stored_log
from foldlog_server.stores.sqlite.log_builder import outcome_of
from foldlog_server.stores.sqlite.reader import SqliteLogReader
from foldlog_server.stores.sqlite.rows import read_stream
from foldlog_server.stores.sqlite.source import SqliteLogSource, on


async def export(data: Path, name: Path, write: Callable[[str], object]) -> AsyncGenerator[Step]:
    """Write the log of a data directory, line by line; `name` is where it goes to. Raises `Refused`."""
    try:
        with stored_log(data) as stored, errors_as_refusals(name):
            reader = SqliteLogReader.on(stored.connection, stored.file)
            refuse_losses(data, reader, stored.wal)
            source = await SqliteLogSource.open(on(stored.connection))
            async for step in _write(source, stored.connection, write):
                yield step
    except (CannotOpen, Changed) as reason:
        raise Refused(str(reason)) from None
    except BrokenPipeError:  # the reader of the output has closed it
        raise
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"{log_file(data)} cannot be read: {error}.") from error


async def _write(
    source: LogSource, connection: sqlite3.Connection, write: Callable[[str], object]
) -> AsyncGenerator[Step]:
    origin, requests = source.origin, 0
    until = origin.head.position
    write(json_lines.header_line(origin))
    async for events in source.events(until):
        for event in events:
            write(json_lines.event_line(event))
        yield Step("exported", events[-1].position, until)
    async for records in source.requests():
        for record in records:
            if _is_within(connection, outcome_of(record), until):
                write(json_lines.request_line(record))
                requests += 1
        yield Step("request records", requests, 0)
    write(json_lines.end_line(until, requests, origin.head if until else Head(0, NO_CHAIN)))
    yield Step("exported", until, until, is_over=True)


def _is_within(connection: sqlite3.Connection, outcome: list[tuple[str, int, int]], until: int) -> bool:
    """Whether the outcome of a request lies in the history up to a position."""
    for stream, _, last in outcome:
        if last:
            events = read_stream(connection, stream, last, False, 1)
            if not events or events[0].position > until:
                return False
    return True
