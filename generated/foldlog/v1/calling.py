# Written by foldlog from the protos; do not edit.
"""The parts of calls that async and sync clients share: requests, responses, times."""

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


def as_timestamp(value: datetime.datetime | Timestamp | None) -> Timestamp | None:
    """Return the time as a message. Raises ValueError for a naive datetime: its moment is unknown."""
    if not isinstance(value, datetime.datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; give it one, such as datetime.UTC.")
    timestamp = Timestamp()
    timestamp.FromDatetime(value)
    return timestamp


def as_duration(value: datetime.timedelta | Duration | None) -> Duration | None:
    """Return the duration as a message."""
    if not isinstance(value, datetime.timedelta):
        return value
    duration = Duration()
    duration.FromTimedelta(value)
    return duration
