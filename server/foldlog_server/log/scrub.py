"""How far a server is with holding the tables of its log against their indexes, which it does once a day."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Scrub:
    """The scrub that goes on, or the last one."""

    began: int = 0
    """Nanoseconds since the epoch; 0 if none has begun since the server was started."""
    ended: int = 0
    """Likewise; 0 while it goes on."""
    part: str = ""
    """The table or index that is looked at."""
    done: int = 0
    """Rows and entries looked at."""
    total: int = 0
    """How many there are, as far as is known."""
    damages: list[str] = field(default_factory=list)
    """What was found, a line each."""
