"""The sync client of Foldlog, under the same names: `with foldlog_client.sync.connect() as client: ...`

Arguments, results and errors are the same as in `foldlog_client`. So are sessions: with its token, a client
of either kind sees what another did.
"""

from foldlog_client.errors import (
    Aborted,
    AlreadyExists,
    BeyondHead,
    Cancelled,
    Contended,
    DataDamaged,
    Exhausted,
    FoldlogError,
    InvalidRequest,
    LogReplaced,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotOffered,
    PageTokenInvalid,
    Rejected,
    RequestIdReused,
    Resource,
    ResumeTokenInvalid,
    ServerFault,
    TimedOut,
    Unavailable,
    VersionConflict,
    ViewBehind,
    Violation,
)
from foldlog_client.payload import UnknownPayload, unpack
from foldlog_client.retry import Retry
from foldlog_client.session import LogPosition, Session
from foldlog_client.sync.client import Client, connect
from foldlog_client.sync.events import Events
from foldlog_client.sync.subscription import Subscription
from foldlog_client.sync.watch import Watch

__all__ = [
    "Aborted",
    "AlreadyExists",
    "BeyondHead",
    "Cancelled",
    "Client",
    "Contended",
    "DataDamaged",
    "Events",
    "Exhausted",
    "FoldlogError",
    "InvalidRequest",
    "LogPosition",
    "LogReplaced",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotOffered",
    "PageTokenInvalid",
    "Rejected",
    "RequestIdReused",
    "Resource",
    "ResumeTokenInvalid",
    "Retry",
    "ServerFault",
    "Session",
    "Subscription",
    "TimedOut",
    "Unavailable",
    "UnknownPayload",
    "VersionConflict",
    "ViewBehind",
    "Violation",
    "Watch",
    "connect",
    "unpack",
]
