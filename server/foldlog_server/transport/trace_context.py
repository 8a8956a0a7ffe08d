"""Keeps the W3C trace context of a call if it is valid; it is copied into every event, so its size is
bounded."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import NamedTuple, TypeAlias

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


class TraceContext(NamedTuple):
    """The trace context that is kept of a call."""

    traceparent: str = ""
    """Empty if there is none."""
    tracestate: str = ""


NO_TRACE = TraceContext()

TRACE: ContextVar[TraceContext] = ContextVar("TRACE", default=NO_TRACE)
"""The trace context of the call that the current task handles."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_TRACESTATE = 512  # characters: what W3C requires everyone to propagate


def keep_trace(metadata: Metadata) -> None:
    """Keep a call's trace context for its handler, which runs in the same task, alone.

    gRPC has the metadata ready when it looks up the handler, and would read them again for the handler.
    """
    for key, _ in metadata:
        if key == "traceparent":
            TRACE.set(trace_context(metadata))
            return


def trace_context(metadata: Metadata) -> TraceContext:
    """Return the traceparent, and the tracestate headers as one; each empty if it is missing or invalid.

    Without a traceparent of version 00 there is no tracestate either, as W3C requires.
    """
    traceparent = tracestate = ""
    for key, value in metadata:
        if key == "traceparent":
            traceparent = str(value)
        elif key == "tracestate":
            tracestate = f"{tracestate},{value!s}" if tracestate else str(value)
    if not traceparent or not _TRACEPARENT.fullmatch(traceparent):
        return NO_TRACE
    return TraceContext(traceparent, tracestate if len(tracestate) <= _MAX_TRACESTATE else "")
