"""What is not pure in a domain's modules is found by where it stands; what is pure is not."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from foldlog_server.domain import Decider, Domain, Upcaster, View
from foldlog_server.domain.testing import check_imports
from tests.support.savings.unfit import ours, savings_with

Write = Callable[..., Domain]
_EVOLVE = "def evolve(state, event):\n    return state\n"
_ADVICE = "Let what it gives come with the command."


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the modules of a package, the first of which has the functions of a domain, and gives the domain."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**texts: str) -> Domain:
        package = tmp_path / "impure"
        package.mkdir()
        (package / "__init__.py").touch()
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text)
        module: Any = importlib.import_module(f"impure.{next(iter(texts))}")
        decider: Any = Decider(
            "account", ours.State(), ours.decide, module.evolve, events=(ours.Opened,), commands=(ours.Open,)
        )
        return savings_with(deciders=(decider,), views=(), upcasters=())

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "impure"]:
        del sys.modules[name]


def found_in(domain: Domain) -> list[str]:
    with pytest.raises(AssertionError) as error:
        check_imports(domain)
    return str(error.value).strip().split("\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import time", f"time has a clock. {_ADVICE}"),
        ("from time import monotonic", f"time has a clock. {_ADVICE}"),
        ("import random as chance", f"random is chance. {_ADVICE}"),
        ("import sqlite3", f"sqlite3 is a database. {_ADVICE}"),
        ("import grpc.aio", f"grpc.aio is a network. {_ADVICE}"),
        ("import asyncio", f"asyncio waits for others. {_ADVICE}"),
        ("import os.path", f"os.path is input and output. {_ADVICE}"),
        ("from pathlib import Path", f"pathlib is input and output. {_ADVICE}"),
        ("print('x')", f"print is input and output. {_ADVICE}"),
        ("import datetime; datetime.datetime.now()", f"datetime.datetime.now has a clock. {_ADVICE}"),
        ("from datetime import date; date.today()", f"date.today has a clock. {_ADVICE}"),
        ("from datetime import datetime as dt; dt.now()", f"dt.now has a clock. {_ADVICE}"),
        ("from uuid import uuid4 as new; new()", f"new is chance. {_ADVICE}"),
        ("import uuid as u; u.uuid1()", f"u.uuid1 is chance. {_ADVICE}"),
        ("import logging", f"logging is input and output. {_ADVICE}"),
        ("import uuid; uuid.uuid4()", f"uuid.uuid4 is chance. {_ADVICE}"),
        (
            "from foldlog_server.domain.domain import Domain",
            "foldlog_server.domain.domain may change. Import from foldlog_server.domain alone.",
        ),
        (
            "import foldlog_server.commands.fold",
            "foldlog_server.commands.fold may change. Import from foldlog_server.domain alone.",
        ),
    ],
)
def test_what_is_not_pure_is_found(write: Write, line: str, said: str) -> None:
    assert found_in(write(domain=f"{line}\n{_EVOLVE}")) == [f"impure.domain, line 1: {said}"]


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime, timedelta, timezone\nSTART = datetime(2026, 1, 1, tzinfo=timezone.utc)\n",
        "import uuid\nID = uuid.uuid5(uuid.NAMESPACE_URL, 'x')\n",
        "from foldlog_server.domain import Domain\nfrom foldlog_server.domain.testing import given\n",
        "from dataclasses import dataclass\nimport re, math, decimal, enum\n",
    ],
)
def test_what_is_pure_is_not_found(write: Write, text: str) -> None:
    check_imports(write(domain=text + _EVOLVE))


def test_what_the_modules_import_of_their_package_is_looked_into(write: Write) -> None:
    domain = write(
        domain=f"import impure.plain\nfrom impure.rules import RULE\nfrom . import more\n{_EVOLVE}",
        rules="from .deeper import RULE\n",
        deeper="import random\nRULE = 1\n",
        more="import time\n",
        plain="import random\n",
        aside="import os\n",
    )
    assert [line.partition(":")[0] for line in found_in(domain)] == [
        "impure.deeper, line 1",
        "impure.more, line 1",
        "impure.plain, line 1",
    ]


def test_generated_modules_are_not_looked_into(write: Write) -> None:
    check_imports(write(domain=f"from impure import bank_pb2\n{_EVOLVE}", bank_pb2="import os\n"))


def test_views_and_upcasters_are_looked_into(write: Write) -> None:
    domain = write(domain=f"import time\n{_EVOLVE}def keys(recorded):\n    return ()\n")
    module = importlib.import_module("impure.domain")
    view: View[Any, Any] = View("x", {"x": ours.Account}, module.keys, ours.count, events=(ours.Opened,))
    assert len(found_in(savings_with(deciders=(), views=(view,), upcasters=()))) == 1
    assert domain.views == ()
    upcaster = Upcaster(ours.Credited, ours.Deposited, module.keys)
    assert len(found_in(savings_with(deciders=(), views=(), upcasters=(upcaster,)))) == 1
