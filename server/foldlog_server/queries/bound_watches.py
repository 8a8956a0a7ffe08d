"""Compiles a watch from the options of its method, so that no domain needs code for one."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec.msgpack
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog.v1.options_pb2 import QueryRoute
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.errors import InvalidRequest
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.record import embedded, tag_of
from foldlog_server.queries import tokens
from foldlog_server.queries.filters import filters_of
from foldlog_server.queries.watch import Move, Place, Watched, watch
from foldlog_server.views.registry import ViewRegistry

LiveQuery = Callable[[Any], AsyncGenerator[bytes]]
"""Takes a checked request, and yields encoded responses for ever."""

_NOT_BOUND = ("resume_token",)


def compile_watch(method: MethodDescriptor, store: EventStore, projectors: ViewRegistry) -> LiveQuery:
    """Return the function that answers a watch."""
    route = method.GetOptions().Extensions[query_option]
    watched_of = _watched(method, route)
    encoded = _encoder(method, store)

    async def answer(request: Any) -> AsyncGenerator[bytes]:
        place = read_token(request.resume_token, request)
        async with aclosing(watch(store, projectors.of, watched_of(request), place)) as moves:
            async for move in moves:
                yield encoded(move, request)

    return answer


def _watched(method: MethodDescriptor, route: QueryRoute) -> Callable[[Any], Watched]:
    filters = filters_of(method.input_type)
    if not route.id:
        return lambda request: Watched(route.collection, None, filters(request))
    if method.input_type.fields_by_name[route.id].is_repeated:
        return lambda request: Watched(
            route.collection, frozenset(getattr(request, route.id)) or None, filters(request)
        )
    return lambda request: Watched(route.collection, {getattr(request, route.id)}, filters(request))


def _encoder(method: MethodDescriptor, store: EventStore) -> Callable[[Move, Message], bytes]:
    """Return a function that builds a response around the bytes of documents, without decoding them."""
    response_class: Any = GetMessageClass(method.output_type)
    puts: FieldDescriptor = method.output_type.fields_by_name["puts"]
    tag = tag_of(puts)
    has_token = "token" in method.output_type.fields_by_name

    def encoded(move: Move, request: Message) -> bytes:
        response: Any = response_class(
            position=move.place.position,
            resume_token=make_token(move.place, request),
            gone=move.gone,
            snapshot_complete=move.completes,
            reset=move.resets,
        )
        if has_token and move.place.position:
            response.token = store.lineage.token(move.place.position)
        encoded: bytes = response.SerializeToString()
        return encoded + b"".join([embedded(tag, document) for document in move.puts])

    return encoded


def make_token(place: Place, request: Message) -> str:
    """Return a token that resumes the request's watch at a place."""
    return tokens.make(msgspec.msgpack.encode(place), request, "", apart_from=_NOT_BOUND)


def read_token(token: str, request: Message) -> Place | None:
    """Return the place of a token, None for an empty one; raises `InvalidRequest` if it is of another
    request."""
    if not token:
        return None
    try:
        body = tokens.read(token, request, "", apart_from=_NOT_BOUND)
        return msgspec.msgpack.decode(body, type=Place)
    except (ValueError, msgspec.DecodeError):
        raise InvalidRequest.resume_token() from None
