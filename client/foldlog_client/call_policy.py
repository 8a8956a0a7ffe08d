"""Decides deadlines, request ids and read-your-writes, the same for both clients."""

from collections.abc import Iterator
from contextlib import contextmanager

from uuid_utils import uuid7

from foldlog.v1.calling import CommandRequest, CommandResponse, QueryRequest, Request
from foldlog_client.errors import FoldlogError, LogReplaced, ViewBehind
from foldlog_client.retry import Attempts, Repeatable, Retry, may_repeat
from foldlog_client.session import LogPosition, Session


class CallPolicy:
    """The settings of one client's calls, and what it remembers between them."""

    def __init__(self, session: Session, retry: Retry, *, timeout: float, read_your_writes: bool) -> None:
        self.retry = retry
        self.timeout = timeout
        """Seconds for a call with all its attempts, unless the call sets its own."""
        self._session = session
        self._read_your_writes = read_your_writes

    def attempts(self, within: float | None, repeatable: Repeatable = may_repeat) -> Attempts:
        """Return the attempts of a call that starts now."""
        return Attempts(self.retry, self.timeout if within is None else within, repeatable)

    @contextmanager
    def around_command(self, request: CommandRequest) -> Iterator[None]:
        """Wrap a command: all its attempts and its error have the same request id."""
        request.options.request_id = request.options.request_id or str(uuid7())
        request.options.session_token = self._session.token.token
        try:
            yield
        except FoldlogError as error:
            error.request_id = request.options.request_id
            raise

    def answered(self, request: CommandRequest, reply: CommandResponse) -> None:
        """Record in the session what position a command has reached."""
        result = reply.result
        reached = LogPosition(result.log_id, result.position, result.token)
        if result.session_replaced:
            self._session.replaced(request.options.session_token, reached)
        else:
            self._session.reached(reached)

    @contextmanager
    def around_query(self, request: QueryRequest, *, own_writes: bool) -> Iterator[Repeatable]:
        """Wrap a query, so that it sees what the session did; yields which errors are worth a retry.

        A query whose view is behind is retried, unless the caller set how long to wait.
        """
        token, options = self._session.token, request.options
        same_log = options.log_id in ("", token.log_id)
        is_ours = own_writes and self._read_your_writes and token.position and same_log
        if is_ours:
            options.min_position, options.log_id = token.position, token.log_id
            options.min_position_token = token.token
        patient = not request.options.HasField("max_wait")
        try:
            yield lambda error: may_repeat(error) and (patient or not isinstance(error, ViewBehind))
        except LogReplaced:
            if is_ours:
                self._session.forget(token)
            raise


def encoded(message: Request) -> bytes:
    """Return the bytes of a request."""
    return message.SerializeToString()
