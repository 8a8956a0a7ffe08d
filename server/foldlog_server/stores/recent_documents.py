"""The documents of one read model that were read lately, so that most questions are answered from memory.

Rules
1. What is remembered is what a reader of the file would find after every write that was asked for: the same
   before and after a commit, so it belongs to whichever position the read model stands at.
2. What a write changes is forgotten when the write is asked for. Nothing that is read while one is on its way
   is remembered, for it may be from before its commit.
3. What was forgotten for a write is remembered as the write left it, if it was the last one asked for.

Used in the loop's thread, but for `ended`.
"""

from collections.abc import Iterable, Sequence

from foldlog_server.core.read_model import Change
from foldlog_server.core.view import Key
from foldlog_server.stores.recent import Recent

MOST = 2_048
"""How many documents are remembered, and at most twice as many."""

LONGEST = 4_096
"""Bytes; a longer document is read again each time, which is little beside what is done with it."""


class RecentDocuments:
    """What is remembered of the documents in one file."""

    def __init__(self) -> None:
        self._recent: Recent[Key, bytes] = Recent(MOST)
        self._asked = 0
        self._ended = 0

    @property
    def can_remember(self) -> bool:
        """Whether what is read from now on may be remembered: to be asked before it is read."""
        return self._asked == self._ended

    def get(self, key: Key) -> bytes | None:
        """A document; None says nothing."""
        return self._recent.get(key)

    def remember(self, key: Key, document: bytes) -> None:
        """Keep a document that was just read."""
        if len(document) <= LONGEST:
            self._recent.put(key, document)

    def begin(self, changes: Iterable[Change]) -> "Write":
        """A write of changes is asked for; it must end."""
        self._asked += 1
        return Write(self._asked, [change for change in changes if self._recent.forget(change.key)])

    def ended(self) -> None:
        """A write has been committed, or never will be; called in the thread that does it, in their order."""
        self._ended += 1

    def follow(self, write: "Write") -> None:
        """Remember what a write that was committed made of the documents that were forgotten for it."""
        if write.number == self._asked:
            for change in write.forgotten:
                if change.document is not None:
                    self.remember(change.key, change.document)


class Write:
    """A write on its way."""

    def __init__(self, number: int, forgotten: Sequence[Change]) -> None:
        self.number = number
        self.forgotten = forgotten
