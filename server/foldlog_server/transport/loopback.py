"""Decides whether only this machine can reach an address."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Whether an address to listen on, host and port or a Unix socket, cannot be reached from other machines.

    Of host names, only localhost counts: what another one resolves to may change.
    """
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].lower()
    if host == "localhost":
        return True
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:].removesuffix("]")).is_loopback
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False
