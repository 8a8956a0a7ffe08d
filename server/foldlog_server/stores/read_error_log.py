"""Logs what prevents reading: each damage once, and what can pass at most once a minute."""

import logging
import time
from collections.abc import Callable

from foldlog_server.errors import CAUSE, DataDamaged, StoreError, StoreHindered

REPEAT_SECONDS = 60.0
_MAX_DAMAGES = 1_000
"""At most so many damages are logged."""

_log = logging.getLogger("foldlog")


class ReadErrorLog:
    """Logs the read errors of one log without repeating itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._damaged: set[int | None] = set()
        self._logged: dict[str, float] = {}

    def report(self, error: StoreError) -> None:
        """Log the error of a failed read if it is new."""
        if isinstance(error, DataDamaged):
            self._log_damage(error)
        elif isinstance(error, StoreHindered):
            self._log_hindrance(error)

    def _log_damage(self, error: DataDamaged) -> None:
        if error.position in self._damaged or len(self._damaged) == _MAX_DAMAGES:
            return
        self._damaged.add(error.position)
        _log.critical(
            "The log is damaged%s. What needs it is refused as DATA_DAMAGED; everything else works. "
            "See what `foldlog verify` and the system's log say, and restore a backup.%s",
            "" if error.position is None else f" at position {error.position}",
            "" if error.__cause__ is None else f" ({error.__cause__})",
        )

    def _log_hindrance(self, error: StoreHindered) -> None:
        cause, now = error.metadata[CAUSE], self._clock()
        if cause in self._logged and now - self._logged[cause] < REPEAT_SECONDS:
            return
        self._logged[cause] = now
        _log.error(
            "The log cannot be read: %s (%s). What needs it is refused until that has passed.",
            error.why,
            error.__cause__,
        )
