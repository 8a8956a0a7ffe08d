"""Tests of a domain, each in a line: what it decides and shows, and that later changes do not break it.

    given(ACCOUNT, Opened(owner="Ada")).when(Deposit(account_id="1", cents=5)).then(Deposited(cents=5))

A view is given the events of streams, and asked for its documents: see `ViewScenario`. The checks hold a
whole domain, and raise `AssertionError` with a line for everything that they find:

    check(BANK)                                     # it can be served, beside the shop and alone
    check_decisions(BANK)                           # every command is decided, every event evolves the state
    check_views(BANK)                               # every event that a view handles has its case
    check_events(BANK)                              # every event message is known to a decider
    check_reasons(BANK, provoked=["NO_FUNDS"])      # every reason of a refusal has an entry and a test
    check_imports(BANK)                             # nothing in it has a clock, chance, input or output
    check_golden_events(Path("tests/events"), BANK) # what was ever stored can still be read

Everything here runs the domain's own functions and nothing else: no server, no log, and no file but those of
golden events.
"""

from foldlog_server.domain.testing.checks import (
    check,
    check_decisions,
    check_events,
    check_reasons,
    check_views,
)
from foldlog_server.domain.testing.golden import check_golden_events, write_golden_events
from foldlog_server.domain.testing.purity import check_imports
from foldlog_server.domain.testing.scenarios import (
    Given,
    Outcome,
    ViewScenario,
    after,
    given,
    recorded_time,
)

__all__ = [
    "Given",
    "Outcome",
    "ViewScenario",
    "after",
    "check",
    "check_decisions",
    "check_events",
    "check_golden_events",
    "check_imports",
    "check_reasons",
    "check_views",
    "given",
    "recorded_time",
    "write_golden_events",
]
