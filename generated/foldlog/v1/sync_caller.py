# Written by foldlog from the protos; do not edit.
"""What the generated methods ask of the client around them, in any thread."""

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
    """The messages of a watch, for ever, across lost connections; used in `with`, it ends with it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> W_co: ...

    @property
    def resume_token(self) -> str:
        """Another watch with the same arguments goes on here: after the message at hand."""
        ...

    def close(self) -> None:
        """End the watch, from any thread; an iteration in progress ends with it."""
        ...


class Caller(Protocol):
    """Makes calls: the connection, deadlines, retries, request ids and the session are its own."""

    def command(self, path: str, request: CommandRequest, response: type[C], *, within: float | None) -> C:
        """Carry out a command once, whatever it takes to get it answered `within` so many seconds."""
        ...

    def query(
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

    def unary(self, path: str, request: Request, response: type[R], *, within: float | None) -> R:
        """The answer to a call as it is."""
        ...

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """The messages of a watch; a lost connection is made again and resumed."""
        ...
