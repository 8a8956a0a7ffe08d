"""What a client has done so far, as one position of the log."""

import threading
from dataclasses import dataclass

_LAST_POSITION = 2**63 - 1
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A position, and the log it belongs to. As text it can be handed to another process."""

    log_id: str = ""
    position: int = 0

    def __str__(self) -> str:
        return f"{self.log_id}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> "LogPosition":
        """The position of its text. Raises ValueError for any other text."""
        log_id, colon, position = text.rpartition(":")
        is_number = position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS
        if not (colon and is_number and int(position) <= _LAST_POSITION):
            raise ValueError(f"{text!r} is not a log id, a colon and a position.")
        return cls(log_id, int(position))


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

    def forget(self, token: LogPosition) -> None:
        """The log of this position is gone. Does nothing if the session has moved to another log since."""
        with self._lock:
            if token.log_id == self._token.log_id:
                self._token = LogPosition()
