"""The limit: a bare grpc.aio server that gives back the bytes it gets, on the loop that Foldlog runs on."""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio

from foldlog_server.process import loop_factory

SERVICE, METHOD = "bench.Echo", "Echo"


async def _echo(data: bytes, _: object) -> bytes:
    return data


async def _serve() -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"Echoes at 127.0.0.1:{port}. Stop it with SIGTERM.", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve())
