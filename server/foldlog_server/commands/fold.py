"""The state of a stream: a fold of its events, up to its end or to an earlier place."""

from foldlog_server.commands.pending_command import StreamState
from foldlog_server.commands.snapshots import EVERY, Snapshot, Snapshots, Until
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.log.codec import Codec
from foldlog_server.log.event_store import EventStore
from foldlog_server.log.events import ANY, AnyRecordedEvent, EncodedEvent

THE_END = Until()

_FEW = 100
"""Events that are folded before a snapshot is looked for: most streams are no longer."""


class Folds:
    """Folds streams, from snapshots where they are long."""

    def __init__(self, store: EventStore, codec: Codec, snapshots: Snapshots) -> None:
        self._store = store
        self._codec = codec
        self._snapshots = snapshots

    async def fold(self, decider: AnyDecider, stream: str, until: Until = THE_END) -> StreamState:
        """The state of a stream; version and position are 0 where there is no event yet."""
        folded = StreamState(stream, 0, 0, decider.initial)
        has_looked = False
        while await self._fold_page(folded, decider, until):
            if not has_looked and folded.version >= _FEW:
                has_looked = True
                await self._continue_from_snapshot(folded, decider, until)
        return folded

    def reached(self, decider: AnyDecider, former: int, state: StreamState, last: EncodedEvent) -> None:
        """Keep a snapshot if one is due, after events took a stream from a former version to a state."""
        if state.version // EVERY > former // EVERY:
            self._keep(decider, state, self._codec.decode(last))

    async def _fold_page(self, folded: StreamState, decider: AnyDecider, until: Until) -> bool:
        """Fold the next page of events, and return whether there may be more."""
        # Pages end where a snapshot is looked for, and then where one is due.
        page = _FEW if folded.version < _FEW else EVERY
        limit = min(page - folded.version % page, until.version - folded.version)
        if limit <= 0:
            return False
        events = await self._store.read_stream(folded.stream, from_version=folded.version + 1, limit=limit)
        former, event = folded.version, None
        for encoded in events:
            event = self._codec.decode(encoded)
            if not _covers(until, event):
                return False
            folded.state = decider.evolve(folded.state, event.payload)
            folded.version, folded.position = event.version, event.position
        if event is not None and folded.version // EVERY > former // EVERY:
            self._keep(decider, folded, event)
        return bool(events)

    async def _continue_from_snapshot(self, folded: StreamState, decider: AnyDecider, until: Until) -> None:
        """Continue from the newest snapshot ahead, if its event is still in the log."""
        snapshot = self._snapshots.newest(folded.stream, decider, until)
        if snapshot is None or snapshot.version <= folded.version:
            return
        events = await self._store.read_stream(folded.stream, from_version=snapshot.version, limit=1)
        if events and self._codec.decode(events[0]).envelope.event_id == snapshot.event_id:
            folded.state, folded.version, folded.position = (
                snapshot.state,
                snapshot.version,
                snapshot.position,
            )

    def _keep(self, decider: AnyDecider, state: StreamState, last: AnyRecordedEvent) -> None:
        time = last.recorded_time.ToNanoseconds()
        snapshot = Snapshot(state.version, last.position, time, last.envelope.event_id, state.state)
        self._snapshots.keep(state.stream, decider, snapshot)


def _covers(until: Until, event: AnyRecordedEvent) -> bool:
    """Whether an event is within the bounds; if it is not, no later one is."""
    return (
        event.version <= until.version
        and event.position <= until.position
        and (until.time == ANY or event.recorded_time.ToNanoseconds() <= until.time)
    )
