"""Makes the services of a server: from its parts, a handler for each method."""

from dataclasses import dataclass

import uuid_utils
from google.protobuf.descriptor import ServiceDescriptor

from foldlog.v1 import admin_service_pb2, event_service_pb2, request_service_pb2
from foldlog_server.app.server_clock import ServerClock
from foldlog_server.commands.aggregates import Aggregates
from foldlog_server.commands.command_handler import CommandHandler
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.past import Past
from foldlog_server.domain.domain import Domains
from foldlog_server.queries.bound_watches import compile_watch
from foldlog_server.queries.reads import Reads
from foldlog_server.queries.sources import Sources
from foldlog_server.stores.sqlite.event_store import SqliteEventStore
from foldlog_server.stores.sqlite.scrubber import Scrubber
from foldlog_server.stores.sqlite.snapshots import SqliteSnapshots
from foldlog_server.transport.admin_service import Admin, admin_handlers
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.command_service import command_handlers
from foldlog_server.transport.event_service import event_handlers
from foldlog_server.transport.query_service import query_handlers
from foldlog_server.transport.request_service import request_handlers
from foldlog_server.views.rebuilds import Rebuilds
from foldlog_server.views.registry import ViewRegistry
from foldlog_server.views.repairs import Repairs

Handlers = dict[str, dict[str, RpcMethodHandler]]
"""The handlers by the name of the method, by the full name of the service."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a server, apart from its port."""

    store: SqliteEventStore
    domains: Domains
    projectors: ViewRegistry
    rebuilds: Rebuilds
    repairs: Repairs
    snapshots: SqliteSnapshots
    clock: ServerClock
    scrubber: Scrubber


def new_id() -> str:
    """A UUIDv7: unique, and ordered by time."""
    return str(uuid_utils.uuid7())


def handlers(parts: Parts, calls: Calls, *, cached_aggregates: int) -> Handlers:
    """The handlers of the domains' services and of Foldlog's own."""
    domains, store = parts.domains, parts.store
    folds = Folds(store, domains.codec, parts.snapshots)
    aggregates = Aggregates(store, folds, new_id, capacity=cached_aggregates)
    handler = CommandHandler(store, folds, domains.deciders, aggregates)
    past = Past(store, folds, domains.deciders, parts.clock)
    reads = Reads(store, parts.projectors, parts.clock)
    sources = Sources(store, domains.deciders, aggregates, past, reads)
    arrivals = Arrivals()

    def of_domain(service: ServiceDescriptor) -> dict[str, RpcMethodHandler]:
        return command_handlers(
            service, calls, handler, domains.deciders, arrivals, store, new_id
        ) | query_handlers(
            service, calls, sources, lambda method: compile_watch(method, store, parts.projectors)
        )

    return {service.full_name: of_domain(service) for service in domains.services} | _own(
        parts, calls, handler, reads
    )


def _own(parts: Parts, calls: Calls, handler: CommandHandler, reads: Reads) -> Handlers:
    events = event_service_pb2.DESCRIPTOR.services_by_name["EventService"]
    requests = request_service_pb2.DESCRIPTOR.services_by_name["RequestService"]
    admin = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]
    operator = Admin(
        parts.store,
        parts.projectors,
        parts.rebuilds,
        parts.repairs,
        reads,
        parts.clock,
        lambda: parts.scrubber.state,
        parts.store.source,
    )
    return {
        events.full_name: event_handlers(events, calls, parts.store),
        requests.full_name: request_handlers(requests, calls, handler, parts.store),
        admin.full_name: admin_handlers(admin, calls, operator),
    }
