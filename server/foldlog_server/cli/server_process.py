"""Runs a server process, from its settings to the signal that stops it."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence

from foldlog_server import __version__, ending
from foldlog_server.app.app import App, run
from foldlog_server.cli import welcome
from foldlog_server.domains import shop
from foldlog_server.domains.loading import DomainsUnfit
from foldlog_server.process import collect_garbage_rarely
from foldlog_server.settings import Settings
from foldlog_server.stores.files.data_directory import CannotOpen
from foldlog_server.transport.loopback import is_loopback
from foldlog_server.transport.server import AddressInUse

logger = logging.getLogger("foldlog")


class CannotStart(Exception):
    """The server cannot start; lines for the operator say why, and what to do."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


async def serve_until_stopped(
    settings: Settings, print_line: Callable[[str], None], *, examples: bool
) -> BaseException | None:
    """Serve until a signal of `_stop_signals`; returns the store's failure, if that ended it.

    A signal that comes before the first call can be served ends the process at once, whatever it does: the
    disk is as after any other crash, and there is nothing to wait for. Raises `CannotStart`.
    """
    collect_garbage_rarely()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = _stop_signals()

    def stop_in_order() -> None:
        for number in numbers:
            loop.add_signal_handler(number, _stop_once, loop, stop, numbers)

    def ready(app: App) -> None:
        _warn_if_open(app.address)
        print_line(f"Foldlog {__version__} serves {settings.data} at {app.address}. Stop it with Ctrl-C.")
        if line := _domains_line(app):
            print_line(line)
        if examples and settings.shop:  # they are of the shop
            print_line(welcome.text(app.address))

    try:
        return await run(settings, stop_in_order, ready, stop)
    except DomainsUnfit as error:
        raise CannotStart(*error.reasons) from None
    except (CannotOpen, AddressInUse) as reason:
        raise CannotStart(str(reason)) from None
    except Exception as error:
        logger.debug("The server does not start.", exc_info=True)
        raise CannotStart(_unforeseen(settings, error)) from None


def _domains_line(app: App) -> str:
    """Which domains are served; empty if it is the shop alone."""
    domains = app.parts.domains
    if tuple(domains.names) == shop.NAMES:
        return ""
    served = [f"{one.name} ({name})" for one, name in zip(domains, domains.names, strict=True)]
    return f"Domains: {', '.join(served)}."


def _unforeseen(settings: Settings, error: Exception) -> str:
    said = " ".join(f"{error} {error.__cause__ or ''}".split())  # one line, whatever it says
    return (
        f"{settings.data} cannot be served, for a reason not foreseen ({type(error).__name__}: {said}). "
        f"Nothing was removed. Run foldlog verify --data {settings.data}; foldlog serve --log-level debug "
        "says more."
    )


def _warn_if_open(address: str) -> None:
    if not is_loopback(address):
        logger.warning(
            "%s is open to other machines, and there is no TLS and no authentication: "
            "everybody who reaches the port may do everything. "
            "Listen on a loopback address such as 127.0.0.1, or guard the port.",
            address,
        )


def _stop_signals() -> Sequence[signal.Signals]:
    """The signals of Ctrl-C, of SIGTERM, and of a terminal that closes, unless `nohup` ignores that one."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers


def _stop_once(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Event, numbers: Sequence[signal.Signals]
) -> None:
    """Stop in order; a second signal is handled by the system, which ends the process at once."""
    stop.set()
    for number in numbers:
        loop.remove_signal_handler(number)
        # Python's own handler raises KeyboardInterrupt in the midst of the loop, and leaves a hanging
        # process.
        ending.end_at(number)
