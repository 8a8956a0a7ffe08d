"""What the generated sync methods need from their client."""

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
    """The messages of a watch, for ever, across lost connections; `with` closes it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> W_co: ...

    @property
    def resume_token(self) -> str:
        """A watch with the same arguments resumes here: after the current message."""
        ...

    def close(self) -> None:
        """End the watch, from any thread; an iteration in progress ends with it."""
        ...


class Caller(Protocol):
    """Makes calls, with its own connection, deadlines, retries, request ids and session."""

    def command(self, path: str, request: CommandRequest, response: type[C], *, within: float | None) -> C:
        """Carry out a command once, with as many attempts as fit `within` so many seconds."""
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
        """Send a query; with `own_writes` the answer sees what the session did before."""
        ...

    def unary(self, path: str, request: Request, response: type[R], *, within: float | None) -> R:
        """Make a call without options, and return its response."""
        ...

    def watch(self, path: str, request: WatchRequest, response: type[W]) -> Watch[W]:
        """Open a watch; after a lost connection it reconnects and resumes."""
        ...
