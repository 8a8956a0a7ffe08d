"""Makes a log from another one: copies it, verifies what is on the disk, and only then gives it its name."""

import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from foldlog_server.errors import DataDamaged, StoreError
from foldlog_server.log.event_store import Head
from foldlog_server.log.lineage import Ancestor
from foldlog_server.log.source import LogSource, Origin
from foldlog_server.operations.findings import Findings
from foldlog_server.operations.progress import Step
from foldlog_server.operations.refused import Refused
from foldlog_server.operations.verify_log import LogVerifier
from foldlog_server.stores.causes import NO_ROOM, cause_in
from foldlog_server.stores.files import durable
from foldlog_server.stores.sqlite import schema
from foldlog_server.stores.sqlite.connections import at_rest_uri, connect, remove_database
from foldlog_server.stores.sqlite.log_builder import LogBuilder, NotARequest


class Made(NamedTuple):
    """A log that was made, and how much it holds."""

    log_id: str
    head: Head
    streams: int
    requests: int


class Successor(NamedTuple):
    """The id of a log that continues the history of another one, and why it was made."""

    log_id: str
    time: int
    """When the histories diverged, in nanoseconds since the epoch."""
    cause: str


class Copy:
    """One log that is made from a source."""

    def __init__(self, source: LogSource, file: Path, until: int | None, successor: Successor | None) -> None:
        """`until` is the source's head if not given; without a successor, the copy is the same log."""
        self._source = source
        self._file = file
        self._until = source.origin.head.position if until is None else until
        self._successor = successor
        self.made: Made
        """Set once the copy is complete."""

    async def run(self) -> AsyncGenerator[Step]:
        """Copy, verify, and give the file its name. Raises `Refused`, and then leaves nothing behind."""
        part = durable.partial(self._file)
        remove_database(part)
        try:
            with errors_as_refusals(self._file):
                async for step in self._copy(part):
                    yield step
                durable.sync(part)
                async for step in self._verify(part):
                    yield step
                durable.put_in_place(self._file)
        finally:
            remove_database(part)

    async def _copy(self, part: Path) -> AsyncGenerator[Step]:
        origin, until, successor = self._source.origin, self._until, self._successor
        log_id = successor.log_id if successor else origin.log_id
        builder = LogBuilder(part, log_id, origin)
        with closing(builder):
            async for events in self._source.events(until):
                builder.add(events)
                yield Step("copied", builder.head.position, until)
            async for records in self._source.requests():
                builder.add_requests(records)
                yield Step("request records", builder.requests, 0)
            self._check_head(builder.head)
            ancestors = ancestry(origin, builder.head, successor)
            builder.finish(ancestors, [opening for opening in origin.openings if opening.position <= until])
            self.made = Made(log_id, builder.head, builder.streams, builder.requests)
        yield Step("copied", until, until, is_over=True)

    def _check_head(self, head: Head) -> None:
        whole = self._source.origin.head
        if head.position != self._until or (head.position == whole.position and head != whole):
            raise DataDamaged(head.position)

    async def _verify(self, part: Path) -> AsyncGenerator[Step]:
        findings = Findings()
        until = self._until
        with closing(connect(at_rest_uri(part))) as connection:
            async for step in LogVerifier(connection, part.name, findings, full=True).run():
                if step.name == "events":
                    yield Step("verified", step.position, until)
        if findings.damages:
            first = findings.damages[0]
            raise Refused(
                f"What was written to {part} is not what is read back: {first.part} {first.where} "
                f"{first.what}. Check the disk and the memory of this machine; nothing was kept."
            )
        yield Step("verified", until, until, is_over=True)


def ancestry(origin: Origin, head: Head, successor: Successor | None) -> list[Ancestor]:
    """The ancestors of a log that holds a source's history up to a position."""
    ancestors = [
        former
        if former.position <= head.position
        else former._replace(position=head.position, chain=head.chain_hash)
        for former in origin.ancestors
    ]
    if successor is None:
        return ancestors
    return [*ancestors, Ancestor(origin.log_id, *head, successor.time, successor.cause)]


@contextmanager
def errors_as_refusals(file: Path) -> Iterator[None]:
    """Raise the errors of making a copy as `Refused`, with one line for people."""
    try:
        yield
    except DataDamaged as error:
        raise Refused(
            f"The log that is copied is damaged{error.where}: `foldlog verify` lists all damage. "
            "Nothing was kept of the copy; restore an earlier backup."
        ) from error
    except NotARequest as error:
        raise Refused(
            f"A request record of the log that is copied is damaged: {error}. "
            "`foldlog verify` lists all damage."
        ) from error
    except StoreError as error:
        raise Refused(f"The log that is copied cannot be read: {error.__cause__ or error}.") from error
    except BrokenPipeError:  # the reader of the output has closed it
        raise
    except (OSError, sqlite3.Error) as error:
        cause = cause_in(file.parent, error, growing=durable.partial(file))
        if cause in NO_ROOM:
            raise Refused(
                f"There is no room for {file}: {cause.value}. Free space, or choose another place."
            ) from error
        raise Refused(f"{file} cannot be written: {error}.") from error


def recognised(connection: sqlite3.Connection, file: Path) -> sqlite3.Connection:
    """The connection, set up to read a log; raises `CannotOpen` if this release cannot read it as one."""
    schema.set_up_reader(connection)
    schema.recognise(connection, file)
    return connection
