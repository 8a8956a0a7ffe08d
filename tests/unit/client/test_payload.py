"""What an event says."""

import pytest
from google.protobuf.any_pb2 import Any as Packed

from foldlog.inventory.v1.events_pb2 import StockReceived
from foldlog.v1.events_pb2 import RecordedEvent
from foldlog_client import UnknownPayload, unpack


def test_a_payload_comes_as_the_message_that_it_is() -> None:
    event = RecordedEvent()
    event.payload.Pack(StockReceived(name="mug", quantity=3))
    assert unpack(event) == StockReceived(name="mug", quantity=3)


def test_a_payload_of_a_later_release_is_unknown() -> None:
    event = RecordedEvent(payload=Packed(type_url="type.googleapis.com/foldlog.orders.v9.OrderFolded"))
    with pytest.raises(UnknownPayload, match=r"foldlog\.orders\.v9\.OrderFolded"):
        unpack(event)
