"""Finds where the parts of a query's response go, and refuses a query for an id that does not exist."""

from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from foldlog.v1.options_pb2 import QueryRoute
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.error_catalogue import Reason, catalogue_of
from foldlog_server.errors import Rejected
from foldlog_server.log.record import tag_of

NOW, THEN = "is", "was then"
"""The verb of a refusal about the present state, and about a past one."""


class Tags(NamedTuple):
    """The tags of a response's fields."""

    first: bytes
    """The document, the list of documents, or the subject of the response."""
    freshness: bytes


def tags_of(response: Descriptor) -> Tags:
    """Return the tags of a response's first field and of its freshness."""
    return Tags(tag_of(response.fields[0]), tag_of(response.fields_by_name["freshness"]))


def route_of(method: MethodDescriptor) -> QueryRoute:
    """Return the method's option `foldlog.v1.query`."""
    route: QueryRoute = method.GetOptions().Extensions[query_option]
    return route


def not_found_of(method: MethodDescriptor) -> Callable[[str, str], Rejected]:
    """Return the function that makes the refusal for an id that does not exist; it takes `NOW` or `THEN`."""
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
