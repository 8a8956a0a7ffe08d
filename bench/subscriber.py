"""Reads a log from the beginning to its head with one subscriber, as cheaply as Python can."""

import asyncio
import time
from itertools import chain

import grpc.aio

from bench.processes import BenchFailed
from foldlog.v1.event_service_pb2 import SubscribeRequest, SubscribeResponse

_SUBSCRIBE = "/foldlog.v1.EventService/Subscribe"
_SECONDS_AT_MOST = 60
_CAUGHT_UP_BYTES = 80
"""The most bytes of a message that only reports that the head is reached."""


async def catch_up(address: str) -> tuple[int, float]:
    """Return how many events came until the head was reached, and in how many seconds.

    Messages are decoded after the clock has stopped: every position must be there, once and in order.
    Raises `BenchFailed` otherwise.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        began = time.perf_counter()
        subscribe: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(_SUBSCRIBE)
        call = subscribe(SubscribeRequest().SerializeToString())
        try:
            messages = await asyncio.wait_for(_until_caught_up(call), _SECONDS_AT_MOST)
        except TimeoutError:
            raise BenchFailed(f"A subscriber did not catch up within {_SECONDS_AT_MOST} seconds.") from None
        finally:
            call.cancel()
        seconds = time.perf_counter() - began
    return _checked(messages), seconds


async def _until_caught_up(call: "grpc.aio.UnaryStreamCall[bytes, bytes]") -> list[bytes]:
    messages: list[bytes] = []
    async for message in call:
        messages.append(message)
        if len(message) <= _CAUGHT_UP_BYTES and SubscribeResponse.FromString(message).HasField("caught_up"):
            break
    return messages


def _checked(messages: list[bytes]) -> int:
    responses = [SubscribeResponse.FromString(message) for message in messages]
    head = responses[0].confirmed.head
    events = chain.from_iterable(response.events.events for response in responses)
    positions = [event.position for event in events]
    if positions != list(range(1, head + 1)):
        raise BenchFailed("A subscriber did not get every event once and in order.")
    return len(positions)
