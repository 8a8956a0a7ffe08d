"""A live query: what there is, then every change, across lost connections."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from grpc.aio import UnaryStreamCall

from foldlog.v1.calling import WatchRequest, WatchResponse
from foldlog_client.aio.streams import ResumedStream
from foldlog_client.retry import Retry

W = TypeVar("W", bound=WatchResponse)


class Watch(Generic[W]):
    """An endless iterator of messages: use it in `async with`, so that its stream ends with the block.

    A lost connection is made again, and the watch goes on behind the last message received. What cannot be
    mended is raised, and ends it.
    """

    def __init__(
        self,
        open: Callable[[WatchRequest], UnaryStreamCall[Any, W]],
        request: WatchRequest,
        retry: Retry,
    ) -> None:
        """The request becomes the watch's own."""
        self._request = request
        self._stream = ResumedStream(lambda: open(request), retry, patience=None)

    @property
    def resume_token(self) -> str:
        """Another watch with the same arguments goes on here: after the message at hand."""
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
