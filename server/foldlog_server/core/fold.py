"""The state of a stream: a fold of its events."""

from foldlog_server.core.codec import Codec
from foldlog_server.core.decider import AnyDecider
from foldlog_server.core.event_store import EventStore

_PAGE = 1000


async def fold(
    store: EventStore,
    codec: Codec,
    decider: AnyDecider,
    stream: str,
    until: int | None = None,
) -> tuple[object, int, int]:
    """The state of a stream, its version and the position of its last event; up to a version if given."""
    state, version, position = decider.initial, 0, 0
    while until is None or version < until:
        limit = _PAGE if until is None else min(_PAGE, until - version)
        events = await store.read_stream(stream, from_version=version + 1, limit=limit)
        if not events:
            break
        for encoded in events:
            state = decider.evolve(state, codec.decode(encoded).payload)
        version += len(events)
        position = events[-1].position
    return state, version, position
