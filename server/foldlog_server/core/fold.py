"""The state of a stream: a fold of its events, up to its end or to an earlier place."""

from typing import NamedTuple

from foldlog_server.core.codec import Codec
from foldlog_server.core.decider import AnyDecider
from foldlog_server.core.decision import StreamState
from foldlog_server.core.event_store import EventStore
from foldlog_server.core.events import RecordedEvent

_PAGE = 1_000
_NO_BOUND = 2**63 - 1


class Until(NamedTuple):
    """Where a fold ends: behind the last event that is within all of these bounds."""

    version: int = _NO_BOUND
    position: int = _NO_BOUND
    time: int = _NO_BOUND
    """Of recording, in nanoseconds since the epoch."""

    def covers(self, event: RecordedEvent) -> bool:
        """Whether the event is before the end; if it is not, no later one is."""
        return (
            event.version <= self.version
            and event.position <= self.position
            and (self.time == _NO_BOUND or event.recorded_time.ToNanoseconds() <= self.time)
        )


THE_END = Until()


async def fold(
    store: EventStore, codec: Codec, decider: AnyDecider, stream: str, until: Until = THE_END
) -> StreamState:
    """The state of a stream; version and position are 0 where there is no event yet."""
    folded = StreamState(stream, 0, 0, decider.initial)
    while folded.version < until.version:
        limit = min(_PAGE, until.version - folded.version)
        events = await store.read_stream(stream, from_version=folded.version + 1, limit=limit)
        if not events:
            break
        for encoded in events:
            event = codec.decode(encoded)
            if not until.covers(event):
                return folded
            folded.state = decider.evolve(folded.state, event.payload)
            folded.version, folded.position = event.version, event.position
    return folded
