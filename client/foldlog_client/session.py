"""Keeps the position that a client's commands have reached."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

_LAST_POSITION = 2**63 - 1
_MOST_DIGITS = 19
_TOKEN = re.compile(r"[!-9;-~]+")
"""The form of a server's token: printable, without blanks or colons."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A position and the log it belongs to. As text it can be passed to another process."""

    log_id: str = ""
    position: int = 0
    token: str = field(default="", compare=False)
    """The server's token for the position, which also names its history: after a restore, the same position
    can mean another event. Empty if only the position is known."""

    def __str__(self) -> str:
        text = f"{self.log_id}:{self.position}"
        return f"{text}:{self.token}" if self.token else text

    @classmethod
    def parse(cls, text: str) -> "LogPosition":
        """Return the position from its text. Raises ValueError for any other text."""
        plain, _, token = text.rpartition(":")
        if token.isdigit() or not _TOKEN.fullmatch(token):
            plain, token = text, ""
        log_id, colon, position = plain.rpartition(":")
        is_number = position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS
        if not (colon and is_number and int(position) <= _LAST_POSITION):
            raise ValueError(f"{text!r} is not a log id, a colon and a position, with or without a token.")
        return cls(log_id, int(position), token)

    def is_exactly(self, other: "LogPosition") -> bool:
        """Whether the position and its token are the same."""
        return self == other and self.token == other.token


class Session:
    """The latest position that the commands of one or more clients have reached; safe across threads."""

    def __init__(self, token: LogPosition | None = None) -> None:
        self._seen: dict[str, LogPosition] = {}
        """The latest position in each history of one log; the newest entry last."""
        self._lost: dict[str, int] = {}
        """The position from which a history was refused: nothing at or after it is accepted again."""
        self._lock = threading.Lock()
        if token is not None:
            self.reached(token)

    @property
    def token(self) -> LogPosition:
        """The position that a reader must have seen to see everything that was done here."""
        with self._lock:
            return max(self._seen.values(), key=_position, default=LogPosition())

    def restore(self, token: LogPosition) -> None:
        """Continue from the token of another session: queries of this one see what that one did."""
        self.reached(token)

    def reached(self, token: LogPosition) -> None:
        """Record that a command has reached this position. A position in another log replaces all
        former ones."""
        with self._lock:
            self._reach(token)

    def replaced(self, refused: str, token: LogPosition) -> None:
        """Record a position that a command has reached in a log without the history of the refused token.

        The session continues from here, although the position may be lower.
        """
        with self._lock:
            self._lose(next((one for one in self._seen.values() if one.token == refused), None))
            self._reach(token)

    def forget(self, refused: LogPosition) -> None:
        """Forget this position, which the server refused. Does nothing if the session has moved past it."""
        with self._lock:
            self._lose(next((one for one in self._seen.values() if one.is_exactly(refused)), None))

    def _reach(self, token: LogPosition) -> None:
        history = _history(token)
        if not token.position or (history and token.position >= self._lost.get(history, _LAST_POSITION)):
            return
        if any(token.log_id != known.log_id for known in self._seen.values()):
            self._seen.clear()
        known = self._seen.get(history)
        if known is None or known.position < token.position:
            self._seen.pop(history, None)
            self._seen[history] = token
            _shorten(self._seen)

    def _lose(self, refused: LogPosition | None) -> None:
        if refused is not None:
            history = _history(refused)
            del self._seen[history]
            if history:
                self._lost[history] = refused.position
                _shorten(self._lost)


_MOST_HISTORIES = 16
"""How many histories a session remembers; each restart of the server starts one."""


def _history(position: LogPosition) -> str:
    """Return what a token has besides the position; empty for a position without a token."""
    return position.token.rpartition(".")[0]


def _position(token: LogPosition) -> int:
    return token.position


def _shorten(histories: dict[str, Any]) -> None:
    while len(histories) > _MOST_HISTORIES:
        del histories[next(iter(histories))]
