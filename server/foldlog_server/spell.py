"""A trouble that lasts is told when it begins and when it is over, and not each time it is met."""

import logging

_log = logging.getLogger("foldlog")


class Spell:
    """One kind of trouble of one thing."""

    def __init__(self, told: str, over: str) -> None:
        """`told` has a `%s` for what it is this time; `over` says that it has passed."""
        self._told = told
        self._over = over
        self._what = ""

    @property
    def is_on(self) -> bool:
        """Whether it has been met, and not passed since."""
        return bool(self._what)

    def met(self, what: str) -> None:
        """It is there; told if it was not, or was another."""
        if what != self._what:
            self._what = what
            _log.error(self._told, what)

    def passed(self) -> None:
        """It is not there; told if it was."""
        if self._what:
            self._what = ""
            _log.warning(self._over)
