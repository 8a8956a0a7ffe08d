"""EventService: reading and following the log, as bytes."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from google.protobuf.descriptor import ServiceDescriptor

from foldlog.v1 import event_service_pb2 as messages
from foldlog_server.core.codec import repeated, varint
from foldlog_server.core.errors import ReadRefused
from foldlog_server.core.event_store import EventStore
from foldlog_server.core.events import EncodedEvent
from foldlog_server.core.subscription import (
    EVERYTHING,
    Batch,
    CaughtUp,
    CheckpointReached,
    EventFilter,
    FellBehind,
    Message,
    follow,
    read_all_batches,
    read_stream_batches,
)
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.errors import Context

_EVENTS = b"\x0a"  # field 1 of a batch: its events
_BATCH = b"\x1a"  # field 3 of SubscribeResponse: a batch


def event_handlers(
    service: ServiceDescriptor, calls: Calls, store: EventStore
) -> dict[str, RpcMethodHandler]:
    """A handler for each method, by name."""
    methods = service.methods_by_name

    async def read_stream(request: messages.ReadStreamRequest, _: Context) -> AsyncGenerator[bytes]:
        batches = read_stream_batches(
            store,
            request.stream,
            from_version=request.from_version,
            backwards=_is_backwards(request),
            max_count=request.max_count,
        )
        async for batch in batches:
            yield repeated(_EVENTS, batch)

    async def read_all(request: messages.ReadAllRequest, _: Context) -> AsyncGenerator[bytes]:
        batches = read_all_batches(
            store,
            from_position=request.from_position,
            backwards=_is_backwards(request),
            max_count=request.max_count,
        )
        async for batch in batches:
            yield repeated(_EVENTS, batch)

    async def subscribe(request: messages.SubscribeRequest, _: Context) -> AsyncGenerator[bytes]:
        if request.log_id and request.log_id != store.log_id:
            raise ReadRefused.log_replaced(request.log_id, store.log_id)
        head = store.head.position
        after = _start(request, head)
        async with aclosing(follow(store, after, _filter(request))) as followed:
            if after > head:
                raise ReadRefused.beyond_head(after, head)
            yield _confirmed(store.log_id, after, head)
            async for message in followed:
                yield _encoded(message)

    async def get_head(_: messages.GetHeadRequest, __: Context) -> bytes:
        head = store.head
        return messages.GetHeadResponse(
            log_id=store.log_id, position=head.position, chain_hash=head.chain_hash
        ).SerializeToString()

    return {
        "ReadStream": calls.streamed(methods["ReadStream"], read_stream),
        "ReadAll": calls.streamed(methods["ReadAll"], read_all),
        "Subscribe": calls.streamed(methods["Subscribe"], subscribe),
        "GetHead": calls.unary(methods["GetHead"], get_head),
    }


def _is_backwards(request: messages.ReadStreamRequest | messages.ReadAllRequest) -> bool:
    return request.direction == messages.DIRECTION_BACKWARDS


def _start(request: messages.SubscribeRequest, head: int) -> int:
    match request.WhichOneof("start"):
        case "after_position":
            return request.after_position
        case "end":
            return head
        case _:
            return 0


def _filter(request: messages.SubscribeRequest) -> EventFilter:
    wanted = request.filter
    if not wanted.ByteSize():
        return EVERYTHING
    return EventFilter(
        categories=wanted.categories,
        stream_prefixes=wanted.stream_prefixes,
        event_types=wanted.event_types,
        correlation_ids=wanted.correlation_ids,
    )


def _confirmed(log_id: str, position: int, head: int) -> bytes:
    confirmed = messages.Confirmed(log_id=log_id, head=head)
    return messages.SubscribeResponse(position=position, confirmed=confirmed).SerializeToString()


def _encoded(message: Message) -> bytes:
    match message:
        case Batch(position, events):
            return _encoded_batch(position, events)
        case CheckpointReached(position):
            response = messages.SubscribeResponse(position=position, checkpoint=messages.Checkpoint())
        case CaughtUp(position):
            response = messages.SubscribeResponse(position=position, caught_up=messages.CaughtUp())
        case FellBehind(position, head):
            fell_behind = messages.FellBehind(head=head)
            response = messages.SubscribeResponse(position=position, fell_behind=fell_behind)
    return response.SerializeToString()


def _encoded_batch(position: int, events: Sequence[EncodedEvent]) -> bytes:
    """A SubscribeResponse by concatenation: events are copied as they are stored, not decoded."""
    batch = repeated(_EVENTS, events)
    return b"\x08" + varint(position) + _BATCH + varint(len(batch)) + batch
