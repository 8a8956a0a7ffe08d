"""The Python client of Foldlog: `async with foldlog_client.connect("127.0.0.1:50051") as client: ...`"""

from foldlog_client.aio.client import Client, connect
from foldlog_client.aio.events import Events
from foldlog_client.aio.subscription import Subscription
from foldlog_client.aio.watch import Watch
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
