"""Knows every stream and its version in memory, so that no index has to be trusted about what is absent.

A record that an index leads to proves itself. But only the index says that there is no record, or no further
one; if it is wrong, a stream could be created twice, or decided on without its last events. So names come
from the table of streams, and versions from the check at the start and from what was stored since. A stream
takes 16 bytes; a name is found by its hash, 64 bits that nobody outside of the process can predict.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_BUCKETS = 4096
"""A power of two. A name is added by moving half of its bucket."""


class KnownStreams:
    """The streams of a log up to its head; used in one thread."""

    def __init__(self) -> None:
        self._hashes = [array("q") for _ in range(_BUCKETS)]
        """Sorted in each bucket."""
        self._keys = [array("Q") for _ in range(_BUCKETS)]
        self._versions = array("Q", [0])
        """Indexed by key."""
        self.head = 0
        """The position up to which the streams are known."""

    @property
    def last_key(self) -> int:
        """The key of the newest stream; keys are 1, 2, 3, …"""
        return len(self._versions) - 1

    def fill(self, names: Iterable[object], versions: Iterable[int], head: int) -> None:
        """Add all streams of a log, in the order of their keys; raises `ValueError` for a duplicate name."""
        self._versions.extend(versions)
        buckets: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]
        for key, name in enumerate(names, 1):
            hashed = hash(name)
            buckets[hashed & (_BUCKETS - 1)].append((hashed, key))
        for number, bucket in enumerate(buckets):
            bucket.sort()
            self._hashes[number] = hashes = array("q", [hashed for hashed, _ in bucket])
            self._keys[number] = array("Q", [key for _, key in bucket])
            if any(map(int.__eq__, hashes[1:], hashes)):
                raise ValueError("two streams have the same name")
        self.head = head

    def find(self, name: str) -> tuple[int, int]:
        """The key and the version of a stream; 0 and 0 if it does not exist."""
        hashed = hash(name)
        hashes = self._hashes[hashed & (_BUCKETS - 1)]
        at = bisect_left(hashes, hashed)
        if at == len(hashes) or hashes[at] != hashed:
            return 0, 0
        key = self._keys[hashed & (_BUCKETS - 1)][at]
        return key, self._versions[key]

    def add(self, name: str) -> None:
        """Add a new stream; it gets the next key, and version 0."""
        hashed = hash(name)
        hashes = self._hashes[hashed & (_BUCKETS - 1)]
        at = bisect_left(hashes, hashed)
        hashes.insert(at, hashed)
        self._keys[hashed & (_BUCKETS - 1)].insert(at, len(self._versions))
        self._versions.append(0)

    def set_version(self, key: int, version: int) -> None:
        """Set the version of a stream."""
        self._versions[key] = version
