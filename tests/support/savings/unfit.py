"""Cases of domains that do not fit, and what is said of them: savings, changed here and there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from foldlog_server.domain import Domain
from foldlog_server.domains.fit import problems
from tests.support import savings
from tests.support.savings.changed import Changed

ours = savings.imported()

INT64 = FieldDescriptorProto.TYPE_INT64
BYTES = FieldDescriptorProto.TYPE_BYTES
TIMESTAMP = ".google.protobuf.Timestamp"
REPEATED = FieldDescriptorProto.LABEL_REPEATED


def with_proto(change: Callable[[Changed], object]) -> Domain:
    """Savings with a changed proto, whose code stays as it is."""
    file = Changed()
    change(file)
    return savings_with(protos=(file.module(),))


def savings_with(**changes: Any) -> Domain:
    domain: Domain = replace(ours.SAVINGS, **changes)
    return domain


def with_decider(**changes: Any) -> Domain:
    decider = replace(ours.ACCOUNT, **changes)
    return savings_with(deciders=(decider,))


def with_view(**changes: Any) -> Domain:
    accounts, owners = ours.SAVINGS.views
    return savings_with(views=(accounts, replace(owners, **changes)))


@dataclass(frozen=True)
class Case:
    """A domain that does not fit, and what is said of it; every word of it."""

    name: str
    domain: Callable[[], Domain]
    said: Sequence[str]
    beside: Sequence[Domain] = field(default=())


def case(name: str, domain: Callable[[], Domain], *said: str, beside: Sequence[Domain] = ()) -> Case:
    return Case(name, domain, said, beside)


def proto(name: str, change: Callable[[Changed], object], *said: str) -> Case:
    return Case(name, partial(with_proto, change), said)


def decider(name: str, *said: str, **changes: Any) -> Case:
    return Case(name, lambda: with_decider(**changes), said)


def all_of(*changes: Callable[[Changed], object]) -> Callable[[Changed], object]:
    """One change after the other."""

    def change(file: Changed) -> None:
        for one in changes:
            one(file)

    return change


def check(case: Case) -> None:
    """Exactly this is said."""
    assert list(problems([case.domain(), *case.beside])) == list(case.said)


def parametrized(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
