"""The progress of a scrub: once a day a server compares the tables of its log with their indexes."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Scrub:
    """The scrub that is running, or the last one."""

    began: int = 0
    """Nanoseconds since the epoch; 0 if none has begun since the server started."""
    ended: int = 0
    """Nanoseconds since the epoch; 0 while it is running."""
    part: str = ""
    """The table or index that is being read."""
    done: int = 0
    """Rows and entries that have been read."""
    total: int = 0
    """Rows and entries to read, as far as known."""
    damages: list[str] = field(default_factory=list)
    """One line for each damage that was found."""
