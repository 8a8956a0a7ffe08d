"""A log that arrives as messages equals the one that was sent; a message that is missing is an error."""

from collections.abc import AsyncIterator, Sequence

import pytest

from foldlog.v1.admin_service_pb2 import BackupResponse
from foldlog_server.log.backup_stream import Incomplete, StreamedLog, parts
from foldlog_server.log.event_store import MAX_BATCH_BYTES, Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening
from foldlog_server.log.source import Origin, StoredRequest

MIB = 1024 * 1024
ORIGIN = Origin(
    "log",
    1,
    Head(3, b"chain"),
    2,
    3,
    (Ancestor("former", 1, b"its", 4, "restore"),),
    (Opening(0, b"12345678", 5), Opening(2, b"87654321", 6)),
)
EVENTS = [EncodedEvent(position, b"record %d" % position) for position in (1, 2, 3)]
REQUESTS = [StoredRequest("p", b"key %d" % number, b"f" * 32, "[]" * 5_000) for number in range(300)]


class Source:
    origin = ORIGIN

    async def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        yield EVENTS[:2]
        yield EVENTS[2:until]

    async def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        yield REQUESTS


async def messages() -> list[BackupResponse]:
    return [part async for part in parts(Source())]


async def received(sent: Sequence[BackupResponse]) -> tuple[Origin, list[EncodedEvent], list[StoredRequest]]:
    async def one_by_one() -> AsyncIterator[BackupResponse]:
        for message in sent:
            yield BackupResponse.FromString(message.SerializeToString())

    log = await StreamedLog.open(one_by_one())
    events = [event async for page in log.events(log.origin.head.position) for event in page]
    requests = [request async for page in log.requests() for request in page]
    return log.origin, events, requests


async def test_what_is_sent_is_what_comes() -> None:
    assert await received(await messages()) == (ORIGIN, EVENTS, REQUESTS)


async def test_no_message_is_larger_than_a_mebibyte() -> None:
    sizes = [message.ByteSize() for message in await messages()]
    assert max(sizes) <= MIB
    assert len(sizes) > 5
    assert sum(sizes) > MAX_BATCH_BYTES


async def test_whatever_is_missing_is_noticed() -> None:
    sent = await messages()
    for missing in range(len(sent)):
        with pytest.raises(Incomplete):
            await received(sent[:missing] + sent[missing + 1 :])
    for end in range(len(sent)):
        with pytest.raises(Incomplete):
            await received(sent[:end])
