"""Keeps recently read documents of a read model in memory, so that most queries are answered from there.

Rules
1. A remembered document is what a reader of the file would find after all writes that were requested. It is
   the same before and after a commit, so it is right at any position of the read model.
2. Documents that a write changes are dropped when the write is requested.
3. Nothing that is read during a write is remembered: it may be from before the commit.

Used in the loop's thread, except for `write_ended`.
"""

from collections.abc import Iterable

from foldlog_server.domain.view import Key
from foldlog_server.stores.recent import Recent

MOST = 2_048
"""At least so many documents are remembered, and at most twice as many."""

LONGEST = 4_096
"""Bytes. Longer documents are always read from the file, which costs little compared to handling them."""


class RecentDocuments:
    """The remembered documents of one file."""

    def __init__(self) -> None:
        self._recent: Recent[Key, bytes] = Recent(MOST)
        self._writes_begun = 0
        self._writes_ended = 0

    @property
    def can_remember(self) -> bool:
        """Whether a document may be remembered; ask this before reading it."""
        return self._writes_begun == self._writes_ended

    def get(self, key: Key) -> bytes | None:
        """The document if it is remembered, else None."""
        return self._recent.get(key)

    def remember(self, key: Key, document: bytes) -> None:
        """Remember a document that was just read."""
        if len(document) <= LONGEST:
            self._recent.put(key, document)

    def write_begins(self, changed: Iterable[Key]) -> None:
        """A write is requested; `write_ended` must follow."""
        self._writes_begun += 1
        for key in changed:
            self._recent.forget(key)

    def write_ended(self) -> None:
        """A write has been committed or has failed; called in order by the thread that writes."""
        self._writes_ended += 1
