"""Serves queries and watches, compiled from their descriptors: no domain needs code here."""

from collections.abc import Callable

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.queries.bound_queries import compile_query
from foldlog_server.queries.bound_watches import LiveQuery
from foldlog_server.queries.sources import Sources
from foldlog_server.transport.calls import Calls, RpcMethodHandler


def query_handlers(
    service: ServiceDescriptor,
    calls: Calls,
    sources: Sources,
    watch_of: Callable[[MethodDescriptor], LiveQuery],
) -> dict[str, RpcMethodHandler]:
    """Return a handler for each query and each watch of a service, by name; `watch_of` compiles a watch."""
    return {
        method.name: _watch(method, calls, watch_of(method))
        if method.server_streaming
        else _query(method, calls, sources)
        for method in service.methods
        if method.GetOptions().HasExtension(query_option)
    }


def _watch(method: MethodDescriptor, calls: Calls, watch: LiveQuery) -> RpcMethodHandler:
    return calls.streamed(method, lambda request, _: watch(request))


def _query(method: MethodDescriptor, calls: Calls, sources: Sources) -> RpcMethodHandler:
    query = compile_query(method, sources)
    return calls.unary(method, lambda request, _: query(request))
