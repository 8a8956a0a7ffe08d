"""How a client conducts itself, however it waits: deadlines, request ids, its own writes."""

from collections.abc import Iterator
from contextlib import contextmanager

from uuid_utils import uuid7

from foldlog.v1.calling import CommandRequest, CommandResponse, QueryRequest, Request
from foldlog_client.errors import FoldlogError, LogReplaced, ViewBehind
from foldlog_client.retry import Attempts, Repeatable, Retry, may_repeat
from foldlog_client.session import LogPosition, Session


class Conduct:
    """What is said and remembered around the calls of one client."""

    def __init__(self, session: Session, retry: Retry, *, timeout: float, read_your_writes: bool) -> None:
        self.retry = retry
        self.timeout = timeout
        """Seconds for a call with all its attempts, where the call does not say."""
        self._session = session
        self._read_your_writes = read_your_writes

    def attempts(self, within: float | None, repeatable: Repeatable = may_repeat) -> Attempts:
        """The attempts of a call that begins now."""
        return Attempts(self.retry, self.timeout if within is None else within, repeatable)

    @contextmanager
    def commanding(self, request: CommandRequest) -> Iterator[None]:
        """Around a command: its request id is the same in all attempts, and in the error."""
        request.options.request_id = request.options.request_id or str(uuid7())
        request.options.session_token = self._session.token.token
        try:
            yield
        except FoldlogError as error:
            error.request_id = request.options.request_id
            raise

    def done(self, request: CommandRequest, reply: CommandResponse) -> None:
        """A command was answered."""
        result = reply.result
        reached = LogPosition(result.log_id, result.position, result.token)
        if result.session_replaced:
            self._session.replaced(request.options.session_token, reached)
        else:
            self._session.reached(reached)

    @contextmanager
    def asking(self, request: QueryRequest, *, own_writes: bool) -> Iterator[Repeatable]:
        """Around a query, which sees what the session did; gives which errors are worth another attempt.

        A view that is behind is asked again, unless the caller said how long to wait.
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
    """The bytes of a request."""
    return message.SerializeToString()
