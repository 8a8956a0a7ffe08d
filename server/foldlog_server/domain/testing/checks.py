"""Checks of a whole domain: each raises `AssertionError` with a line for everything that it finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FileDescriptor, MethodDescriptor
from google.protobuf.message import Message

from foldlog.v1.options_pb2 import query as query_option
from foldlog_server.domain.annotations import returned
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.domain.domain import Domain
from foldlog_server.domain.testing.samples import filled, least
from foldlog_server.domain.testing.scenarios import ViewScenario, keeping_state, keys_of
from foldlog_server.domain.view import AnyView
from foldlog_server.domains import fit, shop
from foldlog_server.error_catalogue import catalogue_of
from foldlog_server.errors import Rejected
from foldlog_server.log.upcasting import name_of


def check(domain: Domain, *others: Domain, with_shop: bool = True) -> None:
    """The domain can be served together with the others, and with those beside the shop.

    Everything is found that a server finds when it starts. `with_shop` is False for a domain that is served
    with `--no-shop` only.
    """
    found = [*fit.problems([domain, *others])]
    if with_shop:
        beside = [one for one in shop.SHOP if all(one is not other for other in (domain, *others))]
        found += fit.problems([*beside, domain, *others])
    _report(found)


def check_decisions(domain: Domain, *commands: Message) -> None:
    """Every command is decided, on the initial state and on later ones, and every event makes a state.

    Each decider is given the least of each of its commands that keeps the rules of its fields, or the one of
    `commands` that is of the type; it has to return events that it knows, or to raise `Rejected`. Later
    states are those that its events make one after the other, in the order of its annotation and with every
    field set. They may be such as never come to be; so there, and of `evolve`, only what shows a missing case
    counts: an AssertionError, as `assert_never` raises it, and None where a list or a state belongs.
    """
    given = {name_of(type(command)): command for command in commands}
    _report(line for decider in domain.deciders for line in _undecided(decider, given))


def _undecided(decider: AnyDecider, given: Mapping[str, Message]) -> Iterator[str]:
    states: list[object] = [decider.initial]
    for kind in decider.events:
        yield from _evolved(decider, filled(kind), states)
    for command_kind in decider.commands:
        command = given.get(name_of(command_kind)) or least(command_kind)
        for state in states:
            yield from _not_decided(decider, command, state)


def _not_decided(decider: AnyDecider, command: Message, state: object) -> Iterator[str]:
    what = f"`decide` of the decider {decider.category}, given {command.DESCRIPTOR.full_name},"
    try:
        happened: object = keeping_state(decider, "decide", state, partial(decider.decide, command, state))
    except Rejected:
        return
    except Exception as error:
        if " changes the state " in str(error):
            yield str(error)
        elif state is decider.initial or isinstance(error, AssertionError):
            yield (
                f"{what} raises {type(error).__name__}: {error}. Add its case; if no such command can come, "
                "give one that can."
            )
        return
    if not isinstance(happened, Sequence):
        yield f"{what} returns {happened!r}, and not a list of events. Add its case."
        return
    for event in happened:
        if not isinstance(event, decider.events):
            name = type(event).__name__
            yield f"{what} returns a {name}, which `evolve` is not annotated with. Add it there."


def _evolved(decider: AnyDecider, event: Message, states: list[object]) -> Iterator[str]:
    """Apply an event to the last of the states and append the new state; yields what is wrong with it."""
    what = f"`evolve` of the decider {decider.category}, given {event.DESCRIPTOR.full_name},"
    try:
        evolve = partial(decider.evolve, states[-1], event)
        state: object = keeping_state(decider, "evolve", states[-1], evolve)
    except AssertionError as error:
        if " changes the state " in str(error):
            yield str(error)
            return
        yield f"{what} raises AssertionError: {error}. Add its case."
    except Exception:  # the event cannot happen in this state
        return
    else:
        if isinstance(state, type(decider.initial)):
            states.append(state)
        else:
            yield f"{what} returns {state!r}, and not a {type(decider.initial).__name__}. Add its case."


def check_views(domain: Domain) -> None:
    """Every event that a view handles has a case in its `keys` and `evolve`.

    A view is given each of its events with every field set. Such an event may never come to be; so only what
    shows a missing case counts: an AssertionError, as `assert_never` raises it, and None instead of keys.
    """
    _report(line for view in domain.views for line in _unhandled(view))


def _unhandled(view: AnyView) -> Iterator[str]:
    for kind in view.events:
        recorded = ViewScenario(view).record("check-1", filled(kind))
        try:
            for key in keys_of(view, recorded):
                view.evolve(key, None, recorded)
        except AssertionError as error:
            yield _without_case(view, recorded.type, str(error))
        except Exception:  # it does not happen so, such as without the document that it changes
            continue


def _without_case(view: AnyView, event: str, said: str) -> str:
    if said.startswith("`keys`"):
        return said
    return f"The view {view.name}, given {event}, raises AssertionError: {said}. Add its case."


def check_events(domain: Domain) -> None:
    """Every message of the domain's packages is used, so that no event is forgotten.

    A message is used by an RPC, a decider, a view or an upcaster, or inside another one that is. What is not
    used is an event that no decider knows, or one that was stored once and can no longer be read.
    """
    used = {message.full_name for message in _with_inner(_used(domain))}
    _report(
        f"{message.full_name} is used by nothing. If it is an event, name it in the annotation of a "
        "decider's evolve; if it was one, give it an upcaster; if it is neither, remove it."
        for file in _files(domain)
        for message in _messages(file.message_types_by_name.values())
        if message.full_name not in used
    )


def _used(domain: Domain) -> Iterator[Descriptor]:
    for method in _methods(domain):
        yield from (method.input_type, method.output_type)
    for kind in _classes(domain):
        yield cast(Descriptor, kind.DESCRIPTOR)


def _classes(domain: Domain) -> Iterator[type[Message]]:
    """Every message class that the domain's code names."""
    for decider in domain.deciders:
        yield from (*decider.commands, *decider.events)
        try:
            yield returned(decider.render)
        except TypeError:  # it renders nothing
            continue
    for view in domain.views:
        yield from (*view.collections.values(), *view.events)
    for upcaster in domain.upcasters:
        yield from (upcaster.old, upcaster.new)


def _files(domain: Domain) -> Sequence[FileDescriptor]:
    """The domain's protos, and those of the same packages that belong to them."""
    named = [cast(FileDescriptor, proto.DESCRIPTOR) for proto in domain.protos]
    ahead = [*named, *(cast(Descriptor, kind.DESCRIPTOR).file for kind in _classes(domain))]
    packages, found = {file.package for file in named}, dict[str, FileDescriptor]()
    for file in ahead:
        if file.package in packages and file.name not in found:
            found[file.name] = file
            ahead += file.dependencies
    return list(found.values())


def _messages(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """The messages and those declared within them, except for the entries of maps."""
    for message in messages:
        if not message.GetOptions().map_entry:
            yield message
            yield from _messages(message.nested_types)


def _with_inner(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """The messages, and those of their fields."""
    ahead, seen = list(messages), set[str]()
    for message in ahead:
        if message.full_name not in seen:
            seen.add(message.full_name)
            ahead += [field.message_type for field in message.fields if field.message_type is not None]
            yield message


def check_reasons(domain: Domain, provoked: Iterable[str | Rejected]) -> None:
    """Every reason in the catalogue of the domain's packages has a whole entry, and is provoked by a test.

    `provoked` are names, such as "INSUFFICIENT_FUNDS", or refusals. What queries refuse by themselves, their
    `not_found`, counts as provoked. A name that is no reason is found, too.
    """
    seen = {one.reason.name if isinstance(one, Rejected) else one for one in provoked}
    known: set[str] = set()
    found = [line for line in fit.problems([domain]) if " lacks " in line]
    for enum in _catalogues(domain):
        known |= {reason.name for reason in catalogue_of(enum).values()}
    not_found = {_not_found(method) for method in _methods(domain)}
    found += [
        f"{name} is provoked by no test. Write one, or remove it."
        for name in sorted(known - seen - not_found)
    ]
    found += [f"{name} is no reason of the catalogue. Correct the name." for name in sorted(seen - known)]
    _report(found)


def _catalogues(domain: Domain) -> Iterator[Any]:
    files = {service.file.package: service.file for service in domain.services}
    for package, file in files.items():
        try:
            yield file.pool.FindEnumTypeByName(f"{package}.ErrorReason")
        except KeyError:
            continue


def _not_found(method: MethodDescriptor) -> str:
    name: str = method.GetOptions().Extensions[query_option].not_found
    return name


def _methods(domain: Domain) -> Iterator[MethodDescriptor]:
    for service in domain.services:
        yield from service.methods


def _report(lines: Iterable[str]) -> None:
    found = [" ".join(line.split()) for line in dict.fromkeys(lines)]
    assert not found, "\n".join(["", *found])
