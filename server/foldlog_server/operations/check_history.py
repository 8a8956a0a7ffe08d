"""Checks that the installed code can still read, fold and show everything that a data directory holds.

It reads the log, which another process may be writing, and changes nothing; views are built in a temporary
directory.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from rich.table import Table

from foldlog_server.domain.domain import Domains
from foldlog_server.domain.view import AnyView
from foldlog_server.errors import StoreError
from foldlog_server.log.event_store import Log
from foldlog_server.operations.history import Findings, History, Kind, Problem
from foldlog_server.operations.progress import Step
from foldlog_server.printable import counted, printable
from foldlog_server.stores.files.data_directory import CannotOpen
from foldlog_server.stores.files.log_files import Changed
from foldlog_server.stores.opening import loss
from foldlog_server.stores.opening.stored_log import stored_log
from foldlog_server.stores.sqlite.reader import ReadOnlyLog, SqliteLogReader
from foldlog_server.stores.sqlite.snapshots import snapshots_in
from foldlog_server.stores.views import view_files
from foldlog_server.stores.views.read_model import SqliteReadModel
from foldlog_server.stores.writer_thread import WriterThread
from foldlog_server.tables import table_of
from foldlog_server.views.batch import CannotApply, one_line
from foldlog_server.views.catch_up import catch_up
from foldlog_server.views.definition import generation
from foldlog_server.views.group import ProjectorGroup
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import ReadModel, ReadModelUnavailable


class CannotCheck(Exception):
    """The check is not possible; one line for people says why."""


async def check(data: Path, domains: Domains, findings: Findings) -> AsyncIterator[Step]:
    """Check everything that is stored now; yields the progress. Raises `CannotCheck`."""
    try:
        with stored_log(data) as stored:
            reader = SqliteLogReader.on(stored.connection, stored.file)
            if lost := loss.proved(data, reader, stored.wal):
                findings.add(Problem(Kind.LOG, "log.db", lost, reader.head.position, "its end"))
            async for step in _check(data, domains, reader, findings):
                yield step
    except (CannotOpen, Changed, StoreError) as reason:
        raise CannotCheck(str(reason)) from None
    except (ReadModelUnavailable, OSError) as reason:
        where = gettempdir()
        raise CannotCheck(f"The check builds views in {where}, and cannot: {reason}.") from None


async def _check(
    data: Path, domains: Domains, reader: SqliteLogReader, findings: Findings
) -> AsyncIterator[Step]:
    log, end = ReadOnlyLog(reader), reader.head.position
    with snapshots_in(data, reader.log_id) as snapshots:
        async for position in History(log, domains.deciders, domains.codec, snapshots, findings).check(end):
            yield Step("streams", position, end)
    yield Step("streams", end, end, is_over=True)
    for view in domains.views:
        async for step in _check_view(view, log, end, findings):
            yield step


async def _check_view(view: AnyView, log: Log, end: int, findings: Findings) -> AsyncIterator[Step]:
    with TemporaryDirectory(prefix="foldlog-") as directory:
        file = view_files.file_of(Path(directory), view.name, generation(view), 1)
        view_files.make(file.path, view, log.log_id, is_complete=False)
        read_model = await SqliteReadModel.open(file, view, WriterThread())
        try:
            projector = Projector(view, read_model)
            try:
                async for position in catch_up(ProjectorGroup([projector], log), end):
                    yield Step(view.name, position, end)
            except CannotApply as stop:
                error = f"stops: {one_line(stop.__cause__ or stop)}"
                findings.add(Problem(Kind.VIEW, view.name, error, stop.position, "all behind it"))
            for problem in _parked(view, read_model):
                findings.add(problem)
        finally:
            await read_model.close()
    stopped = "" if projector.position == end else f"it stops behind position {projector.position:,}"
    yield Step(view.name, end, end, is_over=True, error=stopped)


def _parked(view: AnyView, read_model: ReadModel) -> Iterator[Problem]:
    for collection, documents in read_model.parked.items():
        for id, (position, error, _) in documents.items():
            yield Problem(Kind.VIEW, view.name, f"parks: {error}", position, f"{collection} {id}")


# What is printed


def as_json(findings: Findings, domains: Domains) -> dict[str, Any]:
    """The findings as JSON, for programs."""
    return {
        "events": findings.events,
        "streams": findings.streams,
        "views": [view.name for view in domains.views],
        "problems": [problem._asdict() for problem in findings.problems],
        "untold": findings.unlisted,
    }


def summary(findings: Findings, domains: Domains) -> str:
    """The findings in one line."""
    events, streams = counted(findings.events, "event"), counted(findings.streams, "stream")
    checked = f"{events} in {streams}, and {counted(len(domains.views), 'view')}"
    if not findings.problems:
        return f"Nothing would break: {checked}."
    more = f", with {counted(findings.unlisted, 'further problem')} not listed" if findings.unlisted else ""
    return f"{counted(len(findings.problems), 'thing')} would break{more}: {checked}."


def table_of_problems(findings: Findings) -> Table:
    """A row for each problem."""
    table = table_of("what", "name", "why", "times", "first at", "which is")
    for kind, name, error, position, where, times in findings.problems:
        table.add_row(
            kind, printable(name), printable(error), f"{times:,}", f"{position:,}", printable(where)
        )
    return table
