"""The documents of one read model that were read lately, so that most questions are answered from memory.

Rules
1. What is remembered is what a reader of the file would find after every write that was asked for: the same
   before and after a commit, so it belongs to whichever position the read model stands at.
2. What a write changes is forgotten when the write is asked for.
3. Nothing that is read while a write is on its way is remembered: it may be from before the commit.

Used in the loop's thread, but for `write_ended`.
"""

from collections.abc import Iterable

from foldlog_server.domain.view import Key
from foldlog_server.stores.recent import Recent

MOST = 2_048
"""How many documents are remembered, and at most twice as many."""

LONGEST = 4_096
"""Bytes; a longer document is read again each time, which is little beside what is done with it."""


class RecentDocuments:
    """What is remembered of the documents in one file."""

    def __init__(self) -> None:
        self._recent: Recent[Key, bytes] = Recent(MOST)
        self._writes_begun = 0
        self._writes_ended = 0

    @property
    def can_remember(self) -> bool:
        """Whether what is read from now on may be remembered: to be asked before it is read."""
        return self._writes_begun == self._writes_ended

    def get(self, key: Key) -> bytes | None:
        """A document; None says nothing."""
        return self._recent.get(key)

    def remember(self, key: Key, document: bytes) -> None:
        """Keep a document that was just read."""
        if len(document) <= LONGEST:
            self._recent.put(key, document)

    def write_begins(self, changed: Iterable[Key]) -> None:
        """A write is asked for; it must end."""
        self._writes_begun += 1
        for key in changed:
            self._recent.forget(key)

    def write_ended(self) -> None:
        """A write has been committed, or never will be; told by the thread that does it, for each in turn."""
        self._writes_ended += 1
