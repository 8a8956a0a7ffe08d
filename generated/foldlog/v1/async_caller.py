# Written by foldlog from the protos; do not edit.
"""What the generated methods ask of the client around them, in a loop."""

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
    """The messages of a watch, for ever, across lost connections; used in `async with`, it ends with it."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> W_co: ...

    @property
    def resume_token(self) -> str:
        """Another watch with the same arguments goes on here: after the message at hand."""
        ...

    async def aclose(self) -> None:
        """End the watch; an iteration in progress ends with it."""
        ...


class Caller(Protocol):
    """Makes calls: the connection, deadlines, retries, request ids and the session are its own."""

    async def command(
        self, path: str, request: CommandRequest, response: type[C], *, within: float | None
    ) -> C:
        """Carry out a command once, whatever it takes to get it answered `within` so many seconds."""
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
        """Ask a question; with `own_writes` the answer sees what the session did before."""
        ...

    async def unary(self, path: str, request: Request, response: type[R], *, within: float | None) -> R:
        """The answer to a call as it is."""
        ...

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """The messages of a watch; a lost connection is made again and resumed."""
        ...
