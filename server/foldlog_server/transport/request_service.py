"""Serves RequestService: returns what a command did, by its request id."""

from google.protobuf.descriptor import ServiceDescriptor

from foldlog.v1.request_service_pb2 import GetOutcomeRequest, GetOutcomeResponse
from foldlog_server.commands.command_handler import CommandHandler
from foldlog_server.log.event_store import EventStore, RequestKey
from foldlog_server.log.record import embedded, tag_of
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.command_result import encoded_result
from foldlog_server.transport.status import Context

_RESULT = tag_of(GetOutcomeResponse.DESCRIPTOR.fields_by_name["result"])


def request_handlers(
    service: ServiceDescriptor, calls: Calls, handler: CommandHandler, store: EventStore
) -> dict[str, RpcMethodHandler]:
    """Return a handler for each method, by name."""

    async def get_outcome(request: GetOutcomeRequest, _: Context) -> bytes:
        outcome = await handler.outcome_of(RequestKey("", request.request_id.lower()))
        return embedded(_RESULT, encoded_result(outcome, store))

    return {"GetOutcome": calls.unary(service.methods_by_name["GetOutcome"], get_outcome)}
