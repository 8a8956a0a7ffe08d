"""Makes parked documents good, once whatever stood in the way is cured: the events that wait, in order."""

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
"""Parked events of a document that become part of it in one transaction."""


async def retry(projector: Projector, store: EventStore, key: Key) -> Parked | None:
    """Evolve a document by what is parked of it; gives what it still waits on, None if nothing.

    Everything up to the event that cannot be digested even now becomes part of the document. Documents of a
    projector that does not follow the log stay as they are: others take their place. Raises
    `ReadModelUnavailable` if it cannot be written, `ReadModelDamaged`, and what the store raises.
    """
    codec = codec_of(projector.view)
    async with projector.busy:
        while projector.follows and (positions := projector.read_model.queued(key, AT_ONCE)):
            events = [await _read(store, codec, position) for position in positions]
            view_batch = projector.begin(partial(iter, events), retried=key)
            view_batch.take([(recorded, (key,)) for recorded in events])
            # What could not be digested is parked again in the same transaction.
            released = Release(key, len(positions) - len(view_batch.parked), positions[-1])
            here = await checkpoint_at(store, projector.position)
            await projector.read_model.write(
                view_batch.changes([key]), here.position, here, view_batch.parked, released
            )
            projector.tell_followers()
            if view_batch.parked:
                break
    return projector.read_model.parked.get(key.collection, {}).get(key.id)


async def _read(store: EventStore, codec: Codec, position: int) -> AnyRecordedEvent:
    (event,) = await store.read_all(from_position=position, limit=1)
    return codec.decode(event)
