"""Makes text from outside, such as ids and names, safe to print: it cannot control a terminal or fake
a log line."""

import logging
import traceback
import unicodedata
from collections.abc import Iterator
from typing import Any

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}  # of Unicode: controls, formats such as bidi marks, separators of lines


def printable(text: str) -> str:
    """The text with each invisible character written as a Python escape."""
    if text.isprintable():
        return text
    return "".join(_escaped(each) if unicodedata.category(each) in _INVISIBLE else each for each in text)


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as "1 event" or "1,200 events"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class PrintableFormatter(logging.Formatter):
    """Formats a record as one line; the trace below it is indented, so that none of it looks like a
    record."""

    def __init__(self, layout: str, *, with_all_texts: bool = False) -> None:
        """`with_all_texts` shows the texts of all errors in traces, also those that may have personal
        data."""
        super().__init__(layout)
        self._with_all_texts = with_all_texts

    def formatException(self, ei: Any) -> str:
        error = ei[1]
        if self._with_all_texts or error is None:
            return super().formatException(ei)
        return "\n".join(_trace(error))

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a line break at its end."""
        first, *trace = super().format(record).split("\n")
        return "\n".join([first, *("  " + printable(line) for line in trace)])


def _trace(error: BaseException) -> Iterator[str]:
    """The trace of an error and of its causes, like Python's, without texts that may have personal data."""
    # Imported here: `foldlog --version` should not load what this imports.
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
