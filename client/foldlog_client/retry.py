"""When a failed call is made again, and after which pause."""

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
from foldlog_client.errors import Contended, FoldlogError

NOT_LOOKED_UP = "request_id_not_looked_up"
"""Key of metadata: the error speaks of the last attempt alone, and not of those before it."""

_NOTHING_STORED = {Reason.STORE_HINDERED, Reason.EVENT_UNREADABLE}
"""Reasons that say so, where the code leaves it open."""

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
