"""A view: what a domain says about one read model. Pure: no clock, no randomness, no I/O."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, get_args, get_origin, overload

from google.protobuf.message import Message

from foldlog_server.domain.annotations import ANNOTATED, alternatives, messages, name_of, parameter
from foldlog_server.log.events import RecordedEvent
from foldlog_server.log.upcasting import Upcaster

Document = TypeVar("Document", bound=Message)
Payload = TypeVar("Payload", bound=Message)


class Key(NamedTuple):
    """Names one document of a view."""

    collection: str
    id: str


@dataclass(frozen=True, slots=True)
class View(Generic[Document, Payload]):
    """Which documents an event touches, and how it changes each.

    The last parameter of `evolve` is annotated with `RecordedEvent[...]` of a message class or a union of
    them: the payloads that the view handles. It never sees any other.
    """

    name: str
    collections: Mapping[str, type[Document]]
    """The documents' messages, by the name of their collection."""
    keys: Callable[[RecordedEvent[Payload]], Iterable[Key]]
    """Returns the keys of the documents that an event touches."""
    evolve: Callable[[Key, Document | None, RecordedEvent[Payload]], Document | None]
    """Takes a document, None if it does not exist, and returns what it becomes; None deletes it. It may
    change the document in place; it must not change the event."""
    revision: int = 1
    """Raise it whenever `keys`, `evolve` or an upcaster change what a rebuild would give: the view is then
    rebuilt."""
    upcasters: Sequence[Upcaster] = ()
    """How old messages become such payloads. A domain sets them for all of its views."""
    further_definition: str = ""
    """What else the documents depend on; the view is rebuilt if it changes, as with the revision."""
    answered: Callable[[bytes], bytes] | None = None
    """Returns the part of an encoded document that answers show, if that is not all of it."""
    events: tuple[type[Message], ...] = ANNOTATED
    """The payloads, read from the annotation of `evolve`, unless they are given."""

    def __post_init__(self) -> None:
        """Raises `TypeError` if the annotation of `evolve` does not name message classes."""
        if self.events is ANNOTATED:
            object.__setattr__(self, "events", _payloads_of(self.evolve))


AnyView: TypeAlias = View[Any, Any]
"""A view of any documents, for code that does not look into documents."""


class DocumentMissing(Exception):
    """An event changes a document that does not exist: the view lacks an event, or its rule is wrong."""

    def __init__(self, key: Key | None = None) -> None:
        super().__init__("the event changes a document that does not exist" + (f", {key}" if key else ""))


@overload
def existing(document: Document | None) -> Document: ...
@overload
def existing(document: Message | None, kind: type[Document]) -> Document: ...
def existing(document: Message | None, kind: type[Message] = Message) -> Message:
    """The document that an event presupposes, in a view of several kinds the one of that kind.

    Raises `DocumentMissing` if there is none, and `TypeError` for one of another kind.
    """
    if document is None:
        raise DocumentMissing
    if not isinstance(document, kind):
        found = type(document).__name__
        raise TypeError(f"Expected the document to be of type {kind.__name__}, found {found}. Check `keys`.")
    return document


def _payloads_of(evolve: Callable[..., Any]) -> tuple[type[Message], ...]:
    """The payloads that a function is annotated to handle; raises `TypeError` if that is not said."""
    found: list[type[Message]] = []
    for annotation in alternatives(parameter(evolve, 2)):
        if get_origin(annotation) is not RecordedEvent:
            raise TypeError(
                f"{name_of(evolve)} needs an annotation of its parameter 3 such as `RecordedEvent[Opened | "
                f"Closed]`, which names the payloads. Found: {annotation!r}."
            )
        found += messages(get_args(annotation)[0], evolve)
    return tuple(dict.fromkeys(found))
