"""The client of a package that is not Foldlog's own: ours, with one more attribute; and several in one."""

import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

import foldlog_client
from foldlog.v1.commands_pb2 import CommandResult
from foldlog_client import sync
from foldlog_client.testing import Fake
from foldlog_generator import client_methods
from foldlog_generator.compiling import compiled
from foldlog_generator.generated_code import bring_about, differences
from foldlog_generator.protos import directory
from tests.support.own_domains import write_protos

STYLES = {"async": foldlog_client, "sync": sync}


@pytest.fixture(scope="module")
def src(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what is generated for both domains."""
    folder = tmp_path_factory.mktemp("own")
    files = compiled(write_protos(folder / "protos"), directory()).files
    bring_about(folder / "src", files, differences(folder / "src", files))
    return folder / "src"


@pytest.fixture(scope="module", autouse=True)
def importable(src: Path) -> Iterator[None]:
    sys.path.insert(0, str(src))
    yield
    sys.path.remove(str(src))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("bank", "acme")]:
        del sys.modules[name]


def own(package: str, style: str) -> Any:
    return importlib.import_module(f"{package}.{style}_client")


@pytest.mark.parametrize("style", STYLES)
async def test_a_packages_client_is_ours_with_an_attribute_for_it(style: str) -> None:
    bank, ours = own("bank.v1", style), STYLES[style]
    client = bank.connect("127.0.0.1:1", timeout=3)
    assert isinstance(client, ours.Client)
    assert isinstance(client.bank, bank.Bank)
    assert client.bank is client.bank
    assert hasattr(client.orders, "create_order")
    await closed(client)


@pytest.mark.parametrize("style", STYLES)
def test_connect_takes_what_ours_takes(style: str) -> None:
    connect = own("bank.v1", style).connect
    assert inspect.signature(connect) == inspect.signature(STYLES[style].connect)
    assert "interceptors: gRPC interceptors" in (inspect.getdoc(connect) or "")


@pytest.mark.parametrize("style", STYLES)
async def test_clients_of_several_packages_are_one_by_inheritance(style: str) -> None:
    bank, cards = own("bank.v1", style), own("acme.cards.v2", style)
    client = type("Both", (bank.Client, cards.Client), {}).connect("127.0.0.1:1")  # type: ignore[attr-defined]
    assert (type(client.bank), type(client.cards)) == (bank.Bank, cards.Cards)
    assert client.bank._caller is client.cards._caller is client.caller
    await closed(client)


async def closed(client: Any) -> None:
    if inspect.isawaitable(closing := client.close()):
        await closing


def test_the_calls_of_both_kinds_of_requests_are_made() -> None:
    asked: list[tuple[str, Any]] = []

    def command(path: str, request: object, response: type, *, within: float | None) -> object:
        asked.append((path, request))
        return response(result=CommandResult(position=len(asked)))

    caller = SimpleNamespace(command=command)
    bank, cards = own("bank.v1", "sync"), own("acme.cards.v2", "sync")
    assert bank.Bank(caller).deposit(account_id="a", cents=0, request_id="r").result.position == 1
    assert cards.Cards(caller).issue(card_id="c").result.position == 2
    (path, deposit), (_, issue) = asked
    assert path == "/bank.v1.Bank/Deposit"
    assert (deposit.account_id, deposit.cents, deposit.options.request_id) == ("a", 0, "r")
    assert issue.command.card_id == "c"


def test_names_that_python_or_the_client_has_are_changed() -> None:
    bank = own("bank.v1", "sync")
    assert {"return_", "list", "iterate_accounts"} < set(dir(bank.Bank))
    assert issubclass(bank.Client, sync.Client)
    assert bank.Return(client=bank.bank_v1_Client(name="Ada")).client.name == "Ada"


def test_one_reply_serves_all_commands() -> None:
    bank = own("bank.v1", "async").Bank
    assert bank.deposit.__annotations__["return"] is bank.withdraw.__annotations__["return"]


def test_importing_a_client_makes_every_message_of_the_package_known(src: Path) -> None:
    code = (
        "import bank.v1.sync_client\n"
        "from foldlog.v1.events_pb2 import RecordedEvent\n"
        "from google.protobuf import symbol_database\n"
        "symbol_database.Default().GetSymbol('bank.v1.Deposited')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=src, check=True)


def test_a_fake_answers_it(src: Path) -> None:
    bank, cards = own("bank.v1", "sync"), own("acme.cards.v2", "sync")
    both = type("Both", (bank.Client, cards.Client), {})
    Deposit, Withdraw, Reply = bank.Deposit, bank.Withdraw, bank.AccountReply
    with Fake() as fake:
        client: Any = fake.client_of(both)
        fake.answer(cards.IssueResponse(result=CommandResult(position=1)))
        fake.answer_to(Deposit, Reply(result=CommandResult(position=2)), Reply())
        fake.refuse(Withdraw, "TOO_LITTLE")
        assert client.cards.issue(card_id="c").result.position == 1
        assert client.bank.deposit(account_id="a", cents=1).result.position == 2
        assert client.bank.deposit(account_id="a", cents=1) == Reply()
        with pytest.raises(foldlog_client.Rejected, match="Less"):
            client.bank.withdraw(account_id="a")
        assert [one.account_id for one in fake.requests_of(Withdraw)] == ["a"]


def test_a_fake_wants_to_know_whose_answer_a_shared_reply_is() -> None:
    bank = own("bank.v1", "sync")
    with Fake() as fake:
        with pytest.raises(TypeError, match="use answer_to with one of Deposit, Return, Withdraw"):
            fake.answer(bank.AccountReply())
        with pytest.raises(
            TypeError, match=r"Deposit answers with bank\.v1\.AccountReply, not bank\.v1\.Account"
        ):
            fake.answer_to(bank.Deposit, bank.Account())


def test_its_reasons_are_beside_it() -> None:
    reasons: ModuleType = importlib.import_module("bank.v1.reasons")
    assert list(reasons.Reason) == ["TOO_LITTLE"]


GOOD = """
from typing import assert_type

import acme.cards.v2.{style}_client
import bank.v1.bank_pb2
import bank.v1.{style}_client
from bank.v1.bank_pb2 import Account, AccountReply


class Client(bank.v1.{style}_client.Client, acme.cards.v2.{style}_client.Client):
    pass


async def use() -> None:
    async with Client.connect("127.0.0.1:50051", timeout=3.0) as client:
        reply = await client.bank.deposit(account_id="a", cents=5)
        assert_type(reply, AccountReply)
        await client.cards.issue(card_id="c")
        await client.orders.submit_order(order_id="o")
        async for account in client.bank.iterate_accounts(page_size=5):
            assert_type(account, Account)
        await client.bank.return_(account_id="a", client=bank.v1.bank_pb2.Client(name="Ada"))
    async with bank.v1.{style}_client.connect() as other:
        assert_type(other, bank.v1.{style}_client.Client)
"""


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_a_project_that_uses_it_passes_mypy_strict(style: str, src: Path, tmp_path: Path) -> None:
    """With the generated code itself; and what is wrong is found: nothing is taken for Any."""
    good = GOOD.format(style=style)
    if style == "sync":
        good = good.replace("async ", "").replace("await ", "")
    (tmp_path / "good.py").write_text(good)
    (tmp_path / "bad.py").write_text(good.replace("cents=5", 'cents="5"').replace("card_id=", "card="))
    outcomes = [mypy(tmp_path / f"{name}.py", src) for name in ("good", "bad")]
    assert outcomes[0].returncode == 0, outcomes[0].stdout
    assert outcomes[1].stdout.count("error:") == 2, outcomes[1].stdout


def mypy(file: Path, src: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "",
        f"--cache-dir={file.parent}/cache",
    ]
    command += ["-p", "bank", "-p", "acme", "-m", file.stem]
    environment = {"MYPYPATH": f"{src}:{file.parent}"}
    return subprocess.run(
        command, env=environment, cwd=file.parent, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("rpc", "method"), [("Str", "str_"), ("Int", "int_"), ("Return", "return_"), ("Open", "open")]
)
def test_a_method_hides_no_type_of_its_class_s_annotations(rpc: str, method: str) -> None:
    assert client_methods._name_of(MethodDescriptorProto(name=rpc)) == method
