"""The row format is on people's disks for ever: these bytes are what docs/format.md says."""

import hashlib
import zlib

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from foldlog.v1.event_service_pb2 import ReadAllResponse
from foldlog.v1.events_pb2 import EventMetadata
from foldlog.v1.events_pb2 import RecordedEvent as RecordedEventMessage
from foldlog_server.errors import DataDamaged, EventUnreadable
from foldlog_server.log import record as codec
from foldlog_server.log.codec import Codec
from foldlog_server.log.events import EncodedEvent, NewEvent

METADATA = EventMetadata(request_id="r", correlation_id="c", actor="ann")
GOLDEN_HEADER = bytes.fromhex(
    "1209" + b"order-536".hex()  # stream
    + "1803"  # version
    + "2202" + b"id".hex()  # event_id
    + "2a03" + b"t.T".hex()  # type
    + "3205" + "0801" + "10ac02"  # recorded_time: 1 s, 300 ns
    + "3a0b" + "0a0172" + "120163" + "2203616e6e"  # metadata
)  # fmt: skip
GOLDEN_PAYLOAD = bytes.fromhex("421f" + "0a17" + b"type.googleapis.com/t.T".hex() + "1204" + "01020304")
GOLDEN_CHECKSUM = 0x93D283E5
GOLDEN_CHAIN = "3f7d0bbe4ad11d9276d90ea5449ce7f775742472261dee2f16b81fd42791061c"

events = st.builds(
    NewEvent,
    st.text(min_size=1, max_size=40),
    st.text("abc.", min_size=1, max_size=40),
    st.binary(max_size=400),
)
positions = st.integers(1, 2**63 - 1)


def record_of(stream: str, version: int, event: NewEvent, time: int = 1) -> bytes:
    return codec.encode_record(
        codec.encode_header(stream, version, event, codec.encode_common(time, METADATA)), event
    )


def test_a_record_is_its_header_and_then_its_payload_byte_for_byte() -> None:
    event = NewEvent("id", "t.T", b"\1\2\3\4")
    header = codec.encode_header("order-536", 3, event, codec.encode_common(1_000_000_300, METADATA))

    assert header == GOLDEN_HEADER
    assert codec.encode_record(header, event) == GOLDEN_HEADER + GOLDEN_PAYLOAD


def test_checksum_and_chain_are_what_the_format_says() -> None:
    data = b"\1\2\3\4"
    record = GOLDEN_HEADER + GOLDEN_PAYLOAD
    place = (258).to_bytes(8, "big")

    assert codec.checksum(258, record) == zlib.crc32(place + record)
    hashed = hashlib.sha256(b"p" * 32 + place + GOLDEN_HEADER + hashlib.sha256(data).digest())
    assert codec.chain_hash(b"p" * 32, 258, GOLDEN_HEADER, data) == hashed.digest()


def test_golden_checksum_and_chain_never_change() -> None:
    record = GOLDEN_HEADER + GOLDEN_PAYLOAD
    chain = codec.chain_hash(codec.NO_CHAIN, 1, *codec.split_record(record))

    assert codec.checksum(1, record) == GOLDEN_CHECKSUM
    assert chain.hex() == GOLDEN_CHAIN


@given(
    stream=st.text(min_size=1, max_size=60), version=st.integers(1, 2**40), event=events, position=positions
)
def test_a_message_is_the_contracts_with_every_field(
    stream: str, version: int, event: NewEvent, position: int
) -> None:
    time = 1_700_000_000_123_456_789
    encoded = EncodedEvent(position, record_of(stream, version, event, time))

    contract = RecordedEventMessage(
        stream=stream,
        version=version,
        event_id=event.event_id,
        type=event.type,
        recorded_time=Timestamp(seconds=1_700_000_000, nanos=123_456_789),
        metadata=METADATA,
        payload=Any(type_url=f"type.googleapis.com/{event.type}", value=event.data),
    )
    assert encoded.record == contract.SerializeToString()
    contract.position = position
    assert codec.message(encoded) == contract.SerializeToString()


@given(stream=st.text(min_size=1, max_size=200), version=st.integers(1, 2**40), event=events)
def test_a_record_splits_into_what_it_was_made_of(stream: str, version: int, event: NewEvent) -> None:
    header = codec.encode_header(stream, version, event, codec.encode_common(5, METADATA))

    assert codec.split_record(codec.encode_record(header, event)) == (header, event.data)


@given(st.lists(st.tuples(positions, events), max_size=5))
def test_events_concatenate_into_a_repeated_field(items: list[tuple[int, NewEvent]]) -> None:
    encoded = [EncodedEvent(position, record_of("order-1", 1, event)) for position, event in items]
    rest = codec.repeated(b"\x0a", encoded)

    read = []
    while rest:
        assert rest[:1] == b"\x0a"
        length, at = codec._read_varint(rest, 1)
        read.append(RecordedEventMessage.FromString(rest[at : at + length]))
        rest = rest[at + length :]
    assert read == [RecordedEventMessage.FromString(codec.message(event)) for event in encoded]


@given(st.lists(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=127), max_size=5))
def test_texts_concatenate_into_a_repeated_field(texts: list[str]) -> None:
    read = ReadAllResponse.FromString(codec.repeated_text(b"\x12", texts))
    assert list(read.tokens) == texts


@given(st.integers(0, 2**64 - 1))
def test_a_varint_is_protobufs(number: int) -> None:
    message = RecordedEventMessage(position=number).SerializeToString()

    assert (b"\x08" + codec.varint(number) if number else b"") == message


@given(event=events, position=positions, bit=st.integers(0))
def test_a_flipped_bit_changes_the_checksum(event: NewEvent, position: int, bit: int) -> None:
    record = record_of("order-1", 1, event)
    flipped = bytearray(record)
    flipped[bit // 8 % len(record)] ^= 1 << bit % 8

    assert codec.checksum(position, bytes(flipped)) != codec.checksum(position, record)
    assert codec.checksum(position + 1, record) != codec.checksum(position, record)


def test_the_chain_depends_on_all_that_was_recorded() -> None:
    hashes = {
        codec.chain_hash(previous, position, header, data)
        for previous in (bytes(32), b"p" * 32)
        for position in (1, 2)
        for header in (b"h", b"i")
        for data in (b"", b"d")
    }
    assert len(hashes) == 16


def test_a_codec_decodes_the_payloads_it_was_told_of() -> None:
    payload = EventMetadata(actor="ben")
    event = NewEvent("id", "foldlog.v1.EventMetadata", payload.SerializeToString())
    known = Codec([EventMetadata])
    recorded = known.decode(EncodedEvent(7, record_of("order-a-b", 3, event, 2_000_000_001)))

    assert (recorded.position, recorded.stream, recorded.version, recorded.id) == (7, "order-a-b", 3, "a-b")
    assert recorded.payload == payload
    assert (recorded.envelope.event_id, recorded.envelope.metadata) == ("id", METADATA)
    assert recorded.recorded_time == Timestamp(seconds=2, nanos=1)


def test_a_codec_names_the_payload_it_does_not_know() -> None:
    encoded = EncodedEvent(7, record_of("order-1", 1, NewEvent("id", "foldlog.v1.Other", b"")))

    with pytest.raises(EventUnreadable, match=r"position 7 .* foldlog\.v1\.Other"):
        Codec([EventMetadata]).decode(encoded)
    assert Codec([EventMetadata]).decode_known(encoded) is None


def test_a_codec_does_not_guess_at_bytes_it_cannot_read() -> None:
    broken_payload = NewEvent("id", "foldlog.v1.EventMetadata", b"\xff")
    with pytest.raises(DataDamaged):
        Codec([EventMetadata]).decode(EncodedEvent(7, b"\xff"))
    with pytest.raises(EventUnreadable, match=r"position 7 is a .*EventMetadata, and its bytes are no such"):
        Codec([EventMetadata]).decode(EncodedEvent(7, record_of("order-1", 1, broken_payload)))
