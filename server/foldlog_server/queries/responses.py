"""What the responses of queries have in common: where their parts go, and what is said of a missing one."""

from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from foldlog.v1.options_pb2 import QueryRoute
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.error_catalogue import Reason, catalogue_of
from foldlog_server.errors import Rejected
from foldlog_server.log.record import tag_of

NOW, THEN = "is", "was then"
"""How a refusal speaks of the present and of a past state."""


class Tags(NamedTuple):
    """The tags of a response's fields."""

    first: bytes
    """The document, the list of documents, or what the response speaks of."""
    freshness: bytes


def tags_of(response: Descriptor) -> Tags:
    """The tags of a response's first field and of its freshness."""
    return Tags(tag_of(response.fields[0]), tag_of(response.fields_by_name["freshness"]))


def route_of(method: MethodDescriptor) -> QueryRoute:
    """What the method says it is answered from."""
    route: QueryRoute = method.GetOptions().Extensions[query_option]
    return route


def not_found_of(method: MethodDescriptor) -> Callable[[str, str], Rejected]:
    """Returns what refuses a query for an id of nothing; its second argument is `NOW` or `THEN`."""
    route = route_of(method)
    reason = _reason(method, route.not_found)
    kind = route.id.removesuffix("_id")

    def not_found(id: str, when: str) -> Rejected:
        return Rejected(reason, f"There {when} no {kind} {id}.", {route.id: id})

    return not_found


def _reason(method: MethodDescriptor, name: str) -> Reason:
    file = method.containing_service.file
    enum = file.pool.FindEnumTypeByName(f"{file.package}.ErrorReason")
    return next(reason for reason in catalogue_of(enum).values() if reason.name == name)
