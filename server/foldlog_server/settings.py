"""The settings of a server, with their defaults."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server."""

    listen: str = "127.0.0.1:50051"
    """Host and port; port 0 lets the system choose one."""
    data: Path = Path("foldlog-data")
    """The data directory; it is made if it does not exist."""
    request_window: timedelta = timedelta(hours=24)
    """How long request ids are remembered, at least."""
    grace: float = 10.0
    """Seconds that unary calls get to finish when the server stops."""
    reflection: bool = True
    """Let tools such as grpcurl list the services."""
    cached_aggregates: int = 10_000
    """How many aggregates' states are kept in memory."""
    domains: Sequence[str] = ()
    """The names of domains to serve beside the installed ones, such as "bank.domain:BANK"."""
    shop: bool = True
    """Serve the shop: orders and inventory."""
    scrub_after: timedelta = timedelta(minutes=10)
    """How long after its start a server begins to compare the log's tables with their indexes."""
