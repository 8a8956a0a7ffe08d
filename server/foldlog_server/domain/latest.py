"""A view made of a decider: each aggregate's latest state, as the decider renders it.

The state that the next event needs cannot be read back from what is rendered. It is kept behind the
document's own fields, as a field of the message that protobuf reserves for implementations (19999), and
left out of answers:

    document  fields of the rendered message | tag, length, state, length of all of this (4 bytes, big endian)
"""

from collections.abc import Iterable

from google.protobuf.message import Message

from foldlog_server.domain import state_codec
from foldlog_server.domain.annotations import returned
from foldlog_server.domain.decider import Command, Decider, Event, State
from foldlog_server.domain.view import AnyView, DocumentMissing, Key, View
from foldlog_server.log.events import AnyRecordedEvent, category_of
from foldlog_server.log.record import varint

_FIELD = 19_999
_TAG = varint(_FIELD << 3 | 2)
_LENGTH_BYTES = 4


def latest(collection: str, decider: Decider[Command, State, Event], *, revision: int = 1) -> AnyView:
    """A view named like its collection, with a document for each aggregate that the decider renders.

    `render` is annotated with the message that it returns. An aggregate has to be rendered from its first
    event on; once it no longer is, its document is deleted, and a later event cannot bring it back. Raise
    `revision` whenever `render` makes another document of the same state: the view is then rebuilt, as it is
    for another revision of the decider. Raises `TypeError` if the annotation is missing, or if a state cannot
    be kept.
    """
    return View(
        name=collection,
        collections={collection: returned(decider.render)},
        keys=lambda recorded: _keys(collection, recorded) if _is_of(decider, recorded) else (),
        evolve=lambda key, document, recorded: _evolve(decider, key, document, recorded),
        revision=revision,
        events=decider.events,
        further_definition=f"{decider.revision} {state_codec.shape_of(decider.initial)}",
        answered=without_state,
    )


def without_state(document: bytes) -> bytes:
    """The document as answers show it."""
    length = int.from_bytes(document[-_LENGTH_BYTES:], "big")
    own, state = document[:-length], document[-length:]
    if not state.startswith(_TAG):
        raise ValueError("The document ends in something else than a state.")
    return own


def _is_of(decider: Decider[Command, State, Event], recorded: AnyRecordedEvent) -> bool:
    """Whether the event is of the decider's category: two categories may share a message."""
    return category_of(recorded.stream) == decider.category


def _keys(collection: str, recorded: AnyRecordedEvent) -> Iterable[Key]:
    return (Key(collection, recorded.id),)


def _evolve(
    decider: Decider[Command, State, Event], key: Key, document: Message | None, recorded: AnyRecordedEvent
) -> Message | None:
    if document is not None:
        before = _state_of(document, type(decider.initial))
    elif recorded.version == 1:
        before = decider.initial
    else:
        raise DocumentMissing(key)
    state = decider.evolve(before, recorded.payload)
    rendered = decider.render(key.id, recorded.version, state)
    if rendered is None:
        return None
    kept = type(rendered)()  # another message: what was rendered may be shared, such as a constant
    kept.CopyFrom(rendered)
    kept.MergeFromString(_kept(state))
    return kept


def _kept(state: object) -> bytes:
    encoded = state_codec.encode(state)
    size = len(encoded) + _LENGTH_BYTES
    head = _TAG + varint(size)
    return head + encoded + (len(head) + size).to_bytes(_LENGTH_BYTES, "big")


def _state_of(document: Message, state_type: type[State]) -> State:
    encoded = document.SerializeToString()
    length = int.from_bytes(encoded[-_LENGTH_BYTES:], "big")
    field = encoded[-length:]
    return state_codec.decode(field[len(_TAG) + _varint_bytes(field, len(_TAG)) : -_LENGTH_BYTES], state_type)


def _varint_bytes(data: bytes, at: int) -> int:
    end = at
    while data[end] & 0x80:
        end += 1
    return end + 1 - at
