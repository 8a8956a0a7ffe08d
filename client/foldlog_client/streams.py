"""A server stream that is opened again, where it stopped, when its connection is lost."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from grpc.aio import EOF, AioRpcError, UnaryStreamCall

from foldlog_client.errors import FoldlogError, Unavailable
from foldlog_client.retries import Retry, may_resume
from foldlog_client.status import decoded

Q = TypeVar("Q")
R = TypeVar("R")


class ResumedStream(Generic[Q, R]):
    """Messages of one stream after another. Where the next stream goes on is up to `open`.

    An endless stream is one that the server never ends by itself: its end is a lost connection, and it
    is taken up again however often it takes.
    """

    def __init__(
        self, open: Callable[[], UnaryStreamCall[Q, R]], retry: Retry, *, patience: float | None
    ) -> None:
        """`patience` is in seconds without progress since the first failure; None = an endless stream."""
        self._open = open
        self._retry = retry
        self._patience = patience
        self._call: UnaryStreamCall[Q, R] | None = None
        self._failures = 0
        self._failing_since = 0.0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Closed from this side, or ended by an error that was raised."""
        return self._closed

    async def read(self) -> R | None:
        """The next message; None = the stream has ended or was closed. Raises FoldlogError."""
        while not self._closed:
            try:
                message = await self._read()
            except AioRpcError as failure:
                await self._recover(decoded(failure), failure)
                continue
            if message is not EOF:
                return cast(R, message)
            if self._closed or self._patience is not None:
                return None
            await self._recover(Unavailable("The server ended the subscription."), None)
        return None

    def progressed(self) -> None:
        """The stream is well: the next failure is the first again."""
        self._failures = 0

    async def aclose(self) -> None:
        """End the stream; whoever waits in `read` gets None. Waits until gRPC is done with the call."""
        self._closed = True
        call, self._call = self._call, None
        if call is not None and call.cancel():
            await call.code()  # a channel that closes over a cancelled reader leaks it (grpc#42125)

    async def _read(self) -> object:
        if self._call is None:
            self._call = self._open()
        try:
            return await self._call.read()
        except asyncio.CancelledError:
            # gRPC cancels the call with its reader, so the next read needs a call of its own.
            self._call = None
            if self._closed and not _is_being_cancelled():
                return EOF
            raise

    async def _recover(self, error: FoldlogError, cause: AioRpcError | None) -> None:
        self._call = None
        self._failures += 1
        if self._failures == 1:
            self._failing_since = self._retry.clock()
        pause = self._retry.pause(self._failures, error)
        if cause is not None and not (self._may_go_on(pause) and may_resume(error)):
            self._closed = True
            raise error from cause
        await self._retry.sleep(pause)

    def _may_go_on(self, pause: float) -> bool:
        if self._patience is None:
            return True
        in_time = self._retry.clock() + pause < self._failing_since + self._patience
        return in_time and self._retry.allows(self._failures)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
