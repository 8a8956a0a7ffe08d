"""Says why domains cannot be served together: every reason at once, before anything is opened."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from google.protobuf.descriptor import MethodDescriptor

from foldlog.v1.options_pb2 import command as command_option
from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.commands import route_problems as commands
from foldlog_server.domain import state_codec
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.domain import Domain
from foldlog_server.domain.reasons import reason_problems
from foldlog_server.domain.view import AnyView
from foldlog_server.log.upcasting import Upcaster, chains, name_of
from foldlog_server.queries import route_problems as queries
from foldlog_server.views.definition import indexed_columns

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]*")
_FILE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def problems(domains: Sequence[Domain]) -> Sequence[str]:
    """Every reason why the domains cannot be served, a line for each; none if they can."""
    deciders = [decider for domain in domains for decider in domain.deciders]
    views = [view for domain in domains for view in domain.views]
    upcasters = [upcaster for domain in domains for upcaster in domain.upcasters]
    found = chain(
        _names(domains),
        *map(_decider, deciders),
        *map(_view, views),
        _twice("category", (one.category for one in deciders), "rename one decider's"),
        _twice("view", (one.name for one in views), "rename one"),
        _twice("collection", (name for one in views for name in one.collections), "rename one"),
        _events(deciders, views, upcasters),
        _methods(domains, deciders, views),
        _reasons(domains),
    )
    return list(dict.fromkeys(found))


def _names(domains: Sequence[Domain]) -> Iterator[str]:
    for domain in domains:
        if not _NAME.fullmatch(domain.name):
            yield f"{domain.name!r} is no name of a domain. Use lower case letters, digits and underscores."
        if not domain.services:
            yield f"The domain {domain.name} has no service. List in `protos` the module that declares it."
    yield from _twice("domain", (one.name for one in domains), "rename one")
    services = (one.full_name for domain in domains for one in domain.services)
    yield from _twice("service", services, "list its proto in one domain alone")


def _twice(kind: str, names: Iterable[str], advice: str) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f'The {kind} "{name}" is there {times} times; {advice}.'


def _decider(decider: AnyDecider) -> Iterator[str]:
    if not _CATEGORY.fullmatch(decider.category):
        yield (
            f'"{decider.category}" is no category: it stands before the first dash of a stream\'s name. Use '
            "lower case letters, digits and underscores."
        )
    try:
        state_codec.shape_of(decider.initial)
    except TypeError as error:
        yield f"The state of the decider {decider.category} cannot be kept as a snapshot: {error}"


def _view(view: AnyView) -> Iterator[str]:
    for what, name in [("view", view.name), *(("collection", one) for one in view.collections)]:
        if not _FILE_NAME.fullmatch(name):
            yield f'"{name}" is no name of a {what}. Use lower case letters and digits, with single dashes.'
    for document in view.collections.values():
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
    known = {name_of(event) for decider in deciders for event in decider.events}
    for old, way in steps.items():
        if old in known:
            yield f"{old} is upcast, so no decider is given it. Take it out of the events of its decider."
        if name_of(way[-1].new) not in known:
            yield (
                f"{old} is upcast to {name_of(way[-1].new)}, which no decider knows. Add that to the "
                "annotation of the decider's evolve."
            )
    for view in views:
        for event in view.events:
            if name_of(event) not in known:
                yield (
                    f"The view {view.name} handles {name_of(event)}, which no decider knows. Add it to the "
                    "annotation of a decider's evolve, or take it out of the view's."
                )


def _methods(
    domains: Sequence[Domain], deciders: Sequence[AnyDecider], views: Sequence[AnyView]
) -> Iterator[str]:
    by_category = {decider.category: decider for decider in deciders}
    by_collection = {name: view for view in views for name in view.collections}
    for domain in domains:
        for service in domain.services:
            for method in service.methods:
                yield from _method(method, by_category, by_collection)


def _method(
    method: MethodDescriptor, deciders: Mapping[str, AnyDecider], views: Mapping[str, AnyView]
) -> Iterator[str]:
    options = method.GetOptions()
    if options.HasExtension(command_option):
        yield from (f"{problem}." for problem in commands.problems(method, deciders))
    elif options.HasExtension(query_option):
        yield from (f"{problem}." for problem in queries.problems(method, views, deciders))
    elif not method.client_streaming:  # a stream of commands is not offered yet, and refused
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
