"""Everything that a call can raise, with what the server said about it.

FoldlogError
├── InvalidRequest          the request violates the contract; nothing was attempted
│   ├── RequestIdReused     the request id was used before for another command
│   ├── PageTokenInvalid    the page token belongs to another request, view or log
│   └── ResumeTokenInvalid  the resume token belongs to another request
├── Rejected                a rule of the domain refuses the command in the current state
├── LogReplaced             the position belongs to another log, or to another history of it
├── NotFound                it does not exist
├── AlreadyExists           it exists already
├── BeyondHead              the position lies beyond the end of the log
├── Aborted                 another change came first
│   ├── VersionConflict     the stream does not have the expected version
│   └── Contended           other commands changed the stream before each attempt
├── Exhausted               a limit was reached: calls in flight, storage, or message size
├── Unavailable             the server cannot answer now; a command may have happened
│   └── ViewBehind          the view did not reach the position within the wait
├── TimedOut                no answer before the deadline; a command may have happened
├── Cancelled               the other side cancelled the call; a command may have happened
├── NotAuthenticated        the caller is not known
├── NotAllowed              the caller is known, and has no permission for this
├── NotOffered              the server does not implement this
├── DataDamaged             stored bytes do not match their checksum
└── ServerFault             a defect of the server; a command may have happened

Where a command may have happened, repeating it with the `request_id` of the error is safe. The metadata
`request_id_not_looked_up` of an error means that neither this attempt nor any before it stored anything:
after an attempt whose outcome is unknown, the error of that attempt is raised instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc


@dataclass(frozen=True, slots=True)
class Violation:
    """One field or rule that a request violates."""

    subject: str
    """The path of the field, such as "command.lines[3].quantity", or what the rule is about."""
    rule: str
    """The rule, such as "required" or "INSUFFICIENT_STOCK"."""
    description: str
    """For people to read: what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What an error is about."""

    type: str
    name: str


class FoldlogError(Exception):
    """The call failed."""

    def __init__(
        self,
        message: str = "",
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        domain: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        resource: Resource | None = None,
        retry_after: float | None = None,
        retry_forbidden: bool = False,
    ) -> None:
        self.message = message or type(self).__doc__ or ""
        """For people to read: what was expected, what was found, what to do."""
        self.code = code
        self.reason = reason
        """The entry of the error catalogue, such as "ORDER_EMPTY", to be compared with the `Reason` of
        the package that is the domain; empty if gRPC itself made the error."""
        self.domain = domain
        """The proto package of the catalogue, such as "foldlog.orders.v1"."""
        self.metadata = dict(metadata or {})
        """The values that the message mentions."""
        self.violations = tuple(violations)
        self.resource = resource
        self.retry_after = retry_after
        """How many seconds the server asks to wait before the next attempt; None if it did not say."""
        self.retry_forbidden = retry_forbidden
        """Whether the server asks not to retry."""
        self.request_id = ""
        """The request id of the command that failed; empty if the call was none."""
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"


class InvalidRequest(FoldlogError):
    """The request violates the contract; nothing was attempted."""


class RequestIdReused(InvalidRequest):
    """The request id was used before for another command."""


class PageTokenInvalid(InvalidRequest):
    """The page token belongs to another request, view or log."""


class ResumeTokenInvalid(InvalidRequest):
    """The resume token belongs to another request."""


class Rejected(FoldlogError):
    """A rule of the domain refuses the command in the current state."""


class LogReplaced(FoldlogError):
    """The position belongs to another log, or to another history of it."""


class NotFound(FoldlogError):
    """It does not exist."""


class AlreadyExists(FoldlogError):
    """It exists already."""


class BeyondHead(FoldlogError):
    """The position lies beyond the end of the log."""


class Aborted(FoldlogError):
    """Another change came first."""


class VersionConflict(Aborted):
    """The stream does not have the expected version."""

    @property
    def expected(self) -> int:
        """The version that the command expected."""
        return int(self.metadata["expected_version"])

    @property
    def actual(self) -> int:
        """The version that the stream has."""
        return int(self.metadata["actual_version"])


class Contended(Aborted):
    """Other commands changed the stream before each attempt."""


class Exhausted(FoldlogError):
    """A limit was reached: calls in flight, storage, or message size."""


class Unavailable(FoldlogError):
    """The server cannot answer now; a command may have happened."""


class ViewBehind(Unavailable):
    """The view did not reach the position within the wait."""


class TimedOut(FoldlogError):
    """No answer before the deadline; a command may have happened."""


class Cancelled(FoldlogError):
    """The other side cancelled the call; a command may have happened."""


class NotAuthenticated(FoldlogError):
    """The caller is not known."""


class NotAllowed(FoldlogError):
    """The caller is known, and has no permission for this."""


class NotOffered(FoldlogError):
    """The server does not implement this."""


class DataDamaged(FoldlogError):
    """Stored bytes do not match their checksum."""


class ServerFault(FoldlogError):
    """A defect of the server; a command may have happened."""
