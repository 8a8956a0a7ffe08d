"""Past states, folded from the log: what a query would have answered then."""

from collections.abc import Callable, Mapping

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.events_pb2 import RecordedEvent
from foldlog.v1.reads_pb2 import AsOf
from foldlog_server.commands.fold import Folds
from foldlog_server.commands.snapshots import Until
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.errors import InvalidRequest, ReadRefused, Violation
from foldlog_server.log.event_store import Append, EventStore
from foldlog_server.log.events import ANY, stream_name

_NOTHING_SET = Violation(
    "as_of.at", "required", "one of version, position, time and position_token must be set"
)


class Past:
    """Reads aggregates as they were."""

    def __init__(
        self,
        store: EventStore,
        folds: Folds,
        deciders: Mapping[str, AnyDecider],
        clock: Callable[[], int],
    ) -> None:
        """`deciders` are by category; `clock` gives nanoseconds since the epoch."""
        self._store = store
        self._folds = folds
        self._deciders = deciders
        self._clock = clock

    async def render(self, category: str, id: str, as_of: AsOf) -> Message | None:
        """The aggregate as it was, as commands' replies carry it; None before it existed.

        The same question has the same answer for ever. Raises `ReadRefused` for what lies past the end of
        the stream, of the log, or of time until now, and `InvalidRequest` if `as_of` names no state.
        """
        decider, stream = self._deciders[category], stream_name(category, id)
        was = await self._folds.fold(decider, stream, await self._until(as_of))
        if as_of.WhichOneof("at") == "version" and 0 < was.version < as_of.version:
            raise ReadRefused.beyond_end(stream, as_of.version, was.version)
        return decider.render(id, was.version, was.state)

    async def _until(self, as_of: AsOf) -> Until:
        match as_of.WhichOneof("at"):
            case "version":
                return Until(version=min(as_of.version, ANY))
            case "position":
                head = self._store.head.position
                if as_of.position > head:
                    raise ReadRefused.beyond_head(as_of.position, head)
                return Until(position=as_of.position)
            case "position_token":
                return Until(
                    position=self._store.lineage.position_of(as_of.position_token, self._store.head.position)
                )
            case "time":
                return Until(time=await self._settled(as_of.time))
            case _:
                raise InvalidRequest.fields([_NOTHING_SET])

    async def _settled(self, time: Timestamp) -> int:
        """A time at or before which nothing is recorded any more, also if the clock is set back."""
        now = Timestamp()
        now.FromNanoseconds(self._clock())
        if (time.seconds, time.nanos) >= (now.seconds, now.nanos):
            raise ReadRefused.time_not_over(time.ToJsonString(), now.ToJsonString())
        settled = time.ToNanoseconds()
        if not await self._is_recorded_after(settled):
            # What was stamped until then may be on its way to the disk; what comes after it is stamped later.
            await self._store.append(Append((), not_before=settled + 1))
        return settled

    async def _is_recorded_after(self, time: int) -> bool:
        """Whether the newest event is later: then whatever comes is, too."""
        newest = await self._store.read_all(backwards=True, limit=1)
        return any(
            RecordedEvent.FromString(event.record).recorded_time.ToNanoseconds() > time for event in newest
        )
