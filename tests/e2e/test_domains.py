"""A domain of somebody's own, served by its name: beside the shop or without it, and everywhere a log is read."""

import asyncio
import importlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import Descriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import foldlog_client
from tests.support import savings
from tests.support.processes import Served, foldlog, serving
from tests.support.wire import SECONDS

OURS = ("savings.v1.Accounts", "savings.v1.Reports")
LISTEN = ("--listen", "127.0.0.1:0")
NAMED = ("--domain", savings.NAME)
UNKNOWN = (
    "The log holds what this release does not know: events savings.v1.Deposited, savings.v1.Opened; streams of "
    "category account."
)


@pytest.fixture(scope="module")
def src(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the domain lies."""
    return str(savings.write(tmp_path_factory.mktemp("src")))


@asynccontextmanager
async def client_of(served: Served) -> AsyncIterator[Any]:
    """The client that is generated for the domain; it is ours, too."""
    savings.imported()
    module = importlib.import_module("savings.v1.async_client")
    async with module.connect(served.address) as client:
        yield client


async def trade(client: Any) -> None:
    await client.savings.open(account_id="1", owner="Ada")
    await client.savings.deposit(account_id="1", cents=5)


@pytest.fixture(scope="module")
def kept(src: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with events of the domain, which nobody serves."""
    data = tmp_path_factory.mktemp("kept") / "data"

    async def make() -> None:
        async with serving(data, *LISTEN, *NAMED, "--no-shop", PYTHONPATH=src) as served:
            async with client_of(served) as client:
                await trade(client)
                await client.savings.get_account(account_id="1")
            assert (await served.stop()).code == 0

    asyncio.run(make())
    return data


@pytest.fixture
def log(kept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(kept, tmp_path / "data"))


async def services_of(served: Served) -> set[str]:
    async with grpc.aio.insecure_channel(served.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        responses = [one async for one in stub.ServerReflectionInfo(iter([request]), timeout=SECONDS)]
    return {service.name for one in responses for service in one.list_services_response.service}


async def described(served: Served, symbol: str) -> list[bytes]:
    async with grpc.aio.insecure_channel(served.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
        responses = [one async for one in stub.ServerReflectionInfo(iter([request]), timeout=SECONDS)]
    return list(responses[0].file_descriptor_response.file_descriptor_proto)


async def health_of(served: Served, service: str) -> int:
    async with grpc.aio.insecure_channel(served.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
    status: int = response.status
    return status


# How it is named


async def test_a_domain_is_served_beside_the_shop_however_often_it_is_named(src: str, tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "data", *LISTEN, *NAMED, *NAMED, PYTHONPATH=src) as served,
        client_of(served) as client,
    ):
        await trade(client)
        await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        assert (await client.savings.get_account(account_id="1")).account.cents == 5
        assert (await client.orders.get_order(order_id="1")).order.customer_id == "ada"


async def test_without_the_shop_its_calls_are_unimplemented(src: str, tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "data", *LISTEN, *NAMED, "--no-shop", "--examples", PYTHONPATH=src) as served,
        client_of(served) as client,
    ):
        await trade(client)
        with pytest.raises(foldlog_client.FoldlogError) as refused:
            await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        assert refused.value.code is grpc.StatusCode.UNIMPLEMENTED
        assert not any(name.startswith("foldlog.orders") for name in await services_of(served))
        assert {view.name for view in (await client.admin.list_views()).views} == {"accounts", "owners"}
        assert "CreateOrder" not in (await served.stop()).output


async def test_the_environment_names_domains_and_leaves_the_shop_out(src: str, tmp_path: Path) -> None:
    (tmp_path / "second.py").write_text(
        "from dataclasses import replace\nfrom foldlog_server.domains.orders import ORDERS\nOTHER = ORDERS\n"
    )
    async with serving(
        tmp_path / "data",
        PYTHONPATH=f"{src}:{tmp_path}",
        FOLDLOG_DOMAINS=f"{savings.NAME} second:OTHER",
        FOLDLOG_SHOP="0",
    ) as served:
        listed = await services_of(served)
        assert {*OURS, "foldlog.orders.v1.CommandService"} <= listed
        assert "foldlog.inventory.v1.CommandService" not in listed
    ended = await foldlog("config", "--json", FOLDLOG_DOMAINS="a:A b:B", FOLDLOG_SHOP="0")
    settings = json.loads(ended.output)
    assert settings["domain"]["value"] == ["a:A", "b:B"]
    assert settings["shop"]["value"] is False


async def test_an_installed_domain_is_served_without_being_named(src: str, tmp_path: Path) -> None:
    place = tmp_path / "site" / "acme_savings-1.0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-savings\nVersion: 1.0\n")
    (place / "entry_points.txt").write_text(f"[foldlog.domains]\nsavings = {savings.NAME}\n")
    path = f"{src}:{place.parent}"
    async with (
        serving(tmp_path / "data", PYTHONPATH=path) as served,
        client_of(served) as client,
    ):
        await trade(client)
        await rebuilt(client, "accounts")
    assert (await foldlog("check-history", "--data", tmp_path / "data", PYTHONPATH=path)).code == 0


async def test_everything_that_does_not_fit_is_said_at_once_and_nothing_is_made(
    src: str, tmp_path: Path
) -> None:
    (tmp_path / "unfit.py").write_text(
        "from dataclasses import replace\nfrom savings.domain import SAVINGS, ACCOUNT\n"
        "UNFIT = replace(SAVINGS, name='Unfit', deciders=(replace(ACCOUNT, category='order'),))\n"
    )
    data = tmp_path / "data"
    named = ("--domain", "unfit:UNFIT", "--domain", "nowhere:BANK", "--domain", "unfit:UNFI", "--domain", "x")
    for command in (("serve", *LISTEN), ("check-history",)):
        if command == ("check-history",):
            data.mkdir()
        ended = await foldlog(*command, "--data", data, *named, PYTHONPATH=f"{src}:{tmp_path}")
        lines = ended.errors.splitlines()
        assert (ended.code, ended.output) == (1, "")
        assert all(line.startswith("foldlog: ") for line in lines)
        assert lines[:5] == [
            "foldlog: The domain nowhere:BANK cannot be imported: there is no module nowhere. Run from its "
            "directory, put that on PYTHONPATH, or install the package.",
            "foldlog: unfit:UNFI does not exist. Did you mean unfit:UNFIT?",
            "foldlog: 'x' does not name a domain. Give a module and a name in it, such as bank.domain:BANK.",
            "foldlog: 'Unfit' is no name of a domain. Use lower case letters, digits and underscores.",
            'foldlog: The category "order" occurs 2 times; rename one decider\'s.',
        ]
        assert lines[5:] == [
            f'foldlog: savings.v1.{method}: there is no decider of the category "account" (there are: order, stock); '
            + (
                "add one to a domain that is served, or name another category."
                if "Accounts" in method
                else "add one, or correct the name."
            )
            for method in (
                *("Accounts.Open", "Accounts.Deposit", "Accounts.Close", "Reports.GetAccount"),
                *("Reports.GetLatest", "Reports.GetHistory", "Reports.GetSteps"),
            )
        ]
        assert not data.exists() or list(data.iterdir()) == []


async def test_nothing_to_serve_is_said(tmp_path: Path) -> None:
    ended = await foldlog("serve", "--no-shop", "--data", tmp_path / "data", *LISTEN)
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == (
        "foldlog: There is no domain to serve. Name one, as in --domain bank.domain:BANK, or leave the shop in.\n"
    )
    assert not (tmp_path / "data").exists()


# What is served


async def test_tools_find_its_services(src: str, tmp_path: Path) -> None:
    async with serving(tmp_path / "data", *LISTEN, *NAMED, PYTHONPATH=src) as served:
        assert set(OURS) <= await services_of(served)
        for service in OURS:
            assert await health_of(served, service) == health_pb2.HealthCheckResponse.SERVING
        opened: Descriptor = savings.imported().savings_pb2.Opened.DESCRIPTOR
        assert any(opened.name.encode() in file for file in await described(served, opened.full_name))


async def test_a_refusal_has_its_package_as_domain(src: str, tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "data", *LISTEN, *NAMED, PYTHONPATH=src) as served,
        client_of(served) as client,
    ):
        await trade(client)
        with pytest.raises(foldlog_client.FoldlogError) as refused:
            await client.savings.close(account_id="1")
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert (refused.value.domain, refused.value.reason) == ("savings.v1", "NOT_EMPTY")
        assert refused.value.metadata == {"account_id": "1", "cents": "5"}
        for call in (client.savings.get_account, client.savings.get_latest, client.savings.get_history):
            with pytest.raises(foldlog_client.NotFound) as missing:
                await call(account_id="2")
            assert (missing.value.domain, missing.value.reason) == ("savings.v1", "ACCOUNT_NOT_FOUND")


async def test_its_views_are_rebuilt_by_another_process(src: str, tmp_path: Path) -> None:
    """Also where the domain prints what it likes, at its import and later."""
    (tmp_path / "loud.py").write_text(
        "from dataclasses import replace\nfrom savings.domain import OWNERS, SAVINGS\nprint('{imported}')\n"
        "def keys(recorded):\n    print('{applied}')\n    return OWNERS.keys(recorded)\n"
        "LOUD = replace(SAVINGS, views=(SAVINGS.views[0], replace(OWNERS, keys=keys)))\n"
    )
    path = f"{src}:{tmp_path}"
    async with (
        serving(tmp_path / "data", *LISTEN, "--domain", "loud:LOUD", "--no-shop", PYTHONPATH=path) as served,
        client_of(served) as client,
    ):
        await trade(client)
        await rebuilt(client, "accounts", "owners")
        assert (await client.savings.get_account(account_id="1")).account.cents == 5
        assert [one.account_id for one in (await client.savings.get_owner(name="Ada")).accounts] == ["1"]
        await client.savings.deposit(account_id="1", cents=7)
        assert (await client.savings.get_account(account_id="1")).account.cents == 12


async def rebuilt(client: Any, *views: str) -> None:
    for view in views:
        await client.admin.rebuild_view(view=view)
    # Now and then: the process that rebuilds steps back for whoever is busy, such as one that asks on.
    while any(view.HasField("rebuilding") for view in (await client.admin.list_views()).views):  # noqa: ASYNC110  nobody here sets an event
        await asyncio.sleep(0.02)
    assert not any(view.rebuild_error or view.stopped for view in (await client.admin.list_views()).views)


# Its log


async def test_its_log_is_checked_verified_and_exported(src: str, log: Path, tmp_path: Path) -> None:
    checked = await foldlog("check-history", "--data", log, *NAMED, "--no-shop", PYTHONPATH=src)
    assert (checked.code, checked.errors) == (0, "")
    assert checked.output.endswith("Nothing would break: 2 events in 1 stream, and 2 views.\n")
    verified = await foldlog("verify", "--data", log, *NAMED, "--no-shop", PYTHONPATH=src)
    assert (verified.code, verified.errors) == (0, "")
    file = tmp_path / "log.jsonl"
    exported = await foldlog("export", file, "--data", log, *NAMED, PYTHONPATH=src)
    assert (exported.code, exported.errors) == (0, "")
    events = [line["event"] for line in map(json.loads, file.read_text().splitlines()) if "event" in line]
    assert [event["payload"].get("owner") for event in events] == ["Ada", None]
    assert events[1]["payload"]["cents"] == "5"


async def test_without_the_domain_its_log_is_verified_and_exported_as_bytes(
    log: Path, tmp_path: Path
) -> None:
    checked = await foldlog("check-history", "--data", log)
    assert checked.code == 1
    assert "savings.v1.Opened" in checked.output
    assert (await foldlog("verify", "--data", log)).code == 0
    file = tmp_path / "log.jsonl"
    assert (await foldlog("export", file, "--data", log)).code == 0
    again = tmp_path / "again"
    assert (await foldlog("import", file, "--data", again)).code == 0
    events = [line["event"] for line in map(json.loads, file.read_text().splitlines()) if "event" in line]
    assert [event["type"] for event in events] == ["savings.v1.Opened", "savings.v1.Deposited"]


async def test_a_log_is_readable_by_names_that_could_not_be_served_together(
    src: str, log: Path, tmp_path: Path
) -> None:
    """A domain that is served without the shop may have names of the shop's."""
    (tmp_path / "orders2.py").write_text(
        "from dataclasses import replace\nfrom savings.domain import SAVINGS\nORDERS = replace(SAVINGS, name='orders')\n"
    )
    named = ("--domain", "orders2:ORDERS", "--domain", savings.NAME)
    file = tmp_path / "log.jsonl"
    ended = await foldlog("export", file, "--data", log, *named, PYTHONPATH=f"{src}:{tmp_path}")
    assert (ended.code, ended.errors) == (0, "")
    assert '"owner":"Ada"' in file.read_text().replace(" ", "")


async def test_events_are_printed_with_and_without_the_domain(src: str, log: Path) -> None:
    async with serving(log, *LISTEN, *NAMED, "--no-shop", PYTHONPATH=src) as served:
        tail = ("events", "tail", "--address", served.address, "--after", "0", "--no-follow", "--json")
        known = await foldlog(*tail, *NAMED, PYTHONPATH=src)
        unknown = await foldlog(*tail)
    assert (known.code, unknown.code) == (0, 0)
    read = [json.loads(line) for line in known.output.splitlines()]
    assert [event["payload"].get("owner", event["payload"].get("cents")) for event in read] == ["Ada", "5"]
    assert len(unknown.output.splitlines()) == 2
    assert "savings.v1.Opened" in unknown.output


async def test_a_server_without_the_domain_says_what_it_does_not_know(src: str, log: Path) -> None:
    async with serving(log, *LISTEN) as served:
        async with foldlog_client.connect(served.address) as client:
            assert (await client.events.head()).position == 2
            await client.orders.create_order(order_id="1", customer_id="ada", currency_code="GBP")
        assert UNKNOWN in (await served.stop()).errors
    async with serving(log, *LISTEN, *NAMED, PYTHONPATH=src) as served, client_of(served) as client:
        assert (await client.savings.get_account(account_id="1")).account.cents == 5
