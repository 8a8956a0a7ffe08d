"""Watches a query: the matching documents, then every change, across lost connections."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

from foldlog.v1.calling import WatchRequest, WatchResponse
from foldlog_client.retry import Retry
from foldlog_client.sync.streams import ResumedStream, StreamCall

W = TypeVar("W", bound=WatchResponse)


class Watch(Generic[W]):
    """An endless iterator of messages: use it in `with`, so that its stream ends with the block.

    After a lost connection it reconnects and resumes after the last message received. An error that a retry
    cannot fix is raised, and ends it.
    """

    def __init__(
        self, open: Callable[[WatchRequest], StreamCall[W]], request: WatchRequest, retry: Retry
    ) -> None:
        """The watch takes over the request, and changes its resume token."""
        self._request = request
        self._stream = ResumedStream(lambda: open(request), retry, patience=None)

    @property
    def resume_token(self) -> str:
        """A watch with the same arguments resumes here: after the current message."""
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
