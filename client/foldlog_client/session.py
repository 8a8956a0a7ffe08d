"""What a client has done so far, as one position of the log."""

import re
import threading
from dataclasses import dataclass, field

_LAST_POSITION = 2**63 - 1
_MOST_DIGITS = 19
_TOKEN = re.compile(r"[!-9;-~]+")
"""What a server may give out as a token: printable, without blanks or colons."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A position, and the log it belongs to. As text it can be handed to another process."""

    log_id: str = ""
    position: int = 0
    token: str = field(default="", compare=False)
    """The server's own text for the position, which also names its history: after a copy of the log was put
    back, the same position can mean another event. Empty if only the position is known."""

    def __str__(self) -> str:
        text = f"{self.log_id}:{self.position}"
        return f"{text}:{self.token}" if self.token else text

    @classmethod
    def parse(cls, text: str) -> "LogPosition":
        """The position of its text. Raises ValueError for any other text."""
        plain, _, token = text.rpartition(":")
        if token.isdigit() or not _TOKEN.fullmatch(token):
            plain, token = text, ""
        log_id, colon, position = plain.rpartition(":")
        is_number = position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS
        if not (colon and is_number and int(position) <= _LAST_POSITION):
            raise ValueError(f"{text!r} is not a log id, a colon and a position, with or without a token.")
        return cls(log_id, int(position), token)

    def is_exactly(self, other: "LogPosition") -> bool:
        """Whether also the token is the same."""
        return self == other and self.token == other.token


class Session:
    """The latest position that the commands of one or more clients have reached, in whatever threads."""

    def __init__(self, token: LogPosition | None = None) -> None:
        self._token = token or LogPosition()
        self._lock = threading.Lock()

    @property
    def token(self) -> LogPosition:
        """What a reader must have seen to see everything that was done here."""
        return self._token

    def restore(self, token: LogPosition) -> None:
        """Go on from what another session has done: its queries and ours will be seen."""
        self.reached(token)

    def reached(self, token: LogPosition) -> None:
        """A command has reached this position. Another log makes the former positions meaningless."""
        with self._lock:
            is_new = token.log_id != self._token.log_id or token.position > self._token.position
            if token.position and is_new:
                self._token = token

    def replaced(self, refused: str, token: LogPosition) -> None:
        """A command has reached this position in a log that does not have the history of another token.

        If that is still the session's, it goes on from here, though the position may be lower.
        """
        with self._lock:
            if self._token.token == refused:
                self._token = token if token.position else LogPosition()
                return
        self.reached(token)

    def forget(self, refused: LogPosition) -> None:
        """This position means nothing any more. Does nothing if the session has moved on since."""
        with self._lock:
            if self._token.is_exactly(refused):
                self._token = LogPosition()
