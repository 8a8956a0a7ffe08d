"""Clients that ask from time to time whether the server is still there are not cut off for it."""

import asyncio
import struct

import pytest

from tests.support.server import Server
from tests.support.wire import SECONDS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7
ACK = 1
SECONDS_APART = 7
"""Clients that mean 10 seconds, and whose pings a busy network brings closer together."""


def frame(kind: int, flags: int = 0, payload: bytes = b"") -> bytes:
    """A frame of stream 0, as RFC 9113, section 4.1, has it."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + bytes(4) + payload


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What the next ping is answered with."""
    while True:
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = await reader.readexactly(length)
        assert kind != GOAWAY, payload[8:]
        if kind == SETTINGS and not flags & ACK:
            writer.write(frame(SETTINGS, ACK))
        if kind == PING and flags & ACK:
            return payload


@pytest.mark.slow
async def test_pings_of_an_idle_client_every_few_seconds_are_answered(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(PREFACE + frame(SETTINGS))
        for number in range(5):
            ping = struct.pack(">Q", number)
            writer.write(frame(PING, payload=ping))
            assert await asyncio.wait_for(answered(reader, writer), SECONDS) == ping
            await asyncio.sleep(SECONDS_APART)
    finally:
        writer.close()
        await writer.wait_closed()
