"""Reopens a server stream where it stopped when its connection is lost."""

import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

import grpc

from foldlog_client.errors import FoldlogError
from foldlog_client.retry import Resumption, Retry

R = TypeVar("R", covariant=True)


class StreamCall(Iterator[R], Protocol[R]):
    """A stream that is being read."""

    def cancel(self) -> bool: ...


class ResumedStream(Generic[R]):
    """Reads messages from one stream after another. `open` decides where the next stream starts.

    One thread reads it; any other may close it.
    """

    def __init__(self, open: Callable[[], StreamCall[R]], retry: Retry, *, patience: float | None) -> None:
        """`patience`: seconds without progress after which a failure is raised; None = an endless stream."""
        self._open = open
        self._wait = retry.wait
        self._resumption = Resumption(retry, patience=patience)
        self._call: StreamCall[R] | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether this side closed it, or it ended with an error that was raised."""
        return self._closing.is_set()

    def read(self) -> R | None:
        """Return the next message; None = the stream has ended or was closed. Raises FoldlogError."""
        while (call := self._opened()) is not None:
            try:
                return next(call)
            except StopIteration:
                if self.closed or not self._resumption.is_endless:
                    return None
                pause = self._resumption.ended()
            except grpc.RpcError as failure:
                if self.closed:
                    return None
                pause = self._failed(failure)
            self._call = None
            self._wait(self._closing, pause)
        return None

    def progressed(self) -> None:
        """Count failures from zero again: the stream has made progress."""
        self._resumption.progressed()

    def close(self) -> None:
        """End the stream; a waiting `read` returns None."""
        with self._lock:
            self._closing.set()
            call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _opened(self) -> StreamCall[R] | None:
        """Return the stream to read from; None if it was closed."""
        with self._lock:
            if self.closed:
                return None
            if self._call is None:
                self._call = self._open()
            return self._call

    def _failed(self, failure: grpc.RpcError) -> float:
        try:
            return self._resumption.failed(failure)
        except FoldlogError:
            self.close()
            raise
