"""What others chose to call things cannot act on a terminal, nor begin a line of a log."""

import logging
import sqlite3
import sys

import pytest

from foldlog_server.errors import StoreUnavailable
from foldlog_server.printable import PrintableFormatter, printable


@pytest.mark.parametrize("text", ["", "order-1", "naïve café ☃ 漢 🦊", "a\u00a0b", "مرحبا"])
def test_what_prints_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x85\x9b31m", r"\x85\x9b31m"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("a\u200bb\u2028c\u2029d", r"a\u200bb\u2028c\u2029d"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_controls_formats_and_line_separators_are_escaped(text: str, escaped: str) -> None:
    assert printable(text) == escaped


def record(message: str, argument: str, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("foldlog", logging.INFO, "x.py", 1, message, (argument,), exc_info)


def test_a_record_is_one_line_whatever_it_tells_of() -> None:
    formatter = PrintableFormatter("%(levelname)s %(name)s: %(message)s")
    told = formatter.format(record("no stream %s", "x\n2026 ERROR foldlog: \x1b[2Jall is lost"))
    assert told == r"INFO foldlog: no stream x\n2026 ERROR foldlog: \x1b[2Jall is lost"


def test_a_trace_keeps_its_lines_and_none_of_them_looks_like_a_record() -> None:
    try:
        raise ValueError("bad\n2026 ERROR foldlog: \x1b[2Jall is lost")
    except ValueError:
        formatter = PrintableFormatter("%(message)s", with_all_texts=True)
        told = formatter.format(record("error %s", "7", sys.exc_info()[1]))
    first, *trace = told.split("\n")
    assert first == "error 7"
    assert len(trace) > 2
    assert all(line.startswith("  ") for line in trace)
    assert trace[-1] == r"  2026 ERROR foldlog: \x1b[2Jall is lost"


def trace_of(error: BaseException) -> list[str]:
    return PrintableFormatter("%(message)s").format(record("error %s", "7", error)).split("\n")[1:]


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_a_trace_leaves_out_what_an_error_quotes_and_keeps_where_it_was() -> None:
    trace = trace_of(raised(RuntimeError("of ada"), raised(KeyError("ada"))))
    assert trace[-1] == "  RuntimeError"
    assert "  KeyError" in trace
    assert sum("in raised" in line for line in trace) == 2
    assert not [line for line in trace if "ada" in line and "raise" not in line]


def test_a_trace_tells_what_the_system_and_the_database_say() -> None:
    assert trace_of(OSError(28, "No space left"))[-1] == "  OSError: [Errno 28] No space left"
    assert trace_of(sqlite3.OperationalError("disk I/O error"))[-1] == "  OperationalError: disk I/O error"
    assert trace_of(StoreUnavailable())[-1].startswith("  StoreUnavailable: The store does not answer")


def test_a_trace_tells_every_error_of_a_group() -> None:
    trace = trace_of(ExceptionGroup("of ada", [ValueError("ada"), OSError("full")]))
    assert trace == ["  ExceptionGroup", "  ValueError", "  OSError: full"]
