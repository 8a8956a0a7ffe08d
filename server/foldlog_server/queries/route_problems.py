"""Lists why a query or a watch cannot be answered: every reason at once, each with what to do about it."""

from collections.abc import Iterator, Mapping
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import COMPARISON_UNSPECIFIED, QueryRoute
from foldlog.v1.options_pb2 import filter as filter_option
from foldlog.v1.reads_pb2 import AsOf, Freshness, ReadOptions
from foldlog_server.domain.annotations import returned
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.view import AnyView
from foldlog_server.error_catalogue import catalogue_of
from foldlog_server.queries.responses import route_of
from foldlog_server.queries.stream_history import event_field
from foldlog_server.views.definition import indexed_columns

TEXT = (FieldDescriptor.TYPE_STRING,)
_PAGED = {"page_size": "int32", "page_token": "string", "descending": "bool"}
_WATCHED = {
    "position": "uint64",
    "resume_token": "string",
    "gone": "repeated string",
    "snapshot_complete": "bool",
    "reset": "bool",
}


def problems(
    method: MethodDescriptor, views: Mapping[str, AnyView], deciders: Mapping[str, AnyDecider]
) -> list[str]:
    """Return every reason why a method with the option `foldlog.v1.query` cannot be answered; none if it can.

    `views` are by the names of their collections, `deciders` by category.
    """
    if method.client_streaming:
        return [f"{method.full_name}: a query is one request; remove `stream` before its request"]
    found = _watch(method, views) if method.server_streaming else _query(method, views, deciders)
    return [f"{method.full_name}: {problem}" for problem in found]


def _query(
    method: MethodDescriptor, views: Mapping[str, AnyView], deciders: Mapping[str, AnyDecider]
) -> Iterator[str]:
    route = route_of(method)
    yield from _missing(method.input_type, {"options": ReadOptions.DESCRIPTOR.full_name})
    yield from _missing(method.output_type, {"freshness": Freshness.DESCRIPTOR.full_name})
    yield from _without_effect(method, route)
    if route.id:
        yield from _id(method, route)
        yield from _one_id(method, route)
        yield from _reason(method, route)
    if route.history:
        yield from _history(method, route, deciders)
    elif not route.collection:
        yield from _aggregate(method, route, deciders)
    elif route.id and not route.owner:
        yield from _document(method, route, views, deciders)
    else:
        yield from _list(method, route, views)


def _watch(method: MethodDescriptor, views: Mapping[str, AnyView]) -> Iterator[str]:
    route = route_of(method)
    yield from _collection(route.collection, views)
    yield from _missing(method.input_type, {"resume_token": "string"})
    yield from _missing(method.output_type, _WATCHED)
    if route.id:
        yield from _id(method, route)
    yield from _text(method.output_type, "token")
    puts = method.output_type.fields_by_name.get("puts")
    if puts is None or not puts.is_repeated:
        yield f"{method.output_type.full_name} has no repeated field `puts`; add one for the documents"
    else:
        yield from _shows(puts, route.collection, views)
    yield from _filters(method.input_type, route.collection, views)


def _document(
    method: MethodDescriptor,
    route: QueryRoute,
    views: Mapping[str, AnyView],
    deciders: Mapping[str, AnyDecider],
) -> Iterator[str]:
    yield from _collection(route.collection, views)
    yield from _shows(_first(method), route.collection, views)
    yield from _is_one(_first(method))
    yield from _no_filters(method, "a query for one document")
    if route.aggregate:
        yield from _decider(route.aggregate, deciders)
        yield from _missing(method.input_type, {"as_of": AsOf.DESCRIPTOR.full_name})
        yield from _renders(method, route, deciders)


def _list(method: MethodDescriptor, route: QueryRoute, views: Mapping[str, AnyView]) -> Iterator[str]:
    yield from _collection(route.collection, views)
    yield from _missing(method.input_type, _PAGED)
    yield from _missing(method.output_type, {"next_page_token": "string"})
    yield from _filters(method.input_type, route.collection, views)
    fields = method.output_type.fields
    if route.owner:
        if not route.id:
            yield (
                f'it lists what belongs to one of "{route.owner}"; say which field has its id, as in '
                '`id: "…_id"`'
            )
        yield from _collection(route.owner, views)
        owner, owned = views.get(route.owner), views.get(route.collection)
        if owner is not None and owned is not None and owner is not owned:
            yield (
                f'"{route.owner}" and "{route.collection}" are of different views, {owner.name} and '
                f"{owned.name}, which are rarely at one position; keep both in one view"
            )
        yield from _shows(_first(method), route.owner, views)
        yield from _of_owner(method, route)
        yield from _is_one(_first(method))
    listed = fields[1 if route.owner else 0] if len(fields) > bool(route.owner) else None
    if listed is None or not listed.is_repeated:
        yield (
            f"{method.output_type.full_name} has no list where the documents go; make its "
            f"{'second' if route.owner else 'first'} field a repeated one"
        )
    else:
        yield from _shows(listed, route.collection, views)


def _of_owner(method: MethodDescriptor, route: QueryRoute) -> Iterator[str]:
    """Without a filter by the owner, everybody's documents would be listed."""
    field = method.input_type.fields_by_name.get(route.id)
    if field is None:
        return
    found = field.GetOptions().Extensions[filter_option]
    if not found.column or found.comparison != COMPARISON_UNSPECIFIED:
        yield (
            f"{field.full_name} names the owner, and does not restrict the list to it; add "
            f'`(foldlog.v1.filter) = {{column: "{field.name}"}}` to it, with the field of the documents that '
            "names their owner"
        )


def _aggregate(
    method: MethodDescriptor, route: QueryRoute, deciders: Mapping[str, AnyDecider]
) -> Iterator[str]:
    if not route.aggregate:
        yield (
            "its foldlog.v1.query names nothing to answer from; set `collection`, or `aggregate` for the "
            "state that commands see, or `history` for the events of a stream"
        )
        return
    yield from _decider(route.aggregate, deciders)
    yield from _is_one(_first(method))
    yield from _renders(method, route, deciders)
    yield from _no_filters(method, "a query for one aggregate")
    if not route.id:
        yield f'it asks for one "{route.aggregate}"; say in which field its id is, as in `id: "…_id"`'


def _history(
    method: MethodDescriptor, route: QueryRoute, deciders: Mapping[str, AnyDecider]
) -> Iterator[str]:
    yield from _decider(route.history, deciders)
    yield from _missing(method.input_type, _PAGED)
    yield from _missing(method.output_type, {"next_page_token": "string"})
    if not route.id:
        yield f'it lists the events of one "{route.history}"; say which field has its id, as in `id: "…_id"`'
    yield from _no_filters(method, "a history")
    first = _first(method)
    if first is not None and first.message_type is not None:
        yield from _text(first.message_type, "token")
    if first is None or not first.is_repeated or event_field(first.message_type) is None:
        yield (
            f"the first field of {method.output_type.full_name} is no list of messages with a "
            "foldlog.v1.RecordedEvent; make it one, such as `repeated foldlog.v1.HistoryEntry entries = 1;`"
        )


def _first(method: MethodDescriptor) -> FieldDescriptor | None:
    return next(iter(method.output_type.fields), None)


def _collection(name: str, views: Mapping[str, AnyView]) -> Iterator[str]:
    if name not in views:
        known = ", ".join(sorted(views)) or "none"
        yield f'no view has a collection "{name}" (there are: {known}); add a view, or correct the name'


def _decider(category: str, deciders: Mapping[str, AnyDecider]) -> Iterator[str]:
    if category not in deciders:
        known = ", ".join(sorted(deciders)) or "none"
        yield (
            f'there is no decider of the category "{category}" (there are: {known}); add one, or correct '
            "the name"
        )


def _shows(field: FieldDescriptor | None, collection: str, views: Mapping[str, AnyView]) -> Iterator[str]:
    """Return the problems of a field that shows documents of a collection: a wrong type."""
    view = views.get(collection)
    if view is None:
        return
    document: type[Message] = view.collections[collection]
    expected = document.DESCRIPTOR.full_name
    shown = None if field is None or field.message_type is None else field.message_type.full_name
    if shown != expected:
        where = "the response" if field is None else field.full_name
        yield f'{where} shows documents of "{collection}", which are {expected}; make it of that type'


def _without_effect(method: MethodDescriptor, route: QueryRoute) -> Iterator[str]:
    """Return the problems of options and fields that would be silently ignored."""
    is_list = bool(route.collection) and not (route.id and not route.owner)
    of_one_aggregate = bool(route.aggregate) and not route.history and not is_list
    for name, is_said, has_effect in (
        ("collection", route.collection, not route.history),
        ("aggregate", route.aggregate, of_one_aggregate),
        ("owner", route.owner, bool(route.collection) and not route.history),
        ("by_id", route.by_id, is_list and not route.history),
    ):
        if is_said and not has_effect:
            yield f"`{name}` has no effect beside the rest of its foldlog.v1.query; remove one or the other"
    as_of = method.input_type.fields_by_name.get("as_of")
    if as_of is None:
        return
    if not of_one_aggregate:
        yield (
            f"{as_of.full_name} asks for the past, and the present would be answered; let `aggregate` say "
            "which decider knows the past of one document, or remove the field"
        )
    elif _type_of(as_of) != AsOf.DESCRIPTOR.full_name:
        yield f"{as_of.full_name} is not a {AsOf.DESCRIPTOR.full_name}; make it one, or rename it"


def _renders(
    method: MethodDescriptor, route: QueryRoute, deciders: Mapping[str, AnyDecider]
) -> Iterator[str]:
    """Return the problems of what the decider renders, where the response shows it."""
    decider, first = deciders.get(route.aggregate), _first(method)
    if decider is None:
        return
    try:
        rendered = returned(decider.render).DESCRIPTOR.full_name
    except TypeError as error:
        yield f'it shows what the decider "{route.aggregate}" renders: {str(error).rstrip(".")}'
        return
    if first is None or _type_of(first).removeprefix("repeated ") != rendered:
        where = "the response" if first is None else first.full_name
        yield (
            f'{where} shows what the decider "{route.aggregate}" renders, which is {rendered}; make it of '
            "that type"
        )
    yield from _renders_nothing_of_nothing(decider)


def _renders_nothing_of_nothing(decider: AnyDecider) -> Iterator[str]:
    what = f'`render` of the decider "{decider.category}"'
    try:
        shown = decider.render("1", 0, decider.initial)
    except Exception as error:  # any exception here would be raised for every id that does not exist
        yield (
            f"{what} fails for what does not exist, the initial state at version 0 "
            f"({type(error).__name__}: {error}); return None for version 0"
        )
        return
    if shown is not None:
        yield (
            f"{what} shows what does not exist, the initial state at version 0, so that no id is ever "
            "refused; return None for version 0"
        )


def _is_one(field: FieldDescriptor | None) -> Iterator[str]:
    if field is not None and field.is_repeated:
        yield f"{field.full_name} is a list, and holds one; remove `repeated`"


def _text(message: Descriptor, name: str) -> Iterator[str]:
    """Return the problems of an optional field that is filled if the message has it."""
    field = message.fields_by_name.get(name)
    if field is not None and _type_of(field) != "string":
        yield f"{field.full_name} is filled with the token of a position; make it a string, or rename it"


def _no_filters(method: MethodDescriptor, what: str) -> Iterator[str]:
    for field in method.input_type.fields:
        if field.GetOptions().HasExtension(filter_option):
            yield f"{field.full_name} is a filter, and {what} has none; remove its foldlog.v1.filter"


def _one_id(method: MethodDescriptor, route: QueryRoute) -> Iterator[str]:
    field = method.input_type.fields_by_name.get(route.id)
    if field is not None and field.is_repeated:
        yield f"{field.full_name} is a list, and the query is for one; remove `repeated`"


def _id(method: MethodDescriptor, route: QueryRoute) -> Iterator[str]:
    field = method.input_type.fields_by_name.get(route.id)
    if field is None or field.type not in TEXT:
        yield f"{method.input_type.full_name} has no string {route.id}, which `id` names; add it"


def _reason(method: MethodDescriptor, route: QueryRoute) -> Iterator[str]:
    file = method.containing_service.file
    try:
        enum = file.pool.FindEnumTypeByName(f"{file.package}.ErrorReason")
    except KeyError:
        yield f"{file.package} has no enum ErrorReason; declare one, with an entry for `not_found`"
        return
    known = {reason.name for reason in catalogue_of(enum).values()}
    if route.not_found not in known:
        yield (
            f'"{route.not_found}" is no reason of {enum.full_name}; let `not_found` name one, without its '
            "prefix ERROR_REASON_"
        )


def _missing(message: Descriptor, wanted: Mapping[str, str]) -> Iterator[str]:
    """Return the fields that a message lacks, by name, or has with another type."""
    for name, expected in wanted.items():
        field = message.fields_by_name.get(name)
        if field is None or _type_of(field) != expected:
            yield f"{message.full_name} has no field `{expected} {name}`; add it"


_TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def _type_of(field: FieldDescriptor) -> str:
    name = _TYPES.get(field.type, "another type")
    if field.message_type is not None:
        name = field.message_type.full_name
    return f"repeated {name}" if field.is_repeated else name


def _filters(request: Descriptor, collection: str, views: Mapping[str, AnyView]) -> Iterator[str]:
    view = views.get(collection)
    if view is None:
        return
    document: type[Message] = view.collections[collection]
    try:
        columns = {column.name for column in indexed_columns(document)}
    except TypeError:
        return  # a problem of the view, reported there
    for field in request.fields:
        if not field.GetOptions().HasExtension(filter_option):
            continue
        column = field.GetOptions().Extensions[filter_option].column
        if field.is_repeated:
            yield f"{field.full_name} filters by one value, and is a list; remove `repeated`"
        elif column not in columns:
            yield (
                f"{field.full_name} filters by {column}, which is no indexed field of "
                f"{document.DESCRIPTOR.full_name}; add `[(foldlog.v1.indexed) = true]` to it there"
            )
        elif _kind(other := _column(document, column)) != _kind(field):
            yield (
                f"{field.full_name} filters by {column}, which is of another type; make it that of "
                f"{other.full_name}"
            )


def _column(document: type[Message], name: str) -> FieldDescriptor:
    return cast(Descriptor, document.DESCRIPTOR).fields_by_name[name]


def _kind(field: FieldDescriptor) -> tuple[int, str]:
    """Return the kind of value in a column of the field: text, bytes, or one kind for each size and sign of
    number."""
    of_type = field.message_type or field.enum_type
    is_bytes = field.type == FieldDescriptor.TYPE_BYTES
    return field.cpp_type, "bytes" if is_bytes else "" if of_type is None else of_type.full_name
