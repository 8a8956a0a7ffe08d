"""Reopens a server stream where it stopped when its connection is lost."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from grpc.aio import EOF, AioRpcError, UnaryStreamCall

from foldlog_client.errors import FoldlogError
from foldlog_client.retry import Resumption, Retry

Q = TypeVar("Q")
R = TypeVar("R")


class ResumedStream(Generic[Q, R]):
    """Reads messages from one stream after another. `open` decides where the next stream starts."""

    def __init__(
        self, open: Callable[[], UnaryStreamCall[Q, R]], retry: Retry, *, patience: float | None
    ) -> None:
        """`patience`: seconds without progress after which a failure is raised; None = an endless stream."""
        self._open = open
        self._sleep = retry.sleep
        self._resumption = Resumption(retry, patience=patience)
        self._call: UnaryStreamCall[Q, R] | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether this side closed it, or it ended with an error that was raised."""
        return self._closed

    async def read(self) -> R | None:
        """Return the next message; None = the stream has ended or was closed. Raises FoldlogError."""
        while not self._closed:
            try:
                message = await self._read()
                if message is not EOF:
                    return cast(R, message)
                if self._closed or not self._resumption.is_endless:
                    return None
                pause = self._resumption.ended()
            except AioRpcError as failure:
                pause = self._failed(failure)
            self._call = None
            await self._sleep(pause)
        return None

    def progressed(self) -> None:
        """Count failures from zero again: the stream has made progress."""
        self._resumption.progressed()

    async def aclose(self) -> None:
        """End the stream; a waiting `read` returns None. Waits until gRPC has finished the call."""
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

    def _failed(self, failure: AioRpcError) -> float:
        try:
            return self._resumption.failed(failure)
        except FoldlogError:
            self._call, self._closed = None, True
            raise


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
