"""The W3C trace context of a call, as far as it is one: it is copied into every event, so it is bounded."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import NamedTuple, TypeAlias

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


class TraceContext(NamedTuple):
    """What is kept of a call's trace."""

    traceparent: str = ""
    """Empty where there is none."""
    tracestate: str = ""


NO_TRACE = TraceContext()

TRACE: ContextVar[TraceContext] = ContextVar("TRACE", default=NO_TRACE)
"""Of the call that a task handles."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_TRACESTATE = 512  # characters: as many as W3C asks everyone to pass on


def keep_trace(metadata: Metadata) -> None:
    """Keep a call's trace context for its handler, which runs in the same task; no other call does.

    gRPC has read the metadata when it looks for the handler, and reads them again for a handler that asks.
    """
    for key, _ in metadata:
        if key == "traceparent":
            TRACE.set(trace_context(metadata))
            return


def trace_context(metadata: Metadata) -> TraceContext:
    """The traceparent, and the tracestate headers as one; each empty where it is missing or not to be kept.

    Without a traceparent of version 00 there is no tracestate either, as W3C says.
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
