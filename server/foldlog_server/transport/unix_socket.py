"""Makes the file of a Unix socket: only its owner may use it, and it never replaces a listening server's.

gRPC removes any socket at a path when it binds there, and again, by its name, when it stops. So it gets an
unused name, and the file is moved to its place once no server is found there.
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
"""Servers hold a directory's lock for some milliseconds only."""

MAX_PATH_BYTES = 103 if sys.platform == "darwin" else 107
"""The longest path that fits into a socket address (unix(7), unix(4))."""


class SocketUnusable(Exception):
    """Why a server cannot listen on a path, and what to do; the text follows a colon."""


def path_of(address: str) -> Path | None:
    """Return the path in `unix:path` or `unix:///path`, as gRPC reads them; None for any other address."""
    if not address.startswith(_SCHEME):
        return None
    return Path(unquote(address.removeprefix(_SCHEME).removeprefix("//")))


def is_unix(address: str) -> bool:
    """Whether an address is a Unix socket's, with a file or in Linux's abstract namespace."""
    return address.startswith((_SCHEME, "unix-abstract:"))


def grpc_address(address: str) -> str:
    """Return the address as gRPC needs it: blanks and non-ASCII letters of a Unix socket's name are
    encoded."""
    scheme, colon, name = address.partition(":")
    return scheme + colon + quote(name, safe="/%") if is_unix(address) else address


class SocketFile:
    """A socket that a server listens on at a path, until it is removed."""

    def __init__(self, path: Path, listen: Callable[[str], object]) -> None:
        """`listen` receives the address to listen on. Raises `SocketUnusable`, and what `listen` raises."""
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
        """Remove the file, if it is still this socket's; to be called when the server no longer listens."""
        with suppress(SocketUnusable, FileNotFoundError), _alone_in(self._path.parent):
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._identity:
                os.unlink(self._path)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, so that no other server takes a path between the check and the move."""
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
    """Raise `SocketUnusable` unless there is nothing at the path, or a socket that no server listens on."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable("there is a file that is no socket. Move it away, or choose another path.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # a server that listens but does not accept counts too
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
