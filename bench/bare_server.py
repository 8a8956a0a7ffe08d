"""Runs a grpc.aio server with one method and nothing else, on the event loop that Foldlog uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

Answer = Callable[[bytes, object], Awaitable[bytes]]


async def serve(service: str, method: str, answer: Answer, does: str) -> None:
    """Serve on a free port of the loopback until the process ends, and print what it does and where."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"{does} at 127.0.0.1:{port}. Stop it with SIGTERM.", flush=True)
    await server.wait_for_termination()
