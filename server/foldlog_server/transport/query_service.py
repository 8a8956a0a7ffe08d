"""Query services, routed from their descriptors: a query of one collection needs no code here."""

from collections.abc import Callable, Mapping

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.commands.past import Past
from foldlog_server.queries.bound_queries import Query, compile_query
from foldlog_server.queries.bound_watches import LiveQuery
from foldlog_server.queries.reads import Reads
from foldlog_server.transport.calls import Calls, RpcMethodHandler


def query_handlers(
    service: ServiceDescriptor,
    calls: Calls,
    reads: Reads,
    past: Past,
    queries: Mapping[str, Query],
    watch_of: Callable[[MethodDescriptor], LiveQuery],
) -> dict[str, RpcMethodHandler]:
    """A handler for each method of a query service, by name.

    `queries` answers, by full name, the methods that their proto does not bind to a collection; `watch_of`
    makes what answers a stream.
    """
    return {
        method.name: _watch(method, calls, watch_of(method))
        if method.server_streaming
        else _query(method, calls, reads, past, queries)
        for method in service.methods
    }


def _watch(method: MethodDescriptor, calls: Calls, watch: LiveQuery) -> RpcMethodHandler:
    return calls.streamed(method, lambda request, _: watch(request))


def _query(
    method: MethodDescriptor, calls: Calls, reads: Reads, past: Past, queries: Mapping[str, Query]
) -> RpcMethodHandler:
    if method.GetOptions().HasExtension(query_option):
        query = compile_query(method, reads, past)
    else:
        query = queries[method.full_name]

    return calls.unary(method, lambda request, _: query(request))
