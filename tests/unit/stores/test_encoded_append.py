"""Every engine makes the same checks of an append."""

import pytest

from foldlog_server.log.event_store import RequestKey
from foldlog_server.stores.encoded_append import stored_key


def test_a_key_is_the_uuid_and_the_actor() -> None:
    key = stored_key(RequestKey("żaneta", "0192f0c1-7a3b-7def-8123-456789abcdef"))

    assert key == bytes.fromhex("0192f0c17a3b7def8123456789abcdef") + "żaneta".encode()


@pytest.mark.parametrize(
    "request_id", ["", "abc", "0192f0c1-7a3b-7def-8123-456789abcdef00", "not hexadecimal"]
)
def test_only_a_uuid_is_a_request_id(request_id: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        stored_key(RequestKey("", request_id))
