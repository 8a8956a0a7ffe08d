"""The W3C trace context of a call, as far as it is one: it is copied into every event, so it is bounded."""

import re
from collections.abc import Iterable

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_TRACESTATE = 512  # characters: as many as W3C asks everyone to pass on


def trace_context(metadata: Iterable[tuple[str, str | bytes]]) -> tuple[str, str]:
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
        return "", ""
    return traceparent, tracestate if len(tracestate) <= _MAX_TRACESTATE else ""
