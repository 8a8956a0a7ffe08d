"""How a client conducts itself, however it waits: deadlines, request ids, its own writes."""

from collections.abc import Iterator
from contextlib import contextmanager

from uuid_utils import uuid7

from foldlog.v1.calling import CommandRequest, CommandResponse, QueryRequest
from foldlog_client.attempts import Attempts, Repeatable
from foldlog_client.errors import FoldlogError, LogReplaced, ViewBehind
from foldlog_client.retries import Retry, may_repeat
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
        try:
            yield
        except FoldlogError as error:
            error.request_id = request.options.request_id
            raise

    def done(self, reply: CommandResponse) -> None:
        """A command was answered."""
        self._session.reached(LogPosition(reply.result.log_id, reply.result.position))

    @contextmanager
    def asking(self, request: QueryRequest, *, own_writes: bool) -> Iterator[Repeatable]:
        """Around a query, which sees what the session did; gives which errors are worth another attempt.

        A view that is behind is asked again, unless the caller said how long to wait.
        """
        token = self._session.token
        same_log = request.options.log_id in ("", token.log_id)
        if own_writes and self._read_your_writes and token.position and same_log:
            request.options.min_position, request.options.log_id = token.position, token.log_id
        patient = not request.options.HasField("max_wait")
        try:
            yield lambda error: may_repeat(error) and (patient or not isinstance(error, ViewBehind))
        except LogReplaced:
            self._session.forget(LogPosition(request.options.log_id))
            raise
