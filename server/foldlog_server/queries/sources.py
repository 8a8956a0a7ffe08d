"""What queries are answered from: the log, aggregates, and documents."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foldlog_server.commands.aggregates import Aggregates
from foldlog_server.commands.past import Past
from foldlog_server.domain.decider import AnyDecider
from foldlog_server.log.event_store import EventStore
from foldlog_server.queries.reads import Reads

Query = Callable[[Any], Awaitable[bytes]]
"""Takes a checked request and returns the encoded response."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The log, the latest and past states of aggregates, and the documents of views."""

    store: EventStore
    deciders: Mapping[str, AnyDecider]
    """By category."""
    aggregates: Aggregates
    past: Past
    reads: Reads
