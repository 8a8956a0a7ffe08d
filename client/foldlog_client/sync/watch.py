"""A live query: what there is, then every change, across lost connections."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

from foldlog.v1.calling import WatchRequest, WatchResponse
from foldlog_client.retry import Retry
from foldlog_client.sync.streams import ResumedStream, StreamCall

W = TypeVar("W", bound=WatchResponse)


class Watch(Generic[W]):
    """An endless iterator of messages: use it in `with`, so that its stream ends with the block.

    A lost connection is made again, and the watch goes on behind the last message received. What cannot be
    mended is raised, and ends it.
    """

    def __init__(
        self, open: Callable[[WatchRequest], StreamCall[W]], request: WatchRequest, retry: Retry
    ) -> None:
        """The request becomes the watch's own."""
        self._request = request
        self._stream = ResumedStream(lambda: open(request), retry, patience=None)

    @property
    def resume_token(self) -> str:
        """Another watch with the same arguments goes on here: after the message at hand."""
        return self._request.resume_token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch, from any thread; an iteration in progress ends with it."""
        self._stream.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> W:
        message = self._stream.read()
        if message is None:
            raise StopIteration
        self._stream.progressed()
        self._request.resume_token = message.resume_token
        return message
