"""Who listens beyond this machine is to be told; who does not is to be left in peace."""

import pytest

from foldlog_server.transport.loopback import is_loopback


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:50051",
        "127.0.0.1:0",
        "127.255.255.254:50051",
        "[::1]:50051",
        "[0:0:0:0:0:0:0:1]:50051",
        "localhost:50051",
        "LocalHost:50051",
        "unix:/run/foldlog.sock",
        "unix:///run/foldlog.sock",
        "unix-abstract:foldlog",
    ],
)
def test_only_this_machine_reaches_it(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:50051",
        "[::]:50051",
        "128.0.0.1:50051",
        "192.168.1.7:50051",
        "[fe80::1]:50051",
        "[::2]:50051",
        "orders.example:50051",
        "localhost.example:50051",
        "127.0.0.1.example:50051",
        "*:50051",
    ],
)
def test_others_may_reach_it(address: str) -> None:
    assert not is_loopback(address)
