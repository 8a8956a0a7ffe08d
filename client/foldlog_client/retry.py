"""When a failed call is made again or a stream taken up again, after which pause, and when no more."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from foldlog.v1.errors_pb2 import ErrorReason
from foldlog.v1.options_pb2 import error as catalogue_entry
from foldlog.v1.reasons import Reason
from foldlog_client.errors import Contended, FoldlogError, Unavailable
from foldlog_client.status import decoded

NOT_LOOKED_UP = "request_id_not_looked_up"
"""Key of metadata: the error speaks of the last attempt alone, and not of those before it."""

_NOTHING_STORED = {Reason.STORE_HINDERED, Reason.EVENT_UNREADABLE}
"""Reasons that say so, where the code leaves it open."""

Repeatable = Callable[[FoldlogError], bool]

_GREATEST_EXPONENT = 32  # beyond it a float might overflow, and every pause is the longest anyway


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast a call is made again: pauses grow, and are spread at random.

    A pause is never shorter than what the server asks for. The timeout of the call bounds all its
    attempts and pauses together. A read of many events begins anew with each batch: it ends when it has got
    none for as long as a call may take. Subscriptions try for ever.
    """

    attempts: int | None = None
    """The most attempts of one call, or of a read without a batch; None = as many as there is time for."""
    first: float = 0.1
    """The longest first pause in seconds."""
    factor: float = 2.0
    """How much longer the next pause may be."""
    longest: float = 2.0
    """The longest pause in seconds that this side chooses."""
    attempt_timeout: float | None = None
    """Seconds after which one attempt is given up for the next; None = all the time that is left."""
    random: Callable[[], float] = random.random
    """From 0 to 1: where a pause lies between none and the longest."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How the async client waits."""
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    """How the sync client waits: at most so many seconds, and no longer than until the event is set."""
    clock: Callable[[], float] = time.monotonic

    def allows(self, failures: int) -> bool:
        """Whether there may be another attempt after so many failures in a row."""
        return self.attempts is None or failures < self.attempts

    def pause(self, failures: int, error: FoldlogError) -> float:
        """Seconds to wait after so many failures in a row."""
        exponent = min(failures - 1, _GREATEST_EXPONENT)
        spread = min(self.longest, self.first * self.factor**exponent) * self.random()
        return (error.retry_after or 0.0) + spread


def may_repeat(error: FoldlogError) -> bool:
    """Whether the same call can succeed, unchanged. It is safe: commands act once, queries only read."""
    if error.retry_forbidden:
        return False
    match error.code:
        case grpc.StatusCode.UNAVAILABLE:
            return not _is_final(error)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return error.retry_after is not None
        case grpc.StatusCode.ABORTED:
            return isinstance(error, Contended)
        case grpc.StatusCode.DEADLINE_EXCEEDED | grpc.StatusCode.CANCELLED:
            return True  # who gives up here gets an asyncio.CancelledError: it was the other side that did
        case _:
            return False


def may_have_happened(error: FoldlogError) -> bool:
    """Whether it is unknown if this attempt of a command was carried out."""
    match error.code:
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.INTERNAL:
            return NOT_LOOKED_UP not in error.metadata and error.reason not in _NOTHING_STORED
        case grpc.StatusCode.DEADLINE_EXCEEDED | grpc.StatusCode.CANCELLED | grpc.StatusCode.UNKNOWN:
            return True
        case _:
            return False


def speaks_for_itself_alone(error: FoldlogError) -> bool:
    """Whether it says that this attempt was not carried out, and nothing of those before it.

    What gRPC or a proxy refuses has not come to where request ids are known.
    """
    return not may_have_happened(error) and (NOT_LOOKED_UP in error.metadata or not error.reason)


def may_resume(error: FoldlogError) -> bool:
    """Whether a stream can be taken up again: also where a connection or proxy cut it off.

    A reset of an HTTP/2 stream may arrive as INTERNAL without a reason; the server gives one.
    """
    return may_repeat(error) or (error.code is grpc.StatusCode.INTERNAL and not error.reason)


def _is_final(error: FoldlogError) -> bool:
    """Whether the error catalogue says that the same call cannot succeed."""
    value = ErrorReason.DESCRIPTOR.values_by_name.get(f"ERROR_REASON_{error.reason}")
    if error.domain != ErrorReason.DESCRIPTOR.file.package or value is None:
        return False
    return not value.GetOptions().Extensions[catalogue_entry].retry


class Attempts:
    """The attempts of one call, which have so many seconds in all."""

    def __init__(self, retry: Retry, seconds: float, repeatable: Repeatable = may_repeat) -> None:
        self._retry = retry
        self._deadline = retry.clock() + seconds
        self._repeatable = repeatable
        self._failures = 0
        self._unknown: FoldlogError | None = None
        """The last failure after which it is unknown whether the command was carried out."""

    @property
    def timeout(self) -> float:
        """Seconds for an attempt that begins now."""
        left = self._deadline - self._retry.clock()
        longest = self._retry.attempt_timeout
        return left if longest is None else min(left, longest)

    def failed(self, failure: grpc.RpcError) -> float:
        """Seconds to wait before the next attempt. Raises the typed error if there is none.

        Where the last attempt stored nothing, and nobody has looked what became of one before it whose
        outcome is unknown, the error is of that one.
        """
        self._failures += 1
        error = decoded(failure)
        pause = self._retry.pause(self._failures, error)
        in_time = self._retry.clock() + pause < self._deadline
        if in_time and self._retry.allows(self._failures) and self._repeatable(error):
            self._unknown = error if may_have_happened(error) else self._unknown
            return pause
        if self._unknown is not None and speaks_for_itself_alone(error):
            self._unknown.add_note(f"The last attempt stored nothing: {error}")
            raise self._unknown from error
        raise error from failure


class Resumption:
    """A stream after another, as often as it takes.

    An endless stream is one that the server never ends by itself: its end is a lost connection, and it
    is taken up again for ever.
    """

    def __init__(self, retry: Retry, *, patience: float | None) -> None:
        """`patience` is in seconds without progress since the first failure; None = an endless stream."""
        self._retry = retry
        self._patience = patience
        self._failures = 0
        self._failing_since = 0.0

    @property
    def is_endless(self) -> bool:
        return self._patience is None

    def progressed(self) -> None:
        """The stream is well: the next failure is the first again."""
        self._failures = 0

    def ended(self) -> float:
        """Seconds to wait before an endless stream that has ended is opened again."""
        return self._pause(Unavailable("The server ended the subscription."))

    def failed(self, failure: grpc.RpcError) -> float:
        """Seconds to wait before the stream is opened again. Raises the typed error if it is not."""
        error = decoded(failure)
        pause = self._pause(error)
        if self._may_go_on(pause) and may_resume(error):
            return pause
        raise error from failure

    def _pause(self, error: FoldlogError) -> float:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = self._retry.clock()
        return self._retry.pause(self._failures, error)

    def _may_go_on(self, pause: float) -> bool:
        if self._patience is None:
            return True
        in_time = self._retry.clock() + pause < self._failing_since + self._patience
        return in_time and self._retry.allows(self._failures)
