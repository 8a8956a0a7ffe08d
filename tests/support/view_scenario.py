"""Given events, then documents: a view folded by a model of its runner."""

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.events_pb2 import EventMetadata
from foldlog_server.core.events import RecordedEvent
from foldlog_server.core.view import Key, View

_FIRST_SECOND = 1_767_258_000


def recorded_time(position: int) -> Timestamp:
    """When a scenario records its event at the position: a second after the event before."""
    return Timestamp(seconds=_FIRST_SECOND + position, nanos=position)


class ViewScenario:
    """A log of its own and the documents that a view makes of it.

    Events take the next position of the log and the next version of their stream. Documents are encoded
    after every event, as a runner does, so that nothing is shared between documents or with an event.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._position = 0
        self._versions: dict[str, int] = {}
        self._documents: dict[Key, bytes] = {}

    def given(self, stream: str, *payloads: Message) -> None:
        """Record the payloads in the stream, and let the view see those it looks at."""
        for payload in payloads:
            recorded = self._record(stream, payload)
            if isinstance(payload, self._view.events):
                self._apply(recorded)

    def document(self, collection: str, id: str) -> Message | None:
        """The document, or None if there is none."""
        encoded = self._documents.get(Key(collection, id))
        return None if encoded is None else self._view.collections[collection].FromString(encoded)

    def ids(self, collection: str) -> list[str]:
        """The ids of the collection's documents, in their order."""
        return sorted(key.id for key in self._documents if key.collection == collection)

    def _record(self, stream: str, payload: Message) -> RecordedEvent:
        self._position += 1
        self._versions[stream] = self._versions.get(stream, 0) + 1
        stored = type(payload)()
        stored.CopyFrom(payload)
        return RecordedEvent(
            position=self._position,
            stream=stream,
            version=self._versions[stream],
            event_id=f"event-{self._position}",
            type=payload.DESCRIPTOR.full_name,
            recorded_time=recorded_time(self._position),
            metadata=EventMetadata(),
            payload=stored,
        )

    def _apply(self, recorded: RecordedEvent) -> None:
        before = recorded.payload.SerializeToString(deterministic=True)
        keys = list(self._view.keys(recorded))
        assert len(keys) == len(set(keys)), f"{recorded.type} yields a key twice: {keys}"
        for key in keys:
            self._evolve(key, recorded)
        after = recorded.payload.SerializeToString(deterministic=True)
        assert after == before, f"{self._view.name} changed the event {recorded.type}"
        assert recorded.recorded_time == recorded_time(recorded.position)

    def _evolve(self, key: Key, recorded: RecordedEvent) -> None:
        document = self._view.evolve(key, self.document(*key), recorded)
        if document is None:
            self._documents.pop(key, None)
        else:
            assert isinstance(document, self._view.collections[key.collection])
            self._documents[key] = document.SerializeToString(deterministic=True)
