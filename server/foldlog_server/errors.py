"""Every error of the contract, with the message and the metadata that a client gets.

FoldlogError
├── InvalidRequest          the request breaks the contract; nothing was tried
├── Rejected                a rule of the domain refuses the command or question
├── WrongExpectedVersion    the stream does not have the version the client expected
├── Contended               the race for a stream was lost too often
├── ReadRefused             a position, log or freshness that cannot be served
├── Draining                the server is stopping
├── NotOffered              defined by the contract, not offered by this server yet
└── StoreError
    ├── StoreFull           nothing was stored: there is no room
    ├── StoreHindered       nothing was stored: something that the store needs was not available
    ├── EventTooLarge       nothing was stored
    ├── StoreUnavailable    what was stored is unknown
    ├── LogDetached         nothing was stored: the log's files are not where they were
    ├── NothingToBuildFrom  no rebuild was begun, for the same reason
    ├── EventUnreadable     an event was written by another release
    └── DataDamaged         stored bytes do not match their checksum
        ├── RequestDamaged  the record of a request does not match its checksum
        └── IndexDamaged    an index contradicts the log; nothing was stored
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from foldlog.v1.errors_pb2 import ErrorReason
from foldlog_server.error_catalogue import Reason, catalogue


@dataclass(frozen=True, slots=True)
class Violation:
    """One field or rule that a request violates."""

    subject: str
    """The path of the field, such as "command.lines[3].quantity", or what the rule is about."""
    rule: str
    """The rule, such as "required" or "INSUFFICIENT_STOCK"."""
    description: str
    """For people: what was expected and what was found."""


_REASONS = catalogue(ErrorReason)


CAUSE = "cause"
"""Key of metadata: what the server is short of, such as "no_descriptors"."""

NOT_LOOKED_UP = "request_id_not_looked_up"
"""Key of metadata, with the value "true": the refusal is about this attempt alone. The server has not checked
whether an earlier attempt with the same request id was carried out."""


class FoldlogError(Exception):
    """An error that a client gets, with its entry of the error catalogue."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        metadata: Mapping[str, str] | None = None,
        *,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        """`message` says what was expected, what was found, what to do; `retry_after` is in seconds.

        `metadata` begins with what the error is about, such as `line_id`.
        """
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after

    def not_looked_up(self) -> Self:
        """The error, marked as being about this attempt alone."""
        self.metadata[NOT_LOOKED_UP] = "true"
        return self

    @property
    def about(self) -> tuple[str, str]:
        """What the error is about: its kind, such as "line", and its name or id; both may be empty."""
        key, value = next(iter(self.metadata.items()), ("", ""))
        return key.removesuffix("_id"), value


class InvalidRequest(FoldlogError):
    """The request breaks the contract; nothing was tried."""

    @classmethod
    def malformed(cls, message_name: str) -> "InvalidRequest":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_MALFORMED_REQUEST],
            f"The request's bytes are not a {message_name}. Generate the client from the server's protos.",
        )

    @classmethod
    def fields(cls, violations: Sequence[Violation]) -> "InvalidRequest":
        first = violations[0]
        more = f" ({len(violations) - 1} more)" if len(violations) > 1 else ""
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_INVALID_FIELDS],
            f"{first.subject}: {first.description}{more}",
            violations=violations,
        )

    @classmethod
    def request_id_reused(cls, request_id: str) -> "InvalidRequest":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_REQUEST_ID_REUSED],
            f"The request id {request_id} was used before for another command. "
            "Make a new request id for every new command.",
            {"request_id": request_id},
        )

    @classmethod
    def page_token(cls) -> "InvalidRequest":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_PAGE_TOKEN_INVALID],
            "The page token does not belong to this request, to the view as it is now, or to this log. "
            "Begin again without a page token.",
        )

    @classmethod
    def resume_token(cls) -> "InvalidRequest":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_RESUME_TOKEN_INVALID],
            "The resume token does not belong to this request. "
            "Begin again without a resume token, and forget what was there.",
        )


class Rejected(FoldlogError):
    """A rule of the domain refuses the command or question."""

    def of_aggregate(self, stream: str) -> "Rejected":
        """The refusal, which names the aggregate that refuses, if it did not already."""
        category, _, id = stream.partition("-")
        if any(name.endswith("_id") and value == id for name, value in self.metadata.items()):
            return self
        return Rejected(self.reason, self.message, {f"{category}_id": id, **self.metadata})

    @classmethod
    def of_all(cls, refusals: "Sequence[Rejected]") -> "Rejected":
        """One refusal for those of several streams: it has the first one's message, and lists all."""
        first = refusals[0]
        if len(refusals) == 1:
            return first
        violations = [
            Violation(refusal.about[1], refusal.reason.name, refusal.message) for refusal in refusals
        ]
        message = f"{first.message} ({len(refusals) - 1} more refused.)"
        return cls(first.reason, message, first.metadata, violations=violations)


class WrongExpectedVersion(FoldlogError):
    """The stream does not have the version that the append expected."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_VERSION_CONFLICT],
            f"{stream} was expected at version {expected} and is at version {actual}. "
            "Read it again and decide again.",
            {"stream": stream, "expected_version": str(expected), "actual_version": str(actual)},
        )
        self.stream = stream
        self.expected = expected
        self.actual = actual


class Contended(FoldlogError):
    """The race for a stream was lost too often."""

    def __init__(self, stream: str, attempts: int) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_CONTENDED],
            f"Other commands changed {stream} each of the {attempts} times this one had been decided. "
            "Send it again after a pause.",
            {"stream": stream},
            retry_after=0.1,
        )


class ReadRefused(FoldlogError):
    """A position, log or freshness that cannot be served."""

    @classmethod
    def stream_not_found(cls, stream: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_STREAM_NOT_FOUND],
            f"No event was ever stored in {stream}. Check its name: the category, a dash, the id.",
            {"stream": stream},
        )

    @classmethod
    def request_not_found(cls, request_id: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_REQUEST_NOT_FOUND],
            f"No command of this caller is recorded under the request id {request_id}. If it is still "
            "wanted, send it with this id: it acts once, also if an earlier one is still on its way.",
            {"request_id": request_id},
        )

    @classmethod
    def beyond_head(cls, position: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_POSITION_BEYOND_HEAD],
            f"Position {position} lies beyond the end of the log, which is at {head}. "
            "Use a position that this log gave out.",
            {"position": str(position), "head": str(head)},
        )

    @classmethod
    def beyond_end(cls, stream: str, version: int, end: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VERSION_BEYOND_END],
            f"Version {version} lies beyond the end of {stream}, which is at {end}. "
            "Use a version that this log gave out.",
            {"stream": stream, "version": str(version), "end": str(end)},
        )

    @classmethod
    def time_not_over(cls, time: str, now: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_TIME_NOT_OVER],
            f"{time} is not over: the server's clock says {now}. "
            "Ask for a time in the past, or for the present.",
            {"time": time, "now": now},
        )

    @classmethod
    def log_replaced(cls, asked: str, log_id: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_LOG_REPLACED],
            f"The position belongs to log {asked}, and this is log {log_id}. "
            "Forget the positions of the former log and begin again.",
            {"asked_log_id": asked, "log_id": log_id},
        )

    @classmethod
    def history_replaced(
        cls, asked: str, log_id: str, position: int, last_common: int | None, *, is_exact: bool
    ) -> "ReadRefused":
        """`last_common` is the last position that both histories share or, unless `is_exact`, a position that
        is not before it; None if nothing is known."""
        history = f"this is log {log_id}" if asked != log_id else "the log has another history by now"
        up_to = "up to" if is_exact else "at most up to"
        common = "" if last_common is None else f" Both have the same events {up_to} {last_common}."
        known = {} if last_common is None else {"last_common_position": str(last_common)}
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_LOG_REPLACED],
            f"Position {position} was seen in log {asked}, and {history}.{common} "
            "Forget that position and begin again.",
            {"asked_log_id": asked, "log_id": log_id, "position": str(position), **known},
        )

    @classmethod
    def view_behind(cls, view: str, asked: int, position: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_BEHIND],
            f"The view {view} has seen position {position}, not yet {asked}. "
            "Ask again, wait longer, or accept an older answer.",
            {
                "view": view,
                "min_position": str(asked),
                "position": str(position),
                "head": str(head),
            },
            retry_after=0.05,
        )

    @classmethod
    def view_stopped(cls, view: str, position: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_STOPPED],
            f"The view {view} has stopped at position {position}. Tell the operator; "
            "WHEN_BEHIND_ANSWER returns answers as of that position.",
            {"view": view, "position": str(position), "head": str(head)},
        )

    @classmethod
    def view_damaged(cls, view: str, position: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_DAMAGED],
            f"The documents of the view {view} are damaged. It answers again once it has been rebuilt, "
            "which begins automatically. Ask again.",
            {"view": view, "position": str(position), "head": str(head)},
            retry_after=1.0,
        )

    @classmethod
    def view_rebuilding(cls, view: str, position: int, needed: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_REBUILDING],
            f"The view {view} is being built from the log, and has reached position {position} of {needed}. "
            "Ask again, or wait longer.",
            {
                "view": view,
                "position": str(position),
                "needed_position": str(needed),
                "head": str(head),
            },
            retry_after=1.0,
        )

    @classmethod
    def column_rebuilding(cls, view: str, column: str, position: int, head: int) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_REBUILDING],
            f"The view {view} is being rebuilt, and cannot be searched by {column} before that is done. "
            "Ask again, or without that filter.",
            {
                "view": view,
                "position": str(position),
                "needed_position": str(head),
                "head": str(head),
            },
            retry_after=1.0,
        )

    @classmethod
    def view_not_found(cls, view: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_VIEW_NOT_FOUND],
            f"The view {view} does not exist. ListViews, or `foldlog views list`, lists the views.",
            {"view": view},
        )

    @classmethod
    def document_parked(cls, view: str, id: str) -> "ReadRefused":
        return cls(
            _REASONS[ErrorReason.ERROR_REASON_DOCUMENT_PARKED],
            f"{id} waits on an event that the view {view} could not apply. Tell the operator.",
            {"view": view, "id": id},
        )


class Draining(FoldlogError):
    """The server is stopping."""

    def __init__(self) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_DRAINING],
            "The server is stopping. Send it again, to the server that takes its place.",
            retry_after=0.5,
        )


class NotOffered(FoldlogError):
    """Defined by the contract, not offered by this server yet."""

    def __init__(self, what: str) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_NOT_IMPLEMENTED],
            f"This server does not offer {what} yet.",
        )


class StoreError(FoldlogError):
    """The event store could not do what was asked."""


class StoreFull(StoreError):
    """There is no room on the disk; nothing was stored."""

    def __init__(self, cause: str = "full", why: str = "there is no room left on the disk") -> None:
        """`cause` is the short name of what is lacking, and `why` says it to people."""
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_STORE_FULL],
            f"The server has no room for this: {why}. Nothing was stored; reads still work.",
            {CAUSE: cause},
            retry_after=5.0,
        )


class StoreHindered(StoreError):
    """Something that the store needs was not available: this attempt stored nothing."""

    def __init__(self, cause: str, why: str) -> None:
        """`cause` is the short name of what is lacking, and `why` says it to people."""
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_STORE_HINDERED],
            f"The server cannot do this now: {why}. This attempt stored nothing; try it again after a pause.",
            {CAUSE: cause},
            retry_after=1.0,
        )
        self.why = why


class EventTooLarge(StoreError):
    """An event is larger than the limit; nothing was stored."""

    def __init__(self, type_name: str, size: int, limit: int) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_EVENT_TOO_LARGE],
            f"The command makes a {type_name} of {size:,} bytes, and an event has at most {limit:,}. "
            "Say less in one command.",
            {"type": type_name, "size": str(size), "limit": str(limit)},
        )


class StoreUnavailable(StoreError):
    """The store failed; what was stored is unknown."""

    def __init__(self) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_STORE_UNAVAILABLE],
            "The store does not answer, and the command may have happened. "
            "Send it again with the same request id.",
            retry_after=1.0,
        )


class LogDetached(StoreError):
    """The log's files were removed, moved or replaced: nothing was stored, and nothing will be."""

    def __init__(self) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_LOG_DETACHED],
            "The files of the server's log were removed, moved or replaced. This attempt stored nothing; "
            "reads still work. Tell the operator; send it again with the same request id after a restart.",
            {NOT_LOOKED_UP: "true"},
            retry_after=5.0,
        )


class NothingToBuildFrom(StoreError):
    """The log's files were removed, moved or replaced: no view can be rebuilt from them."""

    def __init__(self) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_LOG_DETACHED],
            "The files of the server's log were removed, moved or replaced, and views are built from what is "
            "at their paths: no rebuild was begun. Tell the operator; ask again after a restart.",
            retry_after=5.0,
        )


class EventUnreadable(StoreError):
    """The log holds an event that this release cannot read."""

    def __init__(self, position: int, type_name: str, why: str) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_EVENT_UNREADABLE],
            f"The event at position {position} is a {type_name}, and {why}. "
            "Tell the operator: the server needs another release.",
            {"position": str(position), "type": type_name},
        )
        self.why = why

    @classmethod
    def unknown(cls, position: int, type_name: str) -> "EventUnreadable":
        return cls(position, type_name, "this release does not know the message")

    @classmethod
    def no_message(cls, position: int, type_name: str) -> "EventUnreadable":
        return cls(position, type_name, "its bytes are no such message")


class DataDamaged(StoreError):
    """Stored bytes are not what was written."""

    def __init__(self, position: int | None = None) -> None:
        """Without a position, the place in the log is unknown."""
        self.position = position
        if position is None:
            self._init("", "The log's file is not as written, and is not returned.", {})
        else:
            self._init(
                f" at position {position}",
                f"The stored bytes at position {position} are not as written, and are not returned.",
                {"position": str(position)},
            )

    def _init(self, where: str, found: str, metadata: Mapping[str, str]) -> None:
        super().__init__(
            _REASONS[ErrorReason.ERROR_REASON_DATA_DAMAGED],
            f"{found} This attempt stored nothing. "
            "Tell the operator: the log must be verified, and restored from a backup.",
            metadata,
        )
        self.where = where
        """For people: " at position 7"; empty if the place is unknown."""


class RequestDamaged(DataDamaged):
    """The record of a request does not match its checksum."""

    def __init__(self, request_id: bytes) -> None:
        """`request_id` are the bytes of a UUID, or what is left of them."""
        id = str(UUID(bytes=request_id)) if len(request_id) == 16 else request_id.hex()
        self.position = None
        self._init(
            f" in the record of request {id}",
            f"The record of request {id} is not as written. The request was carried out before.",
            {"request_id": id},
        )


class IndexDamaged(DataDamaged):
    """An index of the log contradicts the log."""

    def __init__(self, stream: str = "") -> None:
        """`stream` is the stream whose events it does not lead to; empty for the index as a whole."""
        which = f"the events of {stream}" if stream else "all that the log holds"
        self.position = None
        self._init(
            f" in an index, which does not lead to {which}",
            f"An index of the log does not lead to {which}, so commands are refused.",
            {"stream": stream} if stream else {},
        )
