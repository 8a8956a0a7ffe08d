"""Decides whether a failed call or stream is retried, and after which pause."""

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
"""Metadata key: the error is about the last attempt only, not about those before it."""

_NOTHING_STORED = {Reason.STORE_HINDERED, Reason.EVENT_UNREADABLE}
"""Reasons that say so, where the status code does not."""

Repeatable = Callable[[FoldlogError], bool]

_GREATEST_EXPONENT = 32  # beyond this a float could overflow, and every pause is the longest anyway


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast a call is retried: pauses grow, and are randomised.

    A pause is never shorter than what the server asks for. The timeout of a call bounds all its attempts and
    pauses together. A read of many events starts its timeout again with each batch: it fails when none has
    come for as long as a call may take. Subscriptions retry for ever.
    """

    attempts: int | None = None
    """The most attempts of one call, or of a read between two batches; None = as many as the timeout
    allows."""
    first: float = 0.1
    """The longest first pause in seconds."""
    factor: float = 2.0
    """By how much the longest pause grows with each failure."""
    longest: float = 2.0
    """The longest pause in seconds that this side chooses."""
    attempt_timeout: float | None = None
    """Seconds after which one attempt is abandoned for the next; None = all the time that is left."""
    random: Callable[[], float] = random.random
    """From 0 to 1: what fraction of the longest pause to wait."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How the async client waits."""
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    """How the sync client waits: at most so many seconds, or until the event is set."""
    clock: Callable[[], float] = time.monotonic

    def allows(self, failures: int) -> bool:
        """Whether another attempt is allowed after so many failures in a row."""
        return self.attempts is None or failures < self.attempts

    def pause(self, failures: int, error: FoldlogError) -> float:
        """Return the seconds to wait after so many failures in a row."""
        exponent = min(failures - 1, _GREATEST_EXPONENT)
        spread = min(self.longest, self.first * self.factor**exponent) * self.random()
        return (error.retry_after or 0.0) + spread


def may_repeat(error: FoldlogError) -> bool:
    """Whether the same call, unchanged, can succeed. Repeating it is safe: commands act once, queries
    only read."""
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
            return True  # a caller that cancels gets asyncio.CancelledError, so this was the other side
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
    """Whether the error says that this attempt was not carried out, and says nothing about earlier ones.

    A refusal by gRPC or a proxy comes from before the place where request ids are looked up.
    """
    return not may_have_happened(error) and (NOT_LOOKED_UP in error.metadata or not error.reason)


def may_resume(error: FoldlogError) -> bool:
    """Whether a stream can be resumed: also where a connection or proxy cut it off.

    A reset of an HTTP/2 stream may arrive as INTERNAL without a reason; errors of the server have one.
    """
    return may_repeat(error) or (error.code is grpc.StatusCode.INTERNAL and not error.reason)


def _is_final(error: FoldlogError) -> bool:
    """Whether the error catalogue says that the same call cannot succeed."""
    value = ErrorReason.DESCRIPTOR.values_by_name.get(f"ERROR_REASON_{error.reason}")
    if error.domain != ErrorReason.DESCRIPTOR.file.package or value is None:
        return False
    return not value.GetOptions().Extensions[catalogue_entry].retry


class Attempts:
    """Counts the attempts of one call, which share so many seconds."""

    def __init__(self, retry: Retry, seconds: float, repeatable: Repeatable = may_repeat) -> None:
        self._retry = retry
        self._deadline = retry.clock() + seconds
        self._repeatable = repeatable
        self._failures = 0
        self._unknown: FoldlogError | None = None
        """The last failure that leaves it unknown whether the command was carried out."""

    @property
    def timeout(self) -> float:
        """Return the seconds for an attempt that starts now."""
        left = self._deadline - self._retry.clock()
        longest = self._retry.attempt_timeout
        return left if longest is None else min(left, longest)

    def failed(self, failure: grpc.RpcError) -> float:
        """Return the seconds to wait before the next attempt. Raises the typed error if there is none.

        If the last attempt stored nothing, and an earlier one has an unknown outcome that was not looked up,
        the error of the earlier one is raised.
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
    """Decides when a broken stream is opened again, as often as needed.

    An endless stream is one that the server never ends by itself: its end means a lost connection, and it is
    resumed for ever.
    """

    def __init__(self, retry: Retry, *, patience: float | None) -> None:
        """`patience`: seconds without progress after which a failure is raised; None = an endless stream."""
        self._retry = retry
        self._patience = patience
        self._failures = 0
        self._failing_since = 0.0

    @property
    def is_endless(self) -> bool:
        return self._patience is None

    def progressed(self) -> None:
        """Count failures from zero again: the stream has made progress."""
        self._failures = 0

    def ended(self) -> float:
        """Return the seconds to wait before an endless stream that ended is opened again."""
        return self._pause(Unavailable("The server ended the subscription."))

    def failed(self, failure: grpc.RpcError) -> float:
        """Return the seconds to wait before the stream is opened again. Raises the typed error if it
        is not."""
        error = decoded(failure)
        pause = self._pause(error)
        if self._has_time_for(pause) and may_resume(error):
            return pause
        raise error from failure

    def _pause(self, error: FoldlogError) -> float:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = self._retry.clock()
        return self._retry.pause(self._failures, error)

    def _has_time_for(self, pause: float) -> bool:
        if self._patience is None:
            return True
        in_time = self._retry.clock() + pause < self._failing_since + self._patience
        return in_time and self._retry.allows(self._failures)
