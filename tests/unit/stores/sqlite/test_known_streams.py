"""Streams are known without an index."""

import pytest

from foldlog_server.stores.sqlite.known_streams import KnownStreams

NAMES = [f"order-{number}" for number in range(20_000)]


def test_each_stream_is_found_with_its_key_and_version() -> None:
    known = KnownStreams()
    known.fill(NAMES[:10_000], [number + 1 for number in range(10_000)], 7)
    for name in NAMES[10_000:]:
        known.add(name)
    known.set_version(known.last_key, 2**40)

    assert known.last_key == 20_000
    assert known.head == 7
    assert [known.find(name) for name in NAMES[:10_000]] == [(n, n) for n in range(1, 10_001)]
    assert [known.find(name) for name in NAMES[10_000:-1]] == [(n, 0) for n in range(10_001, 20_000)]
    assert known.find(NAMES[-1]) == (20_000, 2**40)
    assert {known.find(f"stock-{number}") for number in range(20_000)} == {(0, 0)}


def test_a_name_that_is_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        KnownStreams().fill([*NAMES, NAMES[77]], [1] * 20_001, 20_001)
