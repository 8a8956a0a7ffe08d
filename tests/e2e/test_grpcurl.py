"""The real grpcurl, with reflection, with a protoset that it made, and with the protos alone."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

from foldlog.orders.v1.commands_pb2 import CreateOrder
from tests.support.server import Server, serving
from tests.support.tools import GRPCURL, Said, called, tool
from tests.unit.transport.test_reflection import CONTRACT, described

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMMANDS = "foldlog.orders.v1.CommandService"
SUBMIT = ("-d", '{"command": {"order_id": "1001"}}')
SIDE_BY_SIDE = 4


async def grpcurl(server: Server, *arguments: object, flags: Sequence[object] = ()) -> Said:
    return await called(tool(GRPCURL), "-plaintext", *flags, server.address, *arguments)


async def lines(server: Server, *arguments: object) -> list[str]:
    said = await grpcurl(server, *arguments)
    assert (said.code, said.errors) == (0, "")
    return said.output.splitlines()


async def check_described(server: Server, kinds: dict[str, str]) -> None:
    """Each symbol is described as what it is; several at once, as each takes a process."""
    several = asyncio.Semaphore(SIDE_BY_SIDE)

    async def check(symbol: str, kind: str) -> None:
        async with several:
            said = await grpcurl(server, "describe", symbol)
        assert said.output.startswith(f"{symbol} is {kind}:\n"), said

    async with asyncio.TaskGroup() as group:
        for symbol, kind in kinds.items():
            group.create_task(check(symbol, kind))


def files() -> Iterator[FileDescriptor]:
    for name, file in described().items():
        if name in CONTRACT or name.startswith(("grpc", "google/rpc")):
            yield file


def messages(file: FileDescriptor) -> Iterator[Descriptor]:
    found = [*file.message_types_by_name.values()]
    for message in found:
        yield message
        found += message.nested_types


def enums(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in messages(file):
        yield from message.enum_types


async def test_every_service_is_listed_with_its_methods_and_described(server: Server) -> None:
    services = await lines(server, "list")
    assert {"grpc.reflection.v1.ServerReflection", "grpc.health.v1.Health", COMMANDS} <= {*services}
    methods = [method for service in services for method in await lines(server, "list", service)]
    assert f"{COMMANDS}.CreateOrder" in methods
    await check_described(server, dict.fromkeys(services, "a service") | dict.fromkeys(methods, "a method"))


async def test_describe_alone_describes_every_service(server: Server) -> None:
    said = await lines(server, "describe")
    found = {line.removesuffix(" is a service:") for line in said if line.endswith(" is a service:")}
    assert found == {*await lines(server, "list")}


async def test_every_message_and_every_enum_is_described(server: Server) -> None:
    kinds = {message.full_name: "a message" for file in files() for message in messages(file)}
    kinds |= {enum.full_name: "an enum" for file in files() for enum in enums(file)}
    await check_described(server, {symbol: kind for symbol, kind in kinds.items() if "Entry" not in symbol})


async def test_what_is_within_a_message_or_an_enum_is_described(server: Server) -> None:
    await check_described(
        server,
        {
            "foldlog.v1.Money.units": "a field",
            "foldlog.v1.SubscribeRequest.start": "a one-of",
            "foldlog.v1.rules": "an extension",
            "foldlog.v1.ErrorReason.ERROR_REASON_INTERNAL": "an enum value",
        },
    )
    beside = await lines(server, "describe", "foldlog.v1.ERROR_REASON_INTERNAL")
    assert beside[0] == "foldlog.v1.ErrorReason.ERROR_REASON_INTERNAL is an enum value:"


async def test_options_are_shown_by_their_names(server: Server) -> None:
    shown = "\n".join(await lines(server, "describe", f"{COMMANDS}.CreateOrder"))
    assert re.search(r'option \(\.foldlog\.v1\.command\) = \{\s+category: "order"', shown)


async def test_what_is_unknown_is_told(server: Server) -> None:
    said = await grpcurl(server, "describe", "foldlog.v1.Nothing")
    assert (said.code, said.output) == (1, "")
    assert "Symbol not found: foldlog.v1.Nothing" in said.errors


async def create_order(server: Server) -> None:
    await server.send(CreateOrder(order_id="1001", customer_id="ada", currency_code="GBP"))


def check_refused(said: Said) -> None:
    assert said.code != 0
    assert "Code: FailedPrecondition" in said.errors
    assert '"reason": "ORDER_EMPTY"' in said.errors
    assert re.search(r'"metadata": \{\s+"order_id": "1001"', said.errors)
    assert '"@type": "type.googleapis.com/google.rpc.PreconditionFailure"' in said.errors
    assert "not recognized" not in said.errors


async def test_events_and_refusals_are_read_by_reflection(server: Server) -> None:
    await create_order(server)
    check_refused(await grpcurl(server, f"{COMMANDS}/SubmitOrder", flags=SUBMIT))
    read = await grpcurl(server, "foldlog.v1.EventService/ReadAll", flags=("-d", "{}"))
    [event] = json.loads(read.output)["events"]
    assert event["payload"]["customerId"] == "ada"


async def test_a_protoset_of_what_was_described_works_without_reflection(
    server: Server, tmp_path: Path
) -> None:
    services, details = tmp_path / "services.protoset", tmp_path / "details.protoset"
    assert (await grpcurl(server, "describe", flags=("-protoset-out", services))).code == 0
    errors = await grpcurl(server, "describe", "google.rpc.ErrorInfo", flags=("-protoset-out", details))
    assert errors.code == 0

    listed = await called(tool(GRPCURL), "-protoset", services, "list")
    assert listed.output.splitlines() == await lines(server, "list")
    async with serving(tmp_path / "silent", reflection=False) as silent:
        await create_order(silent)
        known = ("-protoset", services, "-protoset", details)
        check_refused(await grpcurl(silent, f"{COMMANDS}/SubmitOrder", flags=(*known, *SUBMIT)))


async def test_refusals_and_events_are_read_by_the_protos_alone(tmp_path: Path) -> None:
    """With the flags of docs/clients.md, against a server without reflection."""
    third_party = tmp_path / "third_party"
    assert (await called(sys.executable, ROOT / "tools" / "third_party.py", third_party)).code == 0
    flags = re.search(r'FROM_PROTOS="([^"]+)"', (ROOT / "docs" / "clients.md").read_text())
    assert flags
    paths = {"protos": ROOT / "protos", "third_party": third_party}
    known = [paths.get(flag, flag) for flag in flags[1].split()]
    assert {*paths.values()} < {*known}

    async with serving(tmp_path / "data", reflection=False) as silent:
        unknown = await grpcurl(silent, "list")
        assert "does not support the reflection API" in unknown.errors
        await create_order(silent)
        check_refused(await grpcurl(silent, f"{COMMANDS}/SubmitOrder", flags=(*known, *SUBMIT)))
        read = await grpcurl(silent, "foldlog.v1.EventService/ReadAll", flags=(*known, "-d", "{}"))
        [event] = json.loads(read.output)["events"]
        assert event["payload"]["customerId"] == "ada"
