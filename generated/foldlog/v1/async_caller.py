# Written by foldlog from the protos; do not edit.
"""What the generated async methods need from their client."""

from typing import Protocol, Self

from foldlog.v1.calling import (
    C,
    CommandRequest,
    Q,
    QueryRequest,
    R,
    Request,
    W,
    W_co,
    WatchRequest,
)


class Watch(Protocol[W_co]):
    """The messages of a watch, for ever, across lost connections; `async with` closes it."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> W_co: ...

    @property
    def resume_token(self) -> str:
        """A watch with the same arguments resumes here: after the current message."""
        ...

    async def aclose(self) -> None:
        """End the watch; an iteration in progress ends with it."""
        ...


class Caller(Protocol):
    """Makes calls, with its own connection, deadlines, retries, request ids and session."""

    async def command(
        self, path: str, request: CommandRequest, response: type[C], *, within: float | None
    ) -> C:
        """Carry out a command once, with as many attempts as fit `within` so many seconds."""
        ...

    async def query(
        self,
        path: str,
        request: QueryRequest,
        response: type[Q],
        *,
        own_writes: bool,
        within: float | None,
    ) -> Q:
        """Send a query; with `own_writes` the answer sees what the session did before."""
        ...

    async def unary(self, path: str, request: Request, response: type[R], *, within: float | None) -> R:
        """Make a call without options, and return its response."""
        ...

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """Open a watch; after a lost connection it reconnects and resumes."""
        ...
