"""Text that others chose, such as ids and names, cannot act on a terminal or begin a line of a log."""

import logging
import unicodedata

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}  # of Unicode: controls, formats such as bidi marks, separators of lines


def printable(text: str) -> str:
    """The text with each character that prints nothing of its own written as Python escapes it."""
    if text.isprintable():
        return text
    return "".join(_escaped(each) if unicodedata.category(each) in _INVISIBLE else each for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class PrintableFormatter(logging.Formatter):
    """One line for each record; the trace below it is indented, so that none of it looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a line's end."""
        first, *trace = super().format(record).split("\n")
        return "\n".join([first, *("  " + printable(line) for line in trace)])
