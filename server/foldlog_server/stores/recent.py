"""A bounded map that keeps the entries that were used recently."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Keeps at least the last `size` entries that were put or found, and at most twice as many.

    It has two maps, and drops the older one when the younger is full: nothing is moved or counted per use.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """The value of the key; None if there is none, or it was not used for long."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, in place of the previous one."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def forget(self, key: Key) -> None:
        """Drop the value of the key."""
        self._young.pop(key, None)
        self._old.pop(key, None)
