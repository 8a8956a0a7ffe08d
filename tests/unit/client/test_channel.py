"""A proxy is never asked for this machine itself."""

import pytest

from foldlog_client.channel import channel_options

NO_PROXY = ("grpc.enable_http_proxy", 0)


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.9.8.7",
        "localhost:1",
        "LocalHost",
        "[::1]:1",
        "[::1]",
        "::1",
        "[0:0:0:0:0:0:0:1]:1",
        "[::ffff:127.0.0.1]:1",
        "[::ffff:7f00:1]:1",
        "::ffff:127.0.0.1",
        "ipv6:[::1]:1",
        "ipv6:[::ffff:127.0.0.1]:1",
        "ipv4:127.0.0.1:1",
        "dns:localhost:1",
        "dns:///127.0.0.1:1",
        "dns://8.8.8.8/localhost:1",
        "unix:/run/foldlog",
        "unix-abstract:foldlog",
    ],
)
def test_this_machine_is_reached_without_a_proxy(target: str) -> None:
    assert NO_PROXY in channel_options(target, ())


@pytest.mark.parametrize(
    "target",
    [
        "10.0.0.1:1",
        "foldlog.example:1",
        "[::2]:1",
        "[::ffff:10.0.0.1]:1",
        "127.0.0.1.example:1",
        "localhost.example:1",
        "dns:///foldlog.example:1",
        "dns://127.0.0.1/foldlog.example:1",
        "127.0.0.999:1",
        "",
    ],
)
def test_other_machines_are_reached_as_the_environment_says(target: str) -> None:
    assert NO_PROXY not in channel_options(target, ())
