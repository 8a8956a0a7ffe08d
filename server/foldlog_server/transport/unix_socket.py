"""The file of a Unix socket: its owner's alone, and never taken from a server that listens on it.

gRPC removes whatever socket is at a path when it binds there, and again, by its name, when it stops. So it is
given a name that nobody has, and the file is moved to its place once nobody is found there.
"""

import os
import secrets
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

if sys.platform != "win32":
    import fcntl

_SCHEME = "unix:"
_MODE_MASK = 0o177
_PAUSE_SECONDS = 0.01
_ATTEMPTS = 500
"""Those who hold a directory's lock do so for some milliseconds."""

MAX_PATH_BYTES = 103 if sys.platform == "darwin" else 107
"""What an address of the system has room for (unix(7), unix(4))."""


class SocketUnusable(Exception):
    """Why a path cannot be listened on, to follow on a colon; and what to do."""


def path_of(address: str) -> Path | None:
    """The path in `unix:path` or `unix:///path`, as gRPC reads them; None for any other address."""
    if not address.startswith(_SCHEME):
        return None
    return Path(unquote(address.removeprefix(_SCHEME).removeprefix("//")))


def is_unix(address: str) -> bool:
    """Whether an address is a Unix socket's, with a file or in Linux's abstract namespace."""
    return address.startswith((_SCHEME, "unix-abstract:"))


def grpc_address(address: str) -> str:
    """The address as gRPC takes it: a Unix socket's name with blanks and letters beyond ASCII encoded."""
    scheme, colon, name = address.partition(":")
    return scheme + colon + quote(name, safe="/%") if is_unix(address) else address


class SocketFile:
    """A socket that is listened on at a path, until it is removed."""

    def __init__(self, path: Path, listen: Callable[[str], object]) -> None:
        """`listen` is given the address to listen on. Raises `SocketUnusable`, and what `listen` raises."""
        if sys.platform == "win32":
            raise SocketUnusable("Unix sockets are not served on Windows. Choose a host and a port.")
        self._path = path.absolute()
        unplaced = self._path.with_name(f".{secrets.token_hex(4)}")
        if max(len(os.fsencode(each)) for each in (self._path, unplaced)) > MAX_PATH_BYTES:
            raise SocketUnusable(f"a path has at most {MAX_PATH_BYTES} bytes. Choose a shorter one.")
        with _alone_in(self._path.parent):
            _check_free(self._path)
            _listen_at(unplaced, listen)
            found = os.lstat(unplaced)
            self._identity = found.st_dev, found.st_ino
            os.replace(unplaced, self._path)

    def remove(self) -> None:
        """Take the file away, if it is still this one's; to be called when nobody listens on it any more."""
        with suppress(SocketUnusable, FileNotFoundError), _alone_in(self._path.parent):
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._identity:
                os.unlink(self._path)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Nobody else who listens by these rules is between looking at a path and having it."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise SocketUnusable(f"{directory}: {error.strerror}. Make it, or choose another path.") from None
    try:
        for _ in range(_ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            raise SocketUnusable(f"another program keeps {directory} locked. Choose another path.")
        try:
            yield
        except OSError as error:
            raise SocketUnusable(f"{error.strerror}. Choose another path.") from error
    finally:
        os.close(descriptor)


def _check_free(path: Path) -> None:
    """Whether there is nothing, or a socket that was left behind; raises `SocketUnusable`."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable("there is a file that is no socket. Move it away, or choose another path.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # who listens and does not answer is there all the same
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError as error:
            raise SocketUnusable(
                f"it cannot be seen whether somebody listens there ({error.strerror}). Choose another path."
            ) from None
    raise SocketUnusable("another server listens there. Stop it, or choose another path.")


def _listen_at(path: Path, listen: Callable[[str], object]) -> None:
    former = os.umask(_MODE_MASK)
    try:
        listen(_SCHEME + quote(os.fsencode(path)))
    finally:
        os.umask(former)
