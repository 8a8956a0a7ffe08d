"""Serves EventService: reads and follows the log without decoding events."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from google.protobuf.descriptor import ServiceDescriptor

from foldlog.v1 import event_service_pb2 as messages
from foldlog_server.errors import ReadRefused
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.reading import read_all_batches, read_stream_batches
from foldlog_server.log.record import embedded, repeated, repeated_text
from foldlog_server.log.subscription import (
    EVERYTHING,
    Batch,
    CaughtUp,
    CheckpointReached,
    EventFilter,
    FellBehind,
    Message,
    follow,
)
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.status import Context

Token: TypeAlias = Callable[[int], str]
"""Returns the token of a position."""

_EVENTS = b"\x0a"  # field 1 of a batch: its events
_TOKENS = b"\x12"  # field 2 of a batch: the tokens of their positions
_BATCH = b"\x1a"  # field 3 of SubscribeResponse: a batch


def event_handlers(
    service: ServiceDescriptor, calls: Calls, store: EventStore
) -> dict[str, RpcMethodHandler]:
    """Return a handler for each method, by name."""
    methods, reads = service.methods_by_name, _EventReads(store)
    return {
        "ReadStream": calls.streamed(methods["ReadStream"], reads.read_stream),
        "ReadAll": calls.streamed(methods["ReadAll"], reads.read_all),
        "Subscribe": calls.streamed(methods["Subscribe"], reads.subscribe),
        "GetHead": calls.unary(methods["GetHead"], reads.get_head),
    }


class _EventReads:
    """The methods of the service, on one log."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._token = store.lineage.token

    async def read_stream(self, request: messages.ReadStreamRequest, _: Context) -> AsyncGenerator[bytes]:
        if request.seen_token:
            self._seen(request.seen_token)
        batches = read_stream_batches(
            self._store,
            request.stream,
            from_version=request.from_version,
            backwards=_is_backwards(request),
            max_count=request.max_count,
        )
        async for batch in batches:
            yield _batch(batch, self._token)

    async def read_all(self, request: messages.ReadAllRequest, _: Context) -> AsyncGenerator[bytes]:
        backwards, first = _is_backwards(request), request.from_position
        if request.seen_token:
            seen = self._seen(request.seen_token)
            first = first or (seen if backwards else seen + 1)
            if not first:  # backwards before the first event: nothing
                return
        batches = read_all_batches(
            self._store, from_position=first, backwards=backwards, max_count=request.max_count
        )
        async for batch in batches:
            yield _batch(batch, self._token)

    async def subscribe(self, request: messages.SubscribeRequest, _: Context) -> AsyncGenerator[bytes]:
        store = self._store
        head = store.head.position
        after = self._start(request, head)
        async with aclosing(follow(store, after, _filter(request))) as followed:
            if after > head:
                raise ReadRefused.beyond_head(after, head)
            yield _confirmed(store, after, head)
            async for message in followed:
                yield _encoded(message, self._token)

    async def get_head(self, _: messages.GetHeadRequest, __: Context) -> bytes:
        position, chain_hash = self._store.head
        return messages.GetHeadResponse(
            log_id=self._store.log_id,
            position=position,
            chain_hash=chain_hash,
            token=self._token(position),
        ).SerializeToString()

    def _start(self, request: messages.SubscribeRequest, head: int) -> int:
        start, log_id = request.WhichOneof("start"), self._store.log_id
        if start == "after_token":
            return self._seen(request.after_token)
        if request.log_id and request.log_id != log_id:
            raise ReadRefused.log_replaced(request.log_id, log_id)
        match start:
            case "after_position":
                return request.after_position
            case "end":
                return head
            case _:
                return 0

    def _seen(self, token: str) -> int:
        return self._store.lineage.position_of(token, self._store.head.position)


def _is_backwards(request: messages.ReadStreamRequest | messages.ReadAllRequest) -> bool:
    return request.direction == messages.DIRECTION_BACKWARDS


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


def _confirmed(store: EventStore, position: int, head: int) -> bytes:
    return messages.SubscribeResponse(
        position=position,
        confirmed=messages.Confirmed(log_id=store.log_id, head=head),
        token=store.lineage.token(position),
    ).SerializeToString()


def _batch(events: Sequence[EncodedEvent], token: Token) -> bytes:
    """Concatenate the events as they are stored, without decoding them."""
    return repeated(_EVENTS, events) + repeated_text(_TOKENS, [token(event.position) for event in events])


def _encoded(message: Message, token: Token) -> bytes:
    response = messages.SubscribeResponse(position=message.position, token=token(message.position))
    match message:
        case Batch(_, events):
            return response.SerializeToString() + embedded(_BATCH, _batch(events, token))
        case CheckpointReached():
            response.checkpoint.SetInParent()
        case CaughtUp():
            response.caught_up.SetInParent()
        case FellBehind(_, head):
            response.fell_behind.head = head
            response.fell_behind.SetInParent()
    return response.SerializeToString()
