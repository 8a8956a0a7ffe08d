"""Writes and reads a log as lines of JSON: a header, a line an event, a line a request record, and the
counts.

A line has the event's bytes in base64 and the event in readable form; only the bytes are imported. Each line
ends with a CRC-32 of the rest of the line, so that an altered line is detected.
"""

import base64
import json
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NoReturn

from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server import __version__
from foldlog_server.log.event_store import Head
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Ancestor, Opening
from foldlog_server.log.record import NO_CHAIN, chain_hash, message, split_record
from foldlog_server.log.source import Origin, StoredRequest
from foldlog_server.operations.event_lines import readable
from foldlog_server.operations.refused import Refused

FORMAT, VERSION = "foldlog-export", 1

_PAGE = 1_000
_END = re.compile(r',"crc32":"(?P<crc>[0-9a-f]{8})"\}')


# Writing


def header_line(origin: Origin) -> str:
    """The first line: which log it is."""
    return _line(
        {
            "format": FORMAT,
            "version": VERSION,
            "foldlog": __version__,
            "log_id": origin.log_id,
            "made_time": origin.made_time,
            "position": origin.head.position,
            "chain_hash": origin.head.chain_hash.hex(),
            "served": origin.served,
            "settled": origin.settled,
            "ancestors": [{**one._asdict(), "chain": one.chain.hex()} for one in origin.ancestors],
            "openings": [{**one._asdict(), "run": one.run.hex()} for one in origin.openings],
        }
    )


def event_line(event: EncodedEvent) -> str:
    """A line for an event."""
    shown = readable(RecordedEventMessage.FromString(message(event)))
    return _line({"position": event.position, "record": _encoded(event.record), "event": shown})


def request_line(record: StoredRequest) -> str:
    """A line for a request record."""
    key, fingerprint = _encoded(record.key), _encoded(record.fingerprint)
    return _line({**record._asdict(), "key": key, "fingerprint": fingerprint})


def end_line(events: int, requests: int, head: Head) -> str:
    """The last line: without it, an export is incomplete."""
    return _line({"events": events, "requests": requests, "chain_hash": head.chain_hash.hex()})


def _line(fields: dict[str, Any]) -> str:
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f'{body[:-1]},"crc32":"{zlib.crc32(body.encode()):08x}"}}'


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Reading


class JsonLinesSource:
    """A `LogSource` that is read once, from the first line to the last; raises `Refused`, naming the line."""

    def __init__(self, lines: Iterator[str], name: str) -> None:
        """Read the first line; `name` is the name of the file in refusals."""
        self._lines = lines
        self._name = name
        self._number = 0
        self._next: dict[str, Any] | None = None
        self._events = self._requests = 0
        self._chain = NO_CHAIN
        self.origin = self._origin()

    async def events(self, until: int) -> AsyncIterator[Sequence[EncodedEvent]]:
        """Yields the events up to `until`; those behind it are read and checked, too."""
        page: list[EncodedEvent] = []
        for event in self._each_event():
            if event.position <= until:
                page.append(event)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def requests(self) -> AsyncIterator[Sequence[StoredRequest]]:
        page: list[StoredRequest] = []
        while self._next is not None and "key" in self._next:
            page.append(self._request(self._next))
            self._requests += 1
            self._next = self._read()
            if len(page) == _PAGE:
                yield page
                page = []
        self._check_end(self._next)
        if page:
            yield page

    def _each_event(self) -> Iterator[EncodedEvent]:
        self._next = self._read()
        while self._next is not None and "record" in self._next:
            event = self._event(self._next)
            self._events = event.position
            yield event
            self._next = self._read()
        if (self._events, self._chain) != self.origin.head:
            self._refuse(f"the events end at position {self._events}, and not as the first line says")

    def _read(self) -> dict[str, Any] | None:
        """The fields of the next line; None after the last."""
        line = next(self._lines, None)
        self._number += 1
        if line is None:
            return None
        text = line.rstrip("\r\n")
        found = _END.search(text, max(len(text) - 20, 0))
        if found is None or found.end() != len(text):
            self._refuse("it is cut short, or no line of an export")
        body = f"{text[: found.start()]}}}"
        if zlib.crc32(body.encode(errors="surrogateescape")) != int(found["crc"], 16):
            self._refuse("it has been altered: its bytes do not fit their checksum")
        try:
            fields = json.loads(body)
        except ValueError as error:
            self._refuse(f"it is no JSON: {error}")
        return fields if isinstance(fields, dict) else self._refuse("it is no object")

    def _origin(self) -> Origin:
        fields = self._read()
        if fields is None or fields.get("format") != FORMAT:
            self._refuse(f"it does not begin a {FORMAT}")
        if fields.get("version") != VERSION:
            self._refuse(f"it has version {fields.get('version')}, and this release knows {VERSION}")
        try:
            return Origin(
                str(fields["log_id"]),
                int(fields["made_time"]),
                Head(int(fields["position"]), bytes.fromhex(fields["chain_hash"])),
                int(fields["served"]),
                int(fields["settled"]),
                tuple(
                    Ancestor(**{**one, "chain": bytes.fromhex(one["chain"])}) for one in fields["ancestors"]
                ),
                tuple(Opening(**{**one, "run": bytes.fromhex(one["run"])}) for one in fields["openings"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            self._refuse(f"it lacks a field or has a wrong value: {error!r}")

    def _event(self, fields: dict[str, Any]) -> EncodedEvent:
        try:
            event = EncodedEvent(int(fields["position"]), base64.b64decode(fields["record"], validate=True))
            header, data = split_record(event.record)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            self._refuse(f"it is no event: {error!r}")
        if event.position != self._events + 1:
            self._refuse(f"it has position {event.position}, and {self._events + 1} was expected")
        self._chain = chain_hash(self._chain, event.position, header, data)
        return event

    def _request(self, fields: dict[str, Any]) -> StoredRequest:
        try:
            return StoredRequest(
                str(fields["partition"]),
                base64.b64decode(fields["key"], validate=True),
                base64.b64decode(fields["fingerprint"], validate=True),
                str(fields["outcome"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            self._refuse(f"it is no request record: {error!r}")

    def _check_end(self, fields: dict[str, Any] | None) -> None:
        expected = {"events": self._events, "requests": self._requests, "chain_hash": self._chain.hex()}
        if fields is None:
            self._refuse("it is missing: the export is cut short")
        if fields != expected:
            self._refuse(f"expected the end {expected}, and found {fields}")
        if next(self._lines, None) is not None:
            self._number += 1
            self._refuse("it comes after the end")

    def _refuse(self, what: str) -> NoReturn:
        raise Refused(f"{self._name}, line {self._number}: {what}. Nothing was made; export the log again.")
