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

    def __init__(self, open: Callable[[], UnaryStreamCall[Q, R]], retry: Retry, *, endless: bool) -> None:
        self._open = open
        self._retry = retry
        self._endless = endless
        self._call: UnaryStreamCall[Q, R] | None = None
        self._failures = 0
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
            if self._closed or not self._endless:
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
        spent = not self._endless and self._failures >= self._retry.attempts
        if cause is not None and (spent or not may_resume(error)):
            self._closed = True
            raise error from cause
        await self._retry.sleep(self._retry.pause(self._failures, error))


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
