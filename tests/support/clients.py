"""Clients of a server that may end at any time: they race, give up, ask again, and write down what they saw."""

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import grpc.aio
from google.protobuf.message import Message

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReleaseStock, ReservationLine, ReserveStock
from foldlog.orders.v1.commands_pb2 import AddItem, ChangeItemQuantity
from foldlog.orders.v1.queries_pb2 import GetOrderRequest
from foldlog.v1.event_service_pb2 import ReadAllRequest
from tests.support.history import Call, Did, Fact, History, Log, Read, Refused, flaws
from tests.support.log_rules import LogRules
from tests.support.observing import fact_of
from tests.support.order_stories import line, money
from tests.support.wire import SECONDS, Wire, refusal_of

UNKNOWN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
PRODUCTS = ("tea", "jam", "oil")
ORDERS = ("1", "2")


class Clients:
    """Clients who share a history; whom they ask can change."""

    def __init__(self, wire: Wire, seed: int) -> None:
        self.wire = wire
        self.random = Random(seed)
        self.history = History()
        self.answered = 0
        self._progress = asyncio.Condition()
        self.served = asyncio.Event()
        """Cleared while there is nobody to ask."""
        self.served.set()
        self._commands = 0

    async def work(self, commands: int) -> None:
        """One client: a command after the other, each until its outcome is known; and now and then a read."""
        for _ in range(commands):
            command, expected = self._any_command()
            self._commands += 1
            request_id = str(UUID(int=self._commands))
            answer = await self._known(request_id, command, expected)
            self.answered += 1
            async with self._progress:
                self._progress.notify_all()
            if isinstance(answer, Did):
                await self._repeat_or_read(request_id, command, expected, answer)

    async def until_answered(self, count: int) -> None:
        """Wait until so many commands have been answered in all."""
        async with asyncio.timeout(SECONDS), self._progress:
            await self._progress.wait_for(lambda: self.answered >= count)

    async def _known(self, request_id: str, command: Message, expected: int | None) -> Did | Refused:
        while True:
            answer = await self._attempt(request_id, command, expected)
            if answer is not None:
                return answer
            await asyncio.sleep(0.01)

    def _any_command(self) -> tuple[Message, int | None]:
        random, product, order = self.random, self.random.choice(PRODUCTS), self.random.choice(ORDERS)
        several = random.sample(PRODUCTS, random.randint(1, 3))
        lines = [ReservationLine(product_id=id, quantity=random.randint(1, 3)) for id in several]
        added = AddItem(order_id=order, line=line(product, 1, money("1")))
        version = random.randint(1, 60) if random.random() < 0.2 else None
        return random.choice(
            [
                (added, None),
                (added, version),
                (ChangeItemQuantity(order_id=order, line_id=product, quantity=random.randint(0, 2)), None),
                (ReceiveStock(product_id=product, quantity=2), None),
                (ReserveStock(order_id=order, lines=lines), None),
                (ReleaseStock(order_id=order, product_ids=several), None),
            ]
        )

    async def _repeat_or_read(
        self, request_id: str, command: Message, expected: int | None, did: Did
    ) -> None:
        match self.random.randint(0, 3):
            case 0:
                await self._attempt(request_id, command, expected)
            case 1:
                await self._read(self.random.choice(ORDERS), did.position)
            case _:
                pass

    async def _attempt(self, request_id: str, command: Message, expected: int | None) -> Did | Refused | None:
        await self.served.wait()
        invoked = self.history.tick()
        options: dict[str, Any] = {} if expected is None else {"expected_version": expected}
        answer = await self._answer(self.wire.send(command, request_id=request_id, **options))
        returned = 0 if answer is None else self.history.tick()
        self.history.calls.append(Call(request_id, command, invoked, returned, answer, expected))
        return answer

    async def _answer(self, sending: Any) -> Did | Refused | None:
        """What the server says; None if it does not, or if this client gives up before."""
        task = asyncio.ensure_future(sending)
        if self.random.random() < 0.2:
            for _ in range(self.random.randint(0, 30)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            return None
        match task.exception():
            case None:
                return _did(task.result())
            case grpc.aio.AioRpcError() as error:
                return None if _is_unknown(error) else _refused(error)
            case defect:
                raise defect

    async def _read(self, order_id: str, min_position: int) -> None:
        await self.served.wait()
        invoked = self.history.tick()
        request = GetOrderRequest(order_id=order_id)
        request.options.min_position = min_position
        asking = asyncio.ensure_future(self.wire.ask(request))
        await asyncio.wait([asking])
        if asking.cancelled() or _is_unknown(asking.exception()):
            return
        found = asking.result()
        seen, version = found.freshness.position, found.order.version
        read = Read(f"order-{order_id}", min_position, invoked, self.history.tick(), seen, version)
        self.history.reads.append(read)

    async def flaws(self, before: int) -> list[str]:
        """What of all this the log does not explain; `before` are the events that were there."""
        batches = self.wire.ask(ReadAllRequest())
        facts = [fact_of(event, event.position) async for batch in batches for event in batch.events]
        log = Log(facts, before)
        return flaws(self.history, log, LogRules(log))


def _is_unknown(error: BaseException | None) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in UNKNOWN


def _did(reply: Any) -> Did:
    result = reply.result
    streams = tuple((one.stream, one.version) for one in result.streams)
    facts: tuple[Fact, ...] = tuple(fact_of(event, event.position) for event in result.events)
    assert (result.stream, result.version) == streams[0]
    return Did(result.position, streams, facts, result.replayed)


def _refused(error: grpc.aio.AioRpcError) -> Refused:
    told = refusal_of(error)
    # One rule's refusal is listed as a violation too; only several say more than the first.
    subjects = tuple(subject for subject, _ in told.violations) if len(told.violations) > 1 else ()
    return Refused(told.reason, tuple(sorted(told.metadata.items())), subjects)
