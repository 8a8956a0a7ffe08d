"""What streams there are and how far each has come: in memory, so that no index is believed about an absence.

A record that an index leads to says itself what it is. That there is no record, or no further one, is said by
the index alone: a stream would be begun twice, or decided on without its last events. So names are taken from
the table of streams, and versions from what was checked when the log was opened and stored since. 16 bytes a
stream; what is found for a name is its hash, of 64 bits that nobody outside of the process can work out.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_BUCKETS = 4096
"""A power of two. A name is added by moving half of its bucket."""


class KnownStreams:
    """The streams of a log up to its head; belongs to one thread."""

    def __init__(self) -> None:
        self._hashes = [array("q") for _ in range(_BUCKETS)]
        """Sorted in each bucket."""
        self._keys = [array("Q") for _ in range(_BUCKETS)]
        self._versions = array("Q", [0])
        """By key."""
        self.head = 0
        """The position up to which they are known."""

    @property
    def last_key(self) -> int:
        """Streams are numbered from 1 up to this one."""
        return len(self._versions) - 1

    def fill(self, names: Iterable[object], versions: Iterable[int], head: int) -> None:
        """Know all streams of a log, in the order of their keys; raises `ValueError` for a name that
        is twice."""
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
                raise ValueError("a name is there twice")
        self.head = head

    def find(self, name: str) -> tuple[int, int]:
        """The key and the version of a stream; 0 and 0 if there is none."""
        hashed = hash(name)
        hashes = self._hashes[hashed & (_BUCKETS - 1)]
        at = bisect_left(hashes, hashed)
        if at == len(hashes) or hashes[at] != hashed:
            return 0, 0
        key = self._keys[hashed & (_BUCKETS - 1)][at]
        return key, self._versions[key]

    def begin(self, name: str) -> None:
        """Know the next stream."""
        hashed = hash(name)
        hashes = self._hashes[hashed & (_BUCKETS - 1)]
        at = bisect_left(hashes, hashed)
        hashes.insert(at, hashed)
        self._keys[hashed & (_BUCKETS - 1)].insert(at, len(self._versions))
        self._versions.append(0)

    def reach(self, key: int, version: int) -> None:
        """Know how far a stream has come."""
        self._versions[key] = version
