"""A log that another process writes, for what reads it in a loop."""

from collections.abc import Sequence

from foldlog_server.log.event_store import Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.record import NO_CHAIN
from foldlog_server.stores.sqlite.reader import SqliteLogReader


class ReadOnlyLog:
    """As `Log`; every call blocks for as long as the disk takes, so the loop had better have nothing else."""

    def __init__(self, reader: SqliteLogReader) -> None:
        self.log_id = reader.log_id
        self._reader = reader

    @property
    def head(self) -> Head:
        return self._reader.head

    async def read_stream(
        self, stream: str, *, from_version: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return self._reader.read_stream(stream, from_version=from_version, backwards=backwards, limit=limit)

    async def read_all(
        self, *, from_position: int = 0, backwards: bool = False, limit: int = 1000
    ) -> Sequence[EncodedEvent]:
        return self._reader.read_all(from_position=from_position, backwards=backwards, limit=limit)

    async def chain_hash_at(self, position: int) -> bytes | None:
        return NO_CHAIN if position == 0 else self._reader.chain_hash(position)
