"""What the generated methods ask of the client around them."""

import datetime
from typing import Protocol, Self, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.commands_pb2 import CommandOptions, CommandResult
from foldlog.v1.reads_pb2 import ReadOptions


class CommandRequest(Protocol):
    """The request of a command."""

    @property
    def options(self) -> CommandOptions: ...
    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


class CommandResponse(Protocol):
    """The response of a command."""

    @property
    def result(self) -> CommandResult: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...


class QueryRequest(Protocol):
    """The request of a query."""

    @property
    def options(self) -> ReadOptions: ...
    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


class Request(Protocol):
    """Any other request."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


class Response(Protocol):
    """Any other response."""

    @classmethod
    def FromString(cls, s: bytes) -> Self: ...


R = TypeVar("R", bound=Response)
C = TypeVar("C", bound=CommandResponse)
Q = TypeVar("Q", bound=Message)


class WatchResponse(Protocol):
    """A message of a watch."""

    @property
    def resume_token(self) -> str: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...


W = TypeVar("W", bound=WatchResponse)
W_co = TypeVar("W_co", bound=WatchResponse, covariant=True)


class WatchRequest(Protocol):
    """The request of a watch."""

    resume_token: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


class Watch(Protocol[W_co]):
    """The messages of a watch, for ever, across lost connections; used in `async with`, it ends with it."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> W_co: ...

    @property
    def resume_token(self) -> str:
        """Another watch with the same arguments goes on here: after the message at hand."""
        ...

    async def aclose(self) -> None:
        """End the watch; an iteration in progress ends with it."""
        ...


class Caller(Protocol):
    """Makes calls: the connection, deadlines, retries, request ids and the session are its own."""

    async def command(
        self, path: str, request: CommandRequest, response: type[C], *, within: float | None
    ) -> C:
        """Carry out a command once, whatever it takes to get it answered `within` so many seconds."""
        ...

    async def query(
        self,
        path: str,
        request: QueryRequest,
        response: type[Q],
        *,
        own_writes: bool,
        within: float | None,
    ) -> Q:
        """Ask a question; with `own_writes` the answer sees what the session did before."""
        ...

    async def unary(self, path: str, request: Request, response: type[R], *, within: float | None) -> R:
        """The answer to a call as it is."""
        ...

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """The messages of a watch; a lost connection is made again and resumed."""
        ...


def as_timestamp(value: datetime.datetime | Timestamp | None) -> Timestamp | None:
    """The time as a message. A naive datetime is a ValueError: it names no moment."""
    if not isinstance(value, datetime.datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; give it one, such as datetime.UTC.")
    timestamp = Timestamp()
    timestamp.FromDatetime(value)
    return timestamp


def as_duration(value: datetime.timedelta | Duration | None) -> Duration | None:
    """The span of time as a message."""
    if not isinstance(value, datetime.timedelta):
        return value
    duration = Duration()
    duration.FromTimedelta(value)
    return duration
