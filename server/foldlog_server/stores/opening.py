"""What can be wrong with a data directory, each told in one line.

CannotOpen
├── DataDirectoryUnusable   it cannot be made, read or written
├── DataDirectoryLocked     another server has it
├── LogLinked               its log.db has more than one name
├── NoLog                   it has no log.db, for those who only read one
├── NotALog                 its log.db is something else
├── FormatTooNew            a later release wrote it
└── LogDamaged              its newest events are not what was written
"""

from pathlib import Path


class CannotOpen(Exception):
    """The log cannot be opened; the message is one line for people."""


class DataDirectoryUnusable(CannotOpen):
    """The data directory cannot be made, read or written."""

    def __init__(self, directory: Path, reason: Exception) -> None:
        super().__init__(
            f"The data directory {directory} cannot be used: {reason}. "
            "Choose another one, or give this user the right to read and write it."
        )


class DataDirectoryLocked(CannotOpen):
    """Another server has the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"Another server is using the data directory {directory}. Stop it, or choose another directory."
        )


class LogLinked(CannotOpen):
    """The log's file has more than one name."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} has a second name (a hard link), by which another program could write it. "
            "Remove that name; if it was meant as a copy, copy the file while no server runs."
        )


class NotALog(CannotOpen):
    """There is no log of Foldlog at this place."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is not a Foldlog log. Choose another data directory, or remove the file.")


class NoLog(CannotOpen):
    """There is no log in the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"There is no log.db in {directory}. Name the data directory of a server.")


class FormatTooNew(CannotOpen):
    """A later release wrote the log."""

    def __init__(self, file: Path, found: int, known: int) -> None:
        super().__init__(
            f"{file} has format {found}, and this release knows formats up to {known}. "
            "Run the release that wrote it, or a later one."
        )
        self.found = found
        self.known = known


class LogDamaged(CannotOpen):
    """The newest events are not what was written."""

    def __init__(self, file: Path, position: int) -> None:
        super().__init__(
            f"{file} is damaged at position {position}: its bytes do not fit their checksum or the chain. "
            "Restore it from a backup."
        )
        self.position = position
