"""Sets what a signal does to a process that cannot yet, or need not, stop in order.

Python's own handler of Ctrl-C raises KeyboardInterrupt in the midst of whatever runs. While modules are being
loaded, that is sometimes lost: raised in a callback of a weak reference, such as those of the import
locks, or in a `__del__`, it is printed, and Python continues. The system's default action ends the process
whatever it does, and cannot be lost.
"""

# The module on which `signal` is built: loading `signal` takes longer than everything else before this.
import _signal  # type: ignore[import-not-found]
import os

_INIT = 1
"""The id of a container's first process, for which the system has no default action."""


def end_at(number: int) -> None:
    """Let a signal end the process at once, unless it is ignored, as under `nohup`.

    The parent sees that the signal ended it; for the first process of a container, the exit code is 128 + its
    number.
    """
    if _signal.getsignal(number) != _signal.SIG_IGN:
        _signal.signal(number, _SIGNAL_ENDS if os.getpid() != _INIT else _exit)


def end_at_ctrl_c() -> None:
    """As `end_at`, for SIGINT and SIGTERM."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        end_at(number)


def interrupt_at_ctrl_c() -> None:
    """Restore Python's own handler, for commands that clean up after an interrupt."""
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def interrupt_at_sigterm() -> None:
    """Let SIGTERM do what Ctrl-C does, for commands that clean up after it; unless it is ignored."""
    if _signal.getsignal(_signal.SIGTERM) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    at_ctrl_c = _signal.getsignal(_signal.SIGINT)
    if not callable(at_ctrl_c):  # a shell starts background commands with Ctrl-C ignored
        raise KeyboardInterrupt
    at_ctrl_c(number, frame)


_SIGNAL_ENDS = _signal.SIG_DFL


def _exit(number: int, _: object) -> None:
    os._exit(128 + number)
