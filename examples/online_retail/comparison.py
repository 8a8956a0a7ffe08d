"""Every read model against the totals of the rows: equal to the last unit and penny, or each difference."""

from collections.abc import Iterator
from dataclasses import dataclass

from examples.online_retail.expected import Expected
from examples.online_retail.read_models import Facts, ReadModel, ReadModels
from examples.online_retail.totals import Totals
from foldlog_client import Client, LogPosition


@dataclass(frozen=True, slots=True)
class Compared:
    """One read model, compared."""

    query: str
    """The question that was asked."""
    facts: str
    """What was compared of the answers."""
    expected: int
    """How many orders, customers or products the rows have."""
    found: int
    """How many the server has."""
    differences: list[str]
    """A line for each."""


async def compare(client: Client, models: ReadModels, totals: Totals) -> list[Compared]:
    """Ask for everything, of views that have seen the whole log. Raises FoldlogError."""
    head = await client.events.head()
    client.session.restore(LogPosition(head.log_id, head.position))
    orders, customers, expected = totals.orders, totals.customers, Expected(totals)
    return [
        _compared(
            "ListCurrentOrders",
            "status, customer, lines, units, total",
            expected.current_orders(),
            await models.current_orders(),
        ),
        _compared(
            "GetOrder",
            "status, customer, every line, total, amount due",
            expected.order_details(),
            await models.order_details(orders),
        ),
        _compared(
            "GetOrderHistory",
            "every event's type and version",
            expected.order_histories(),
            await models.order_histories(orders),
        ),
        _compared(
            "ListOrderHistory",
            "no order is finished",
            expected.finished_orders(),
            await models.finished_orders(),
        ),
        _compared(
            "ListCustomers",
            "name, counts, ordered, spent",
            expected.customers(),
            await models.customers(),
        ),
        _compared(
            "GetCustomerOrders",
            "every order's status and amount due",
            expected.customer_orders(),
            await models.customer_orders(customers),
        ),
        _compared(
            "ListInventory",
            "stock, units and value demanded",
            expected.inventory(),
            await models.inventory(),
        ),
    ]


def differences(expected: ReadModel, found: ReadModel) -> Iterator[str]:
    """A line for each fact that differs, and for each subject that is missing or should not be there."""
    for subject in sorted(expected.keys() | found.keys()):
        if subject not in found:
            yield f"{subject}: expected, not found"
        elif subject not in expected:
            yield f"{subject}: found, not expected"
        else:
            yield from _differing_facts(subject, expected[subject], found[subject])


def _compared(query: str, facts: str, expected: ReadModel, found: ReadModel) -> Compared:
    return Compared(query, facts, len(expected), len(found), list(differences(expected, found)))


def _differing_facts(subject: str, expected: Facts, found: Facts) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        wanted, got = expected.get(name), found.get(name)
        if wanted != got:
            yield f"{subject}: {name}: expected {_shown(wanted, got)}, found {_shown(got, wanted)}"


def _shown(value: object, other: object) -> str:
    """The value; of a list what the other one lacks, for an order may have a thousand lines."""
    if isinstance(value, list) and isinstance(other, list):
        return str([one for one in value if one not in other] or f"{len(value)} of these")
    return str(value)
