"""When a call is made again, or a stream taken up again, and when no more."""

from collections.abc import Callable

import grpc

from foldlog_client.errors import FoldlogError, Unavailable
from foldlog_client.retry import (
    Retry,
    may_have_happened,
    may_repeat,
    may_resume,
    speaks_for_itself_alone,
)
from foldlog_client.status import decoded

Repeatable = Callable[[FoldlogError], bool]


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
