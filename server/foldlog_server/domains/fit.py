"""Finds why domains cannot be served together: every reason at once, before anything is opened.

Without these checks, the first call that meets such a problem would fail.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import ModuleType
from typing import cast

from google.protobuf.descriptor import Descriptor, FileDescriptor, MethodDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import command as command_option
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.commands import route_problems as commands
from foldlog_server.domain.decider import AnyDecider, Decider
from foldlog_server.domain.domain import Domain
from foldlog_server.domain.reasons import reason_problems
from foldlog_server.domain.view import AnyView, View
from foldlog_server.domains import field_rule_problems, function_problems
from foldlog_server.log.upcasting import Upcaster, chains, name_of
from foldlog_server.queries import route_problems as queries
from foldlog_server.views.definition import indexed_columns

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]*")
_FILE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 100
"""How many characters a category or the name of a view may have: names of streams and files contain them."""


def problems(domains: Sequence[Domain]) -> Sequence[str]:
    """Every reason why the domains cannot be served, a line for each; empty if they can."""
    misshapen = [reason for domain in domains for reason in _parts(domain)]
    # Parts of a wrong type cannot be checked any further.
    return _lines(misshapen or _found(domains))


def _lines(reasons: Iterable[str]) -> Sequence[str]:
    """Each reason once and in one line: texts of types and libraries may have several lines."""
    return [" ".join(reason.split()) for reason in dict.fromkeys(reasons)]


def _found(domains: Sequence[Domain]) -> Iterable[str]:
    deciders = [decider for domain in domains for decider in domain.deciders]
    views = [view for domain in domains for view in domain.views]
    upcasters = [upcaster for domain in domains for upcaster in domain.upcasters]
    return chain(
        _names(domains),
        *map(_decider, deciders),
        *map(_view, views),
        *map(function_problems.upcaster_problems, upcasters),
        _twice("category", (one.category for one in deciders), "rename one decider's"),
        _twice("view", (one.name for one in views), "rename one"),
        _twice("collection", (name for one in views for name in one.collections), "rename one"),
        _events(deciders, views, upcasters),
        _methods(domains),
        _reasons(domains),
    )


def _parts(domain: Domain) -> Iterator[str]:
    """The fields of a domain that have a wrong type, such as a decider instead of a tuple of deciders."""
    for field, kind, what in _PARTS:
        parts = getattr(domain, field)
        if not isinstance(parts, list | tuple):
            yield f"`{field}` of the domain {domain.name} is no tuple. Write `{field}=(…,)`, with its comma."
            continue
        for part in parts:
            if not isinstance(part, kind) or (kind is ModuleType and not _is_proto(part)):
                yield f"`{field}` of the domain {domain.name} has {part!r}, which is {what}."


_PARTS: Sequence[tuple[str, type, str]] = (
    ("protos", ModuleType, "no generated module of a proto. Give its module that ends in _pb2"),
    ("deciders", Decider, "no Decider"),
    ("views", View, "no View"),
    ("upcasters", Upcaster, "no Upcaster"),
)


def _is_proto(module: object) -> bool:
    return isinstance(getattr(module, "DESCRIPTOR", None), FileDescriptor)


def _names(domains: Sequence[Domain]) -> Iterator[str]:
    for domain in domains:
        if not (isinstance(domain.name, str) and _NAME.fullmatch(domain.name)):
            yield f"{domain.name!r} is no name of a domain. Use lower case letters, digits and underscores."
        if not domain.services:
            yield f"The domain {domain.name} has no service. List in `protos` the module that declares it."
        for file in {service.file.name: service.file for service in domain.services}.values():
            if not file.package:
                yield f"{file.name} has no package, which errors and events are named by. Declare one."
    yield from _twice("domain", (one.name for one in domains), "rename one")
    services = (one.full_name for domain in domains for one in domain.services)
    yield from _twice("service", services, "list its proto in one domain alone, and once")


def _twice(kind: str, names: Iterable[str], advice: str) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f'The {kind} "{name}" occurs {times} times; {advice}.'


def _decider(decider: AnyDecider) -> Iterator[str]:
    category = decider.category
    if not isinstance(category, str) or not _CATEGORY.fullmatch(category) or len(category) > _LONGEST:
        yield (
            f'"{category}" is no category: it stands before the first dash of a stream\'s name. Use lower '
            f"case letters, digits and underscores, {_LONGEST} at most."
        )
    yield from _revision(f"decider {category}", decider.revision)
    yield from function_problems.decider_problems(decider)


def _revision(whose: str, revision: object) -> Iterator[str]:
    if not isinstance(revision, int) or revision < 0:
        yield f"The revision of the {whose} is {revision!r}. Count 1, 2, 3, …"


def _view(view: AnyView) -> Iterator[str]:
    for what, name in [("view", view.name), *(("collection", one) for one in view.collections)]:
        if not isinstance(name, str) or not _FILE_NAME.fullmatch(name) or len(name) > _LONGEST:
            yield (
                f'"{name}" is no name of a {what}. Use lower case letters and digits, with single dashes, '
                f"{_LONGEST} at most."
            )
    if not view.collections:
        yield f"The view {view.name} has no collection. Name the message of its documents in `collections`."
    yield from _revision(f"view {view.name}", view.revision)
    yield from function_problems.view_problems(view)
    for name, document in view.collections.items():
        if not (isinstance(document, type) and issubclass(document, Message)):
            yield f'The collection "{name}" is of {document!r}, which is no message class.'
            continue
        try:
            indexed_columns(document)
        except TypeError as error:
            yield f"The view {view.name} cannot be indexed: {error}"


def _events(
    deciders: Sequence[AnyDecider], views: Sequence[AnyView], upcasters: Sequence[Upcaster]
) -> Iterator[str]:
    try:
        steps = chains(upcasters)
    except ValueError as error:
        yield str(error)
        return
    events = [event for decider in deciders for event in decider.events]
    yield from field_rule_problems.name_problems(cast(Descriptor, event.DESCRIPTOR) for event in events)
    known = set(map(name_of, events))
    for old, way in steps.items():
        if old in known:
            yield f"{old} is upcast, so no decider is given it. Take it out of the events of its decider."
        if name_of(way[-1].new) not in known:
            yield (
                f"{old} is upcast to {name_of(way[-1].new)}, which no decider knows. Add that to the "
                "annotation of the decider's evolve."
            )
    for view in views:
        for name in map(name_of, view.events):
            if name in steps:
                yield (
                    f"The view {view.name} handles {name}, which is upcast. Let it handle "
                    f"{name_of(steps[name][-1].new)} instead."
                )
            elif name not in known:
                yield (
                    f"The view {view.name} handles {name}, which no decider knows. Add it to the "
                    "annotation of a decider's evolve, or take it out of the view's."
                )


def _methods(domains: Sequence[Domain]) -> Iterator[str]:
    """What is wrong with methods. If two domains have the same name, the methods of each mean its own."""
    deciders = _by_category(domains)
    collections = _by_collection(domains)
    for domain in domains:
        own_deciders = {**deciders, **_by_category([domain])}
        own_collections = {**collections, **_by_collection([domain])}
        methods = [method for service in domain.services for method in service.methods]
        for method in methods:
            yield from _method(method, own_deciders, own_collections)
        yield from field_rule_problems.problems(method.input_type for method in methods)


def _by_category(domains: Sequence[Domain]) -> Mapping[str, AnyDecider]:
    return {decider.category: decider for domain in domains for decider in domain.deciders}


def _by_collection(domains: Sequence[Domain]) -> Mapping[str, AnyView]:
    return {
        name: view
        for domain in domains
        for view in domain.views
        for name, document in view.collections.items()
        if isinstance(document, type) and issubclass(document, Message)
    }


def _method(
    method: MethodDescriptor, deciders: Mapping[str, AnyDecider], views: Mapping[str, AnyView]
) -> Iterator[str]:
    options = method.GetOptions()
    is_command, is_query = options.HasExtension(command_option), options.HasExtension(query_option)
    if is_command and is_query:
        yield f"{method.full_name} is a command and a query. Keep one of the two options."
    elif is_command:
        yield from (f"{problem}." for problem in commands.problems(method, deciders))
    elif is_query:
        yield from (f"{problem}." for problem in queries.problems(method, views, deciders))
    elif not method.client_streaming:  # a stream of commands is not offered yet: each call is refused
        yield (
            f"{method.full_name} has no route. Give it the option foldlog.v1.command or foldlog.v1.query, "
            "which say what it is decided on or answered from."
        )


def _reasons(domains: Sequence[Domain]) -> Iterator[str]:
    packages = {service.file.package: service.file for domain in domains for service in domain.services}
    for package, file in packages.items():
        try:
            yield from reason_problems(file.pool.FindEnumTypeByName(f"{package}.ErrorReason"))
        except KeyError:
            continue
