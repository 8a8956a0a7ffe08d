"""Retries parked events in order, once their cause has been fixed, and so brings documents up to date."""

from functools import partial

from foldlog_server.domain.view import Key
from foldlog_server.log.codec import Codec
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import AnyRecordedEvent
from foldlog_server.views.definition import codec_of
from foldlog_server.views.group import checkpoint_at
from foldlog_server.views.projector import Projector
from foldlog_server.views.read_model import Parked, Release

AT_ONCE = 500
"""How many parked events of a document are applied in one transaction."""


async def retry(projector: Projector, store: EventStore, key: Key) -> Parked | None:
    """Apply the parked events of a document; returns what is still parked of it, None if nothing is.

    Everything before the first event that still cannot be applied becomes part of the document. Documents of
    a projector that does not follow the log stay as they are: a rebuild replaces them. Raises
    `ReadModelUnavailable` if it cannot be written, `ReadModelDamaged`, and what the store raises.
    """
    codec = codec_of(projector.view)
    async with projector.busy:
        while projector.follows and (positions := projector.read_model.queued(key, AT_ONCE)):
            events = [await _read(store, codec, position) for position in positions]
            view_batch = projector.begin(partial(iter, events), retried=key)
            view_batch.apply([(recorded, (key,)) for recorded in events])
            # What could not be applied is parked again in the same transaction.
            released = Release(key, len(positions) - len(view_batch.parked), positions[-1])
            here = await checkpoint_at(store, projector.position)
            await projector.read_model.write(
                view_batch.changes([key]), here.position, here, view_batch.parked, released
            )
            projector.wake_followers()
            if view_batch.parked:
                break
    return projector.read_model.parked.get(key.collection, {}).get(key.id)


async def _read(store: EventStore, codec: Codec, position: int) -> AnyRecordedEvent:
    (event,) = await store.read_all(from_position=position, limit=1)
    return codec.decode(event)
