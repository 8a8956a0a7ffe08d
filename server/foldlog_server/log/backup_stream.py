"""Turns a log into messages and back, for a backup that is taken through the running server."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

from foldlog.v1.admin_service_pb2 import (
    BackupAncestor,
    BackupEnd,
    BackupEvents,
    BackupOpening,
    BackupOrigin,
    BackupRequestRecord,
    BackupRequestRecords,
    BackupResponse,
)
from foldlog_server.log.event_store import MAX_BATCH_BYTES, Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening
from foldlog_server.log.source import LogSource, Origin, StoredRequest


class Incomplete(Exception):
    """The messages do not form a whole log; the text says why, in one line for people."""


async def parts(source: LogSource) -> AsyncGenerator[BackupResponse]:
    """Everything that a log holds, as messages. Raises what the source raises."""
    yield BackupResponse(origin=_origin(source.origin))
    async for page in source.events(source.origin.head.position):
        records = [event.record for event in page]
        yield BackupResponse(events=BackupEvents(first_position=page[0].position, records=records))
    count = 0
    async for records_of_page in source.requests():
        for batch in _split_by_size(records_of_page):
            count += len(batch)
            yield BackupResponse(request_records=BackupRequestRecords(records=batch))
    yield BackupResponse(end=BackupEnd(request_records=count))


def _split_by_size(records: Sequence[StoredRequest]) -> Iterator[list[BackupRequestRecord]]:
    """The records in batches that each fit into one message."""
    batch: list[BackupRequestRecord] = []
    room = MAX_BATCH_BYTES
    for record in records:
        message = BackupRequestRecord(
            partition=record.partition,
            key=record.key,
            fingerprint=record.fingerprint,
            outcome=record.outcome,
        )
        room -= message.ByteSize() + 8
        if room < 0 and batch:
            yield batch
            batch, room = [], MAX_BATCH_BYTES - message.ByteSize() - 8
        batch.append(message)
    if batch:
        yield batch


def _origin(origin: Origin) -> BackupOrigin:
    return BackupOrigin(
        log_id=origin.log_id,
        made_time_nanos=origin.made_time,
        position=origin.head.position,
        chain_hash=origin.head.chain_hash,
        served_nanos=origin.served,
        settled_nanos=origin.settled,
        ancestors=[
            BackupAncestor(
                log_id=one.log_id,
                position=one.position,
                chain_hash=one.chain,
                left_time_nanos=one.left_time,
                cause=one.cause,
            )
            for one in origin.ancestors
        ],
        openings=[
            BackupOpening(position=one.position, run=one.run, time_nanos=one.time) for one in origin.openings
        ],
    )


class StreamedLog:
    """A `LogSource` whose log arrives as a stream of messages: it can be read once, in order."""

    def __init__(self, messages: AsyncIterator[BackupResponse], origin: Origin) -> None:
        self.origin = origin
        self._messages = messages

    @classmethod
    async def open(cls, messages: AsyncIterator[BackupResponse]) -> "StreamedLog":
        """Read the first message, which says which log it is; raises `Incomplete`, as all methods do."""
        first = await anext(messages, BackupResponse())
        if first.WhichOneof("part") != "origin":
            raise Incomplete("the server did not begin with the message that names its log")
        return cls(messages, _origin_of(first.origin))

    async def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        expected = 1
        while expected <= until:
            message = await self._part()
            if message.WhichOneof("part") != "events" or message.events.first_position != expected:
                raise Incomplete(f"the event at position {expected} is missing")
            records = enumerate(message.events.records, expected)
            page = [EncodedEvent(position, record) for position, record in records]
            expected += len(page)
            yield page

    async def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        count = 0
        while (message := await self._part()).WhichOneof("part") == "request_records":
            records = message.request_records.records
            count += len(records)
            yield [StoredRequest(one.partition, one.key, one.fingerprint, one.outcome) for one in records]
        if message.WhichOneof("part") != "end" or message.end.request_records != count:
            raise Incomplete("some request records are missing")

    async def _part(self) -> BackupResponse:
        message = await anext(self._messages, None)
        if message is None:
            raise Incomplete("the server ended the stream before its last message")
        return message


def _origin_of(message: BackupOrigin) -> Origin:
    return Origin(
        message.log_id,
        message.made_time_nanos,
        Head(message.position, message.chain_hash),
        message.served_nanos,
        message.settled_nanos,
        tuple(
            Ancestor(one.log_id, one.position, one.chain_hash, one.left_time_nanos, one.cause)
            for one in message.ancestors
        ),
        tuple(Opening(one.position, one.run, one.time_nanos) for one in message.openings),
    )
