"""Command services, routed from their descriptors: a new command needs no code here."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from foldlog.v1.commands_pb2 import REPLY_EVENTS, REPLY_RESULT, CommandResult, StreamVersion
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.options_pb2 import command as command_option
from foldlog_server.core.codec import message
from foldlog_server.core.command_handler import Command, CommandHandler, Outcome
from foldlog_server.core.decider import AnyDecider
from foldlog_server.core.errors import NotOffered
from foldlog_server.core.routing import route_of
from foldlog_server.transport.calls import RpcMethodHandler, not_offered, unary
from foldlog_server.transport.errors import Context


def command_handlers(
    service: ServiceDescriptor,
    handler: CommandHandler,
    deciders: Mapping[str, AnyDecider],
    log_id: str,
    new_id: Callable[[], str],
) -> dict[str, RpcMethodHandler]:
    """A handler for each method of a command service, by name."""
    return {
        method.name: _command(method, handler, deciders, log_id, new_id)
        if method.GetOptions().HasExtension(command_option)
        else not_offered(method, NotOffered(method.name))
        for method in service.methods
    }


def _command(
    method: MethodDescriptor,
    handler: CommandHandler,
    deciders: Mapping[str, AnyDecider],
    log_id: str,
    new_id: Callable[[], str],
) -> RpcMethodHandler:
    options = method.GetOptions().Extensions[command_option]
    command_type = method.input_type.fields_by_name["command"].message_type
    assert command_type is not None
    route = route_of(options, command_type, deciders, new_id)
    respond = _responder(method, log_id)

    async def answer(request: Any, context: Context) -> bytes:
        outcome = await handler.execute(_received(method, request, context), route)
        return respond(outcome, request.options.reply)

    return unary(method, answer, lambda request: route.check(request.command, request.options))


def _received(method: MethodDescriptor, request: Any, context: Context) -> Command:
    trace = {key: value for key, value in context.invocation_metadata() or () if key.startswith("trace")}
    return Command(
        method.full_name,
        request.command,
        request.options,
        traceparent=str(trace.get("traceparent", "")),
        tracestate=str(trace.get("tracestate", "")),
    )


def _responder(method: MethodDescriptor, log_id: str) -> Callable[[Outcome, int], bytes]:
    response_class = GetMessageClass(method.output_type)
    aggregate = method.output_type.fields[1]

    def respond(outcome: Outcome, reply: int) -> bytes:
        response: Any = response_class()
        _fill_result(response.result, outcome, log_id, with_events=reply != REPLY_RESULT)
        if reply not in (REPLY_RESULT, REPLY_EVENTS):
            shown = [stream.aggregate for stream in outcome.streams if stream.aggregate is not None]
            if aggregate.is_repeated:
                getattr(response, aggregate.name).extend(shown)
            elif shown:
                getattr(response, aggregate.name).CopyFrom(shown[0])
        encoded: bytes = response.SerializeToString()
        return encoded

    return respond


def _fill_result(result: CommandResult, outcome: Outcome, log_id: str, *, with_events: bool) -> None:
    first = outcome.streams[0]
    result.log_id = log_id
    result.stream = first.stream
    result.version = first.version
    result.position = outcome.position
    result.replayed = outcome.replayed
    result.validated_only = outcome.validated_only
    result.streams.extend(
        StreamVersion(stream=stream.stream, version=stream.version) for stream in outcome.streams
    )
    if with_events:
        for event in outcome.events:
            result.events.add().MergeFromString(message(event))
        for stream, version, new in outcome.proposed:
            payload = AnyMessage(type_url=f"type.googleapis.com/{new.type}", value=new.data)
            result.events.append(
                RecordedEvent(
                    stream=stream, version=version, event_id=new.event_id, type=new.type, payload=payload
                )
            )
