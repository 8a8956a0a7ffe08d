"""Watches a query: the matching documents, then every change, across lost connections."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from grpc.aio import UnaryStreamCall

from foldlog.v1.calling import WatchRequest, WatchResponse
from foldlog_client.aio.streams import ResumedStream
from foldlog_client.retry import Retry

W = TypeVar("W", bound=WatchResponse)


class Watch(Generic[W]):
    """An endless iterator of messages: use it in `async with`, so that its stream ends with the block.

    After a lost connection it reconnects and resumes after the last message received. An error that a retry
    cannot fix is raised, and ends it.
    """

    def __init__(
        self,
        open: Callable[[WatchRequest], UnaryStreamCall[Any, W]],
        request: WatchRequest,
        retry: Retry,
    ) -> None:
        """The watch takes over the request, and changes its resume token."""
        self._request = request
        self._stream = ResumedStream(lambda: open(request), retry, patience=None)

    @property
    def resume_token(self) -> str:
        """A watch with the same arguments resumes here: after the current message."""
        return self._request.resume_token

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the watch; an iteration in progress ends with it."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> W:
        message = await self._stream.read()
        if message is None:
            raise StopAsyncIteration
        self._stream.progressed()
        self._request.resume_token = message.resume_token
        return message
