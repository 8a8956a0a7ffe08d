"""A client that opens many subscriptions at once on one connection, sends one command, and says how many were
confirmed, and how many told of the command's event. A process of its own: in the tests' loop it is too slow.

python -m tests.support.burst ADDRESS COUNT
"""

import asyncio
import sys
from typing import Any

from foldlog.inventory.v1.commands_pb2 import ReceiveStock
from foldlog.v1.event_service_pb2 import SubscribeRequest
from tests.support.wire import Wire, connected


async def told(call: Any, kind: str) -> bool:
    """Whether a stream comes to a message of a kind."""
    while message := await call.read():
        if message.HasField(kind):
            return True
    return False


async def count(calls: list[Any], kind: str) -> int:
    return sum(
        [
            found is True
            for found in await asyncio.gather(*(told(call, kind) for call in calls), return_exceptions=True)
        ]
    )


async def main(address: str, number: int) -> None:
    wire = Wire()
    async with connected(address) as wire.channel:
        calls = [wire.ask(SubscribeRequest()) for _ in range(number)]
        confirmed = await count(calls, "confirmed")
        await wire.send(ReceiveStock(product_id="tea", quantity=1))
        sys.stdout.write(f"{confirmed} {await count(calls, 'events')}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
