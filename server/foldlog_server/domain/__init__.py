"""The public interface for a team's own domain: what is listed here, and in `testing`, is stable.

A domain is a value, `Domain`: the protos with its services, a `Decider` for each kind of aggregate, a `View`
for each read model, and an `Upcaster` for each event message that changed its meaning. Everything in it is
pure: no clock, no randomness, no I/O. docs/domains.md shows how to write one.
"""

from foldlog_server.domain.decider import Decider
from foldlog_server.domain.domain import Domain
from foldlog_server.domain.latest import latest
from foldlog_server.domain.money import (
    NANOS,
    add_to_sums,
    round_to_minor,
    set_money,
    to_money,
    to_nanos,
)
from foldlog_server.domain.reasons import refusals
from foldlog_server.domain.view import DocumentMissing, Key, View, existing
from foldlog_server.errors import Rejected
from foldlog_server.log.events import RecordedEvent
from foldlog_server.log.upcasting import Upcaster

__all__ = [
    "NANOS",
    "Decider",
    "DocumentMissing",
    "Domain",
    "Key",
    "RecordedEvent",
    "Rejected",
    "Upcaster",
    "View",
    "add_to_sums",
    "existing",
    "latest",
    "refusals",
    "round_to_minor",
    "set_money",
    "to_money",
    "to_nanos",
]
