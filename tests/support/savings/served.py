"""Savings on a real server, and its generated client."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from foldlog_server import testing
from tests.support import savings

_IDS = count(1)


@contextmanager
def connected() -> Iterator[Any]:
    """A client of a server that serves savings alone."""
    savings.imported()
    client_class = importlib.import_module("savings.v1.sync_client").Client
    with (
        testing.server(domains=[savings.NAME], shop=False) as server,
        server.connect(client_class) as client,
    ):
        yield client


def account(client: Any, deposits: int, owner: str = "Ada") -> str:
    """The id of a new account with so many deposits, of 1 cent, 2 cents, and so on."""
    id = f"a{next(_IDS)}"
    client.savings.open(account_id=id, owner=owner)
    for cents in range(1, deposits + 1):
        client.savings.deposit(account_id=id, cents=cents)
    return id
