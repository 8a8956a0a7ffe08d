"""Serves command services, routed from their descriptors: a new command needs no code here."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from foldlog.v1.commands_pb2 import REPLY_EVENTS, REPLY_RESULT, CommandOptions
from foldlog.v1.options_pb2 import command as command_option
from foldlog_server.commands.command_handler import Command, CommandHandler, Outcome
from foldlog_server.commands.forms import result_field
from foldlog_server.commands.pending_command import never
from foldlog_server.commands.routing import Route, route_of
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import NotOffered
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.record import embedded, tag_of
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.calls import Calls, FurtherCheck, RpcMethodHandler
from foldlog_server.transport.command_result import encoded_result
from foldlog_server.transport.status import Context
from foldlog_server.transport.trace_context import TRACE


def command_handlers(
    service: ServiceDescriptor,
    calls: Calls,
    handler: CommandHandler,
    deciders: Mapping[str, AnyDecider],
    arrivals: Arrivals,
    store: EventStore,
    new_id: Callable[[], str],
) -> dict[str, RpcMethodHandler]:
    """Return a handler for each method of a command service, by name."""
    return {
        method.name: _command(method, calls, handler, deciders, arrivals, store, new_id)
        if method.GetOptions().HasExtension(command_option)
        else calls.not_offered(method, NotOffered(method.name))
        for method in service.methods
    }


def _command(
    method: MethodDescriptor,
    calls: Calls,
    handler: CommandHandler,
    deciders: Mapping[str, AnyDecider],
    arrivals: Arrivals,
    store: EventStore,
    new_id: Callable[[], str],
) -> RpcMethodHandler:
    route = route_of(method, deciders, new_id)
    command_of = route.form.command_of
    respond = _responder(method, store)
    name = method.full_name

    async def answer(request: Any, context: Context) -> bytes:
        command = _received(name, command_of(request), request.options, context)
        return respond(await handler.execute(command, route), request.options)

    return calls.gathered(method, answer, _further_check(route), arrivals)


def _further_check(route: Route) -> FurtherCheck | None:
    check, command_of = route.check, route.form.command_of
    return None if check is None else lambda request: check(command_of(request), request.options)


def _received(name: str, command: Message, options: CommandOptions, context: Context) -> Command:
    trace, is_late = TRACE.get(), _lateness(context.time_remaining())
    return Command(name, command, options, "", trace.traceparent, trace.tracestate, is_late)


def _lateness(seconds: float | None) -> Callable[[], bool]:
    """Return a function that says later whether a deadline, so many seconds away now, has passed."""
    if seconds is None:
        return never
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline


def _responder(method: MethodDescriptor, store: EventStore) -> Callable[[Outcome, CommandOptions], bytes]:
    """Return a function that builds a response around the bytes of stored events, without decoding them."""
    result = result_field(method.output_type)
    assert result is not None
    result_tag, aggregate_fields = tag_of(result), _fields_by_type(method.output_type)

    def respond(outcome: Outcome, options: CommandOptions) -> bytes:
        reply = options.reply
        result = encoded_result(outcome, store, options.session_token, with_events=reply != REPLY_RESULT)
        response = embedded(result_tag, result)
        if reply in (REPLY_RESULT, REPLY_EVENTS):
            return response
        return response + _aggregates(outcome, aggregate_fields)

    return respond


class _AggregateField(NamedTuple):
    """The field of a reply that shows the aggregates of one type."""

    tag: bytes
    is_list: bool


def _fields_by_type(reply: Descriptor) -> Mapping[str, _AggregateField]:
    """Return the first field of each message type."""
    return {
        field.message_type.full_name: _AggregateField(tag_of(field), field.is_repeated)
        for field in reversed(reply.fields)
        if field.message_type is not None
    }


def _aggregates(outcome: Outcome, fields: Mapping[str, _AggregateField]) -> bytes:
    """Yield each aggregate for the field of its type, if there is one; a singular field gets the first."""
    encoded = b""
    filled: set[bytes] = set()
    for stream in outcome.streams:
        if stream.aggregate is None:
            continue
        field = fields.get(stream.aggregate.DESCRIPTOR.full_name)
        if field is not None and field.tag not in filled:
            encoded += embedded(field.tag, stream.aggregate.SerializeToString())
            if not field.is_list:
                filled.add(field.tag)
    return encoded
