"""What of a call's trace context is kept: a traceparent of W3C's form, and a tracestate of bounded length."""

import pytest

from foldlog_server.transport.trace_context import trace_context

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_what_is_of_w3cs_form_is_kept() -> None:
    metadata = [("user-agent", "x"), ("traceparent", TRACEPARENT), ("tracestate", "vendor=1")]
    assert trace_context(metadata) == (TRACEPARENT, "vendor=1")


def test_there_need_be_none() -> None:
    assert trace_context([("user-agent", "x")]) == ("", "")
    assert trace_context([("traceparent", TRACEPARENT)]) == (TRACEPARENT, "")


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "x" * 55,
        TRACEPARENT + "-more",
        TRACEPARENT + "\n",
        TRACEPARENT.upper(),
        TRACEPARENT.replace("00-", "ff-", 1),
        TRACEPARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACEPARENT.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
def test_what_is_no_traceparent_is_dropped_with_its_tracestate(traceparent: str) -> None:
    assert trace_context([("traceparent", traceparent), ("tracestate", "vendor=1")]) == ("", "")


def test_a_tracestate_without_a_traceparent_is_dropped() -> None:
    assert trace_context([("tracestate", "vendor=1")]) == ("", "")


def test_several_tracestates_are_joined_with_a_comma_in_their_order() -> None:
    metadata = [("tracestate", "a=1"), ("traceparent", TRACEPARENT), ("tracestate", "b=2,c=3")]
    assert trace_context(metadata) == (TRACEPARENT, "a=1,b=2,c=3")


def test_a_tracestate_has_at_most_512_characters_in_all() -> None:
    halves = [("tracestate", "a=" + "x" * 253), ("tracestate", "b=" + "x" * 254)]
    parent = ("traceparent", TRACEPARENT)
    assert trace_context([parent, *halves]) == (TRACEPARENT, f"{halves[0][1]},{halves[1][1]}")
    assert trace_context([parent, *halves, ("tracestate", "c=1")]) == (TRACEPARENT, "")
