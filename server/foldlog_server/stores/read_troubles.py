"""Tells of what stands in the way of reading: damage once, what can pass at most once a minute."""

import logging
import time
from collections.abc import Callable

from foldlog_server.errors import CAUSE, DataDamaged, StoreError, StoreHindered

AGAIN_SECONDS = 60.0
_MOST = 1_000
"""Places of damage that are remembered as told."""

_log = logging.getLogger("foldlog")


class ReadTroubles:
    """What has been told of one log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._damaged: set[int | None] = set()
        self._told: dict[str, float] = {}

    def met(self, error: StoreError) -> None:
        """Something could not be read; told if it is new."""
        if isinstance(error, DataDamaged):
            self._met_damage(error)
        elif isinstance(error, StoreHindered):
            self._met_hindrance(error)

    def _met_damage(self, error: DataDamaged) -> None:
        if error.position in self._damaged or len(self._damaged) == _MOST:
            return
        self._damaged.add(error.position)
        _log.critical(
            "The log is damaged%s. What needs it is refused as DATA_DAMAGED; all else goes on. "
            "See what `foldlog verify` and the system's log say, and restore a backup.%s",
            "" if error.position is None else f" at position {error.position}",
            "" if error.__cause__ is None else f" ({error.__cause__})",
        )

    def _met_hindrance(self, error: StoreHindered) -> None:
        cause, now = error.metadata[CAUSE], self._clock()
        if cause in self._told and now - self._told[cause] < AGAIN_SECONDS:
            return
        self._told[cause] = now
        _log.error(
            "The log cannot be read: %s (%s). What needs it is refused as long as that lasts.",
            error.why,
            error.__cause__,
        )
