"""Logs a problem that lasts when it begins and when it ends, and not each time that it occurs."""

import logging

_log = logging.getLogger("foldlog")


class LastingProblem:
    """One kind of problem of one thing, such as that nothing can be stored."""

    def __init__(self, begins: str, ends: str) -> None:
        """The lines to log; `begins` has a `%s` for the reason."""
        self._begins = begins
        self._ends = ends
        self._reason = ""

    @property
    def is_present(self) -> bool:
        """Whether the problem has occurred, and has not ended since."""
        return bool(self._reason)

    def occurred(self, reason: str) -> None:
        """Log the problem, unless it has been logged with this reason and has not ended since."""
        if reason != self._reason:
            self._reason = reason
            _log.error(self._begins, reason)

    def ended(self) -> None:
        """Log that the problem has ended, if it was present."""
        if self._reason:
            self._reason = ""
            _log.warning(self._ends)
