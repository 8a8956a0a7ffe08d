"""Domains that are served together have one of everything, and their views all upcasters."""

import pytest

from foldlog_server.domain import Upcaster
from foldlog_server.domain.domain import Domains
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from tests.support.savings.unfit import ours, savings_with

pb = ours.savings_pb2


def test_services_are_those_of_the_protos_in_their_order() -> None:
    assert [service.full_name for service in ours.SAVINGS.services] == [
        "savings.v1.Accounts",
        "savings.v1.Reports",
    ]
    together = Domains([ours.SAVINGS, ORDERS])
    assert list(together.services) == [*ours.SAVINGS.services, *ORDERS.services]
    assert list(together) == [ours.SAVINGS, ORDERS]


def test_what_any_of_them_knows_is_decoded_old_messages_too() -> None:
    together = Domains([ORDERS, INVENTORY, ours.SAVINGS], ["a:A"])
    assert {
        "savings.v1.Credited",
        "savings.v1.Opened",
        "foldlog.orders.v1.OrderShipped",
    } <= together.codec.stored
    assert set(together.deciders) == {"order", "stock", "account"}
    assert together.names == ["a:A"]


def test_every_view_has_the_upcasters_of_all() -> None:
    together = Domains([ORDERS, ours.SAVINGS])
    assert {tuple(view.upcasters) for view in together.views} == {tuple(ours.SAVINGS.upcasters)}


def test_upcasters_that_contradict_each_other_are_refused() -> None:
    other = savings_with(upcasters=(Upcaster(pb.Credited, pb.Closed, ours.today),))
    with pytest.raises(ValueError, match="two upcasters"):
        Domains([ours.SAVINGS, other])
