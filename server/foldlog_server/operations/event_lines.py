"""Prints events of a running server as lines, for people or for programs."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

import foldlog_client
from foldlog.inventory.v1 import events_pb2 as _inventory  # noqa: F401  (imported, so that their payloads can be read)
from foldlog.orders.v1 import events_pb2 as _orders  # noqa: F401
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_server.log.lineage import is_token
from foldlog_server.printable import printable

_LAST_POSITION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to print."""

    after: int | foldlog_client.LogPosition | None
    """Begin after this position; None = with the next event to be stored."""
    categories: list[str]
    stream_prefixes: list[str]
    event_types: list[str]
    follow: bool
    """Keep following when the end is reached."""


async def tail(address: str, wanted: Wanted, print_line: Callable[[str], None], *, as_json: bool) -> None:
    """Print events until the end is reached, or forever. Raises `FoldlogError`."""
    line_of = _json_line if as_json else _line
    once = foldlog_client.Retry(attempts=1)  # an address where nobody answers fails at once
    async with foldlog_client.connect(address, retry=once) as client:
        await client.events.head()
        subscription = client.events.subscribe(
            0 if wanted.after is None else wanted.after,
            at_end=wanted.after is None,
            categories=wanted.categories,
            stream_prefixes=wanted.stream_prefixes,
            event_types=wanted.event_types,
        )
        async with subscription:
            async for message in subscription.messages():
                for event, token in zip(message.events.events, message.events.tokens, strict=True):
                    print_line(line_of(event, token))
                if message.HasField("caught_up") and not wanted.follow:
                    return


def parsed_position(text: str) -> int | foldlog_client.LogPosition:
    """Parse a position given as a number or as the token of an event; raises ValueError."""
    if is_token(text):
        return foldlog_client.LogPosition(position=int(text.rpartition(".")[2]), token=text)
    if not (text.isascii() and text.isdigit() and int(text) <= _LAST_POSITION):
        raise ValueError(f"{text!r} is neither a position nor a token of one.")
    return int(text)


def _line(event: RecordedEvent, _: str) -> str:
    time = event.recorded_time.ToDatetime().isoformat(timespec="milliseconds")
    payload = json.dumps(_payload(event), ensure_ascii=False)
    name = event.type.rpartition(".")[2]
    return printable(f"{event.position:>8} {time}Z {event.stream}@{event.version} {name} {payload}")


def _json_line(event: RecordedEvent, token: str) -> str:
    return json.dumps({**readable(event), "token": token})


def readable(event: RecordedEvent) -> dict[str, object]:
    """The event as JSON; a payload that this release cannot read is given as its bytes in base64."""
    envelope = RecordedEvent()
    envelope.CopyFrom(event)
    envelope.ClearField("payload")
    payload = {"@type": event.payload.type_url, **_payload(event)}
    return {**MessageToDict(envelope, preserving_proto_field_name=True), "payload": payload}


def _payload(event: RecordedEvent) -> dict[str, object]:
    """The fields of the payload, or its bytes in base64 if this release cannot read it."""
    try:
        payload = foldlog_client.unpack(event)
    except (foldlog_client.UnknownPayload, DecodeError):
        return {"value": base64.b64encode(event.payload.value).decode()}
    fields: dict[str, object] = MessageToDict(payload, preserving_proto_field_name=True)
    return fields
