"""Text that others chose, such as ids and names, cannot act on a terminal or begin a line of a log."""

import logging
import traceback
import unicodedata
from collections.abc import Iterator
from typing import Any

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}  # of Unicode: controls, formats such as bidi marks, separators of lines


def printable(text: str) -> str:
    """The text with each character that prints nothing of its own written as Python escapes it."""
    if text.isprintable():
        return text
    return "".join(_escaped(each) if unicodedata.category(each) in _INVISIBLE else each for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class PrintableFormatter(logging.Formatter):
    """One line for each record; the trace below it is indented, so that none of it looks like a record.

    A trace tells what an error says only where that cannot be about a person, or if all is to be told.
    """

    def __init__(self, layout: str, *, tells_all: bool = False) -> None:
        super().__init__(layout)
        self._tells_all = tells_all

    def formatException(self, ei: Any) -> str:
        error = ei[1]
        if self._tells_all or error is None:
            return super().formatException(ei)
        return "\n".join(_trace(error))

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a line's end."""
        first, *trace = super().format(record).split("\n")
        return "\n".join([first, *("  " + printable(line) for line in trace)])


def _trace(error: BaseException) -> Iterator[str]:
    """Where an error came from, and what caused it, as Python shows it but for what errors say."""
    # Imported here: `foldlog --version` need not load what this does.
    from foldlog_server.personal import described

    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _trace(earlier)
        yield "and then:"
    for entry in traceback.format_tb(error.__traceback__):
        yield entry.rstrip("\n")
    yield described(error)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _trace(inner)
