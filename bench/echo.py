"""Serves the limit: a bare grpc.aio server that returns the bytes it receives."""

import asyncio

from bench.bare_server import serve
from foldlog_server.process import loop_factory

SERVICE, METHOD = "bench.Echo", "Echo"


async def _echo(data: bytes, _: object) -> bytes:
    return data


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(SERVICE, METHOD, _echo, "Echoes"))
