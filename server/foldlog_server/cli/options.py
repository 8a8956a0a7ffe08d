"""The options that commands share, and the checks of their values."""

import re
from pathlib import Path
from typing import Annotated

import typer

Listen = Annotated[
    str,
    typer.Option(
        envvar="FOLDLOG_LISTEN",
        metavar="HOST:PORT",
        help="Where to listen; port 0 = any free. Or unix:PATH, for this user alone.",
    ),
]
Data = Annotated[
    Path,
    typer.Option(envvar="FOLDLOG_DATA", readable=False, help="The data directory, made if absent."),
]
StoredData = Annotated[
    Path,
    typer.Option(envvar="FOLDLOG_DATA", exists=True, file_okay=False, help="The data directory."),
]
BackedUpData = Annotated[
    Path,
    typer.Option(envvar="FOLDLOG_DATA", file_okay=False, help="The data directory."),
]
Through = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Through the server that listens there, instead of from a data directory; also unix:PATH.",
    ),
]
RequestWindow = Annotated[
    float,
    typer.Option(
        envvar="FOLDLOG_REQUEST_WINDOW_HOURS",
        min=0.01,
        max=87_600,
        metavar="HOURS",
        help="How long request ids are remembered, at most ten years.",
    ),
]
Grace = Annotated[
    float,
    typer.Option(
        envvar="FOLDLOG_GRACE_SECONDS",
        min=0,
        max=86_400,
        metavar="SECONDS",
        help="How long running calls may take to finish when the server stops, at most a day.",
    ),
]
Reflection = Annotated[
    bool, typer.Option(envvar="FOLDLOG_REFLECTION", help="Let tools ask which services there are.")
]
CachedAggregates = Annotated[
    int,
    typer.Option(
        envvar="FOLDLOG_CACHED_AGGREGATES", min=1, help="How many aggregates' states are kept in memory."
    ),
]
DomainNames = Annotated[
    list[str] | None,
    typer.Option(
        "--domain",
        envvar="FOLDLOG_DOMAINS",
        metavar="MODULE:NAME",
        help="A domain of your own, such as bank.domain:BANK; may be given more than once, and in the "
        "environment separated by blanks. Those of installed packages (foldlog.domains) need no option.",
    ),
]
Shop = Annotated[bool, typer.Option(envvar="FOLDLOG_SHOP", help="With the shop: orders and inventory.")]
LogLevel = Annotated[
    str,
    typer.Option(
        envvar="FOLDLOG_LOG_LEVEL",
        metavar="debug|info|warning|error",
        help="How much is logged; debug logs every call but those of health and reflection.",
    ),
]
Address = Annotated[
    str,
    typer.Option(
        envvar="FOLDLOG_ADDRESS", metavar="HOST:PORT", help="Where the server listens, also unix:PATH."
    ),
]
ToPosition = Annotated[
    int | None,
    typer.Option(
        min=0, max=2**63 - 1, metavar="POSITION", help="Take the history up to here; all of it if not given."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


# With two slashes, an absolute path follows; what stands between them would be a host.
_UNIX_SOCKET = re.compile(
    r"unix:(//)?/(?!/)[^\0]*[^/\0]|unix:[^/\0]([^\0]*[^/\0])?|unix-abstract:[^\0]+", re.DOTALL
)


def check_directory(data: Path) -> None:
    """Refuse a data directory that does not exist, as `StoredData` does."""
    if not data.exists():
        raise typer.BadParameter(f"Directory '{data}' does not exist.", param_hint="'--data'")


def check_address(address: str, option: str = "--listen") -> None:
    """Raises `typer.BadParameter` unless the address is a host and a port, or a Unix socket."""
    if _UNIX_SOCKET.fullmatch(address):
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535 or host.lower() in ("unix", "unix-abstract"):
        raise typer.BadParameter(
            f"{address!r} is not a host and a port, such as 127.0.0.1:50051, "
            "nor a Unix socket, such as unix:/run/foldlog/socket",
            param_hint=option,
        )


def check_event_type(name: str) -> None:
    """Raises `typer.BadParameter` unless the name has a package."""
    if "." not in name:
        raise typer.BadParameter(
            f"{name!r} is not a full name, such as foldlog.orders.v1.OrderCreated", param_hint="--event-type"
        )


def check_level(level: str) -> None:
    """Raises `typer.BadParameter` unless the level exists."""
    if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise typer.BadParameter(
            f"{level!r} is none of debug, info, warning, error", param_hint="--log-level"
        )
