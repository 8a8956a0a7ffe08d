"""What a domain says about one read model: pure, sync, no clock, no randomness."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.message import Message

from foldlog_server.log.events import RecordedEvent
from foldlog_server.log.upcasting import Upcaster


class Key(NamedTuple):
    """Names one document of a view."""

    collection: str
    id: str


@dataclass(frozen=True, slots=True)
class View:
    """A read model: which documents an event touches, and what becomes of each.

    `evolve` gets the document as it is, or None if there is none, and returns what it becomes, or None if
    it goes. It may change the document in place; it must not change the event.
    A changed definition is a new generation: raise `revision` whenever `keys`, `evolve` or what an upcaster
    gives change what a replay would give.
    """

    name: str
    collections: Mapping[str, type[Message]]
    """The documents' messages, by the name of their collection."""
    events: tuple[type[Message], ...]
    """The payloads that the view looks at; it is not shown any other."""
    keys: Callable[[RecordedEvent], Iterable[Key]]
    evolve: Callable[[Key, Message | None, RecordedEvent], Message | None]
    revision: int = 1
    upcasters: Sequence[Upcaster] = ()
    """How old messages become such payloads."""
