"""Whether only this machine reaches an address."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Whether an address to listen on, host and port or a Unix socket, is closed to other machines.

    A host name is one when it is localhost: whatever another one stands for today may change.
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
