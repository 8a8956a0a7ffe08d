"""What a signal does to a process while nobody is there who could stop it in order.

Python's own answer to Ctrl-C is a KeyboardInterrupt in the midst of whatever runs. While modules are
loaded, it is lost now and then: raised in a callback of a weak reference, such as those of the locks of
imports, or in a `__del__`, it is printed, and Python goes on. The system's answer ends the process
whatever it does, and cannot get lost.
"""

# What `signal` is made of: to load that one takes longer than all else that comes before this.
import _signal  # type: ignore[import-not-found]
import os

_INIT = 1
"""The system does nothing of its own to the first process of a container."""


def end_at(number: int) -> None:
    """Let a signal end the process at once, unless it is ignored, as for what `nohup` runs.

    Its parent sees that the signal ended it; a shell, and who started a container, see 128 + its number.
    """
    if _signal.getsignal(number) != _signal.SIG_IGN:
        _signal.signal(number, _SIGNAL_ENDS if os.getpid() != _INIT else _exit)


def end_at_ctrl_c() -> None:
    """As `end_at`, for SIGINT and SIGTERM."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        end_at(number)


def interrupt_at_ctrl_c() -> None:
    """Python's own answer again, for what cleans up behind itself when it is interrupted."""
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def interrupt_at_sigterm() -> None:
    """Let SIGTERM do what Ctrl-C does, for what cleans up behind itself; unless it is ignored."""
    if _signal.getsignal(_signal.SIGTERM) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    at_ctrl_c = _signal.getsignal(_signal.SIGINT)
    if not callable(at_ctrl_c):  # a shell lets what runs in its background ignore Ctrl-C
        raise KeyboardInterrupt
    at_ctrl_c(number, frame)


_SIGNAL_ENDS = _signal.SIG_DFL


def _exit(number: int, _: object) -> None:
    os._exit(128 + number)
