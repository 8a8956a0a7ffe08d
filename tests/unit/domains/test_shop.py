"""Our own domains are held by the checks that every team has."""

import pytest

from foldlog_server.domain import Domain
from foldlog_server.domain.testing import check, check_decisions, check_events, check_imports, check_reasons
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from tests.support.provoking import BY_RULES

both = pytest.mark.parametrize("domain", [ORDERS, INVENTORY], ids=lambda domain: domain.name)


def test_they_can_be_served() -> None:
    check(ORDERS, INVENTORY)
    check(ORDERS, with_shop=False)


@both
def test_every_command_is_decided_and_every_event_makes_a_state(domain: Domain) -> None:
    check_decisions(domain)


@both
def test_every_event_message_is_known_to_a_decider(domain: Domain) -> None:
    check_events(domain)


@both
def test_they_have_no_clock_no_chance_no_input_and_no_output(domain: Domain) -> None:
    check_imports(domain)


@both
def test_every_reason_is_provoked(domain: Domain) -> None:
    """Over a real channel, by tests/e2e/test_error_catalogue.py."""
    package = domain.services[0].file.package
    check_reasons(domain, [reason for of_package, reason in BY_RULES if of_package == package])
