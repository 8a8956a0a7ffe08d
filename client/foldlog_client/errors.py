"""Everything that a call can raise, with what the server said about it.

FoldlogError
├── InvalidRequest          the request breaks the contract; nothing was tried
│   ├── RequestIdReused     the request id was used before for another command
│   ├── PageTokenInvalid    the page token belongs to another request, view or log
│   └── ResumeTokenInvalid  the resume token belongs to another request
├── Rejected                a rule refuses it in the present state
├── LogReplaced             the log is not the one that the position belongs to
├── NotFound                there is no such thing
├── AlreadyExists           it is there already
├── BeyondHead              the position lies beyond the end of the log
├── Aborted                 something else came between
│   ├── VersionConflict     the stream does not have the expected version
│   └── Contended           the race for the stream was lost too often
├── Exhausted               too much: in flight, stored, or in one message
├── Unavailable             not now; a command may have happened
│   └── ViewBehind          the view had not seen the position when the wait was over
├── TimedOut                no answer in time; a command may have happened
├── Cancelled               the other side gave the call up; a command may have happened
├── NotAuthenticated        the caller is not known
├── NotAllowed              the caller is known and may not do this
├── NotOffered              the server does not offer this
├── DataDamaged             stored bytes do not fit their checksum
└── ServerFault             a defect of the server; a command may have happened

Where a command may have happened, repeating it with the `request_id` of the error is safe. The metadata
`request_id_not_looked_up` of an error says that this attempt stored nothing, and that it was the first, or
that all before it stored nothing either: after one whose outcome is unknown, that one's error is raised
instead.
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
    """For people: what was expected and what was found."""


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
        """For people: what was expected, what was found, what to do."""
        self.code = code
        self.reason = reason
        """The entry of the error catalogue, such as "ORDER_EMPTY", to be compared with the `Reason` of
        the package that is the domain; empty if gRPC itself made the error."""
        self.domain = domain
        """The proto package of the catalogue, such as "foldlog.orders.v1"."""
        self.metadata = dict(metadata or {})
        """The values that the message speaks of."""
        self.violations = tuple(violations)
        self.resource = resource
        self.retry_after = retry_after
        """How many seconds the server asks to wait before the next attempt; None if it did not say."""
        self.retry_forbidden = retry_forbidden
        """The server asks not to try again."""
        self.request_id = ""
        """The request id of the command that failed; empty if the call was none."""
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"


class InvalidRequest(FoldlogError):
    """The request breaks the contract; nothing was tried."""


class RequestIdReused(InvalidRequest):
    """The request id was used before for another command."""


class PageTokenInvalid(InvalidRequest):
    """The page token belongs to another request, view or log."""


class ResumeTokenInvalid(InvalidRequest):
    """The resume token belongs to another request."""


class Rejected(FoldlogError):
    """A rule refuses it in the present state."""


class LogReplaced(FoldlogError):
    """The log is not the one that the position belongs to."""


class NotFound(FoldlogError):
    """There is no such thing."""


class AlreadyExists(FoldlogError):
    """It is there already."""


class BeyondHead(FoldlogError):
    """The position lies beyond the end of the log."""


class Aborted(FoldlogError):
    """Something else came between."""


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
    """The race for the stream was lost too often."""


class Exhausted(FoldlogError):
    """Too much: in flight, stored, or in one message."""


class Unavailable(FoldlogError):
    """Not now; a command may have happened."""


class ViewBehind(Unavailable):
    """The view had not seen the position when the wait was over."""


class TimedOut(FoldlogError):
    """No answer in time; a command may have happened."""


class Cancelled(FoldlogError):
    """The other side gave the call up; a command may have happened."""


class NotAuthenticated(FoldlogError):
    """The caller is not known."""


class NotAllowed(FoldlogError):
    """The caller is known and may not do this."""


class NotOffered(FoldlogError):
    """The server does not offer this."""


class DataDamaged(FoldlogError):
    """Stored bytes do not fit their checksum."""


class ServerFault(FoldlogError):
    """A defect of the server; a command may have happened."""
