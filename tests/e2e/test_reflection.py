"""A running server describes itself to whoever asks, under both names of reflection, also to buf curl."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import StatusCode
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from foldlog.orders.v1.commands_pb2 import CreateOrder
from foldlog_server.transport.reflection import Reflection
from tests.support.server import Server, serving
from tests.support.tools import BUF, Said, called
from tests.support.wire import SECONDS, SERVICES

LISTED = {
    *(service.full_name for service in SERVICES),
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}


async def reflected(server: Server, version: str, *requests: Any) -> list[Any]:
    call: Any = server.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(iter(requests), timeout=SECONDS)
    return [response async for response in call]


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_every_service_under_both_its_names(server: Server, version: str) -> None:
    [response] = await reflected(server, version, reflection_pb2.ServerReflectionRequest(list_services=""))
    assert {service.name for service in response.list_services_response.service} == LISTED


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_describes_every_service_and_payload(server: Server, version: str) -> None:
    symbols = [
        *LISTED,
        "foldlog.orders.v1.OrderShipped",
        "foldlog.inventory.v1.StockReserved",
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
    ]
    requests = [reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol) for symbol in symbols]
    for symbol, response in zip(symbols, await reflected(server, version, *requests), strict=True):
        files = [
            FileDescriptorProto.FromString(encoded)
            for encoded in response.file_descriptor_response.file_descriptor_proto
        ]
        parts: list[tuple[str, Any]] = [
            (f.package, one) for f in files for one in (*f.service, *f.message_type)
        ]
        defined = {f"{package}.{one.name}" for package, one in parts}
        assert symbol in defined


async def test_what_is_unknown_is_told_and_the_stream_goes_on(server: Server) -> None:
    requests = [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
        for symbol in ("foldlog.v1.Nothing", "foldlog.v1.Money")
    ]
    unknown, found = await reflected(server, "v1", *requests)
    assert unknown.error_response.error_code == StatusCode.NOT_FOUND.value[0]
    assert "foldlog.v1.Nothing" in unknown.error_response.error_message
    assert [unknown.original_request, found.original_request] == requests
    assert found.file_descriptor_response.file_descriptor_proto


async def test_a_defect_is_told_by_an_id_and_nothing_of_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Reflection, "answer", lambda *_: 1 // 0)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await reflected(server, "v1", reflection_pb2.ServerReflectionRequest(list_services=""))
    assert raised.value.code() is StatusCode.INTERNAL
    told = raised.value.details() or ""
    assert "division" not in told
    [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.getMessage().removeprefix("error ") in told


async def test_reflection_works_with_the_stubs_of_its_package(server: Server) -> None:
    stub: Any = ServerReflectionStub(server.channel)
    request = reflection_pb2.ServerReflectionRequest(file_by_filename="foldlog/v1/money.proto")
    [response] = [one async for one in stub.ServerReflectionInfo(iter([request]), timeout=SECONDS)]
    assert response.file_descriptor_response.file_descriptor_proto


async def test_reflection_can_be_switched_off(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", reflection=False) as server:
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await reflected(server, "v1", request)
        assert raised.value.code() is StatusCode.UNIMPLEMENTED
        assert (await server.head()).position == 0


# buf curl


async def buf_curl(server: Server, target: str, *flags: str) -> Said:
    curl = (BUF, "curl", "--http2-prior-knowledge", "--protocol", "grpc")
    return await called(*curl, *flags, f"http://{server.address}{target}")


by_each_name = pytest.mark.parametrize("protocol", ["grpc-v1", "grpc-v1alpha"])


@by_each_name
async def test_buf_curl_lists_services_and_their_methods(server: Server, protocol: str) -> None:
    listed = await buf_curl(server, "", "--reflect-protocol", protocol, "--list-services")
    assert listed == Said(0, "\n".join(sorted(LISTED)) + "\n", "")
    methods = await buf_curl(server, "", "--reflect-protocol", protocol, "--list-methods")
    assert {line.partition("/")[0] for line in methods.output.splitlines()} == LISTED
    ours = {f"{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
    assert ours <= {*methods.output.splitlines()}


@by_each_name
async def test_buf_curl_calls_and_follows_by_reflection_alone(server: Server, protocol: str) -> None:
    flags = ("--reflect-protocol", protocol)
    command = {"command": {"order_id": "1001", "customer_id": "ada", "currency_code": "GBP"}}
    create = "/foldlog.orders.v1.CommandService/CreateOrder"
    created = await buf_curl(server, create, *flags, "-d", json.dumps(command))
    assert json.loads(created.output)["result"]["stream"] == "order-1001"
    read = await buf_curl(server, "/foldlog.v1.EventService/ReadAll", *flags)
    [event] = json.loads(read.output)["events"]
    assert event["payload"]["@type"] == "type.googleapis.com/foldlog.orders.v1.OrderCreated"
    assert event["payload"]["customerId"] == "ada"


async def test_buf_curl_shows_a_refusal_with_its_details_in_base64(server: Server) -> None:
    await server.send(CreateOrder(order_id="1001", customer_id="ada", currency_code="GBP"))
    submit = "/foldlog.orders.v1.CommandService/SubmitOrder"
    refused = await buf_curl(server, submit, "-d", '{"command": {"order_id": "1001"}}')
    assert refused.code != 0
    told = json.loads(refused.errors)
    details = {detail["type"]: detail["value"] for detail in told["details"]}
    value = details["google.rpc.ErrorInfo"]
    info = ErrorInfo.FromString(b64decode(value + "=" * (-len(value) % 4)))
    assert (told["code"], info.reason) == ("failed_precondition", "ORDER_EMPTY")
