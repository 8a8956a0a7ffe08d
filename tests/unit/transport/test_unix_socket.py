"""A Unix socket is had by one server; what is left behind is replaced, and what is no socket stays."""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foldlog_server.cli.options import check_address
from foldlog_server.transport.unix_socket import MAX_PATH_BYTES, SocketFile, SocketUnusable, path_of

Listen = Callable[[str], object]


@pytest.fixture
def directory() -> Iterator[Path]:
    """With a short name: a socket's path is at most 107 bytes long."""
    directory = Path(tempfile.mkdtemp(prefix="foldlog-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listens until the test is over."""
    listening: list[socket.socket] = []

    def listen(address: str) -> None:
        one = socket.socket(socket.AF_UNIX)
        listening.append(one)
        one.bind(os.fspath(path_of(address) or ""))
        one.listen()

    yield listen
    for one in listening:
        one.close()


def abandoned(path: Path) -> None:
    """A socket as a killed process leaves it."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.fspath(path))


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(os.fspath(path))
        except OSError:
            return False
        return True


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("unix:/run/a", "/run/a"),
        ("unix:///run/a", "/run/a"),
        ("unix:a", "a"),
        ("unix:/a%20b/ż", "/a b/ż"),
    ],
)
def test_the_path_is_what_grpc_takes_it_for(address: str, path: str) -> None:
    assert path_of(address) == Path(path)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "unix-abstract:a", "unixes:1"])
def test_another_address_has_no_path(address: str) -> None:
    assert path_of(address) is None


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_socket_is_its_owners_alone(directory: Path, listen: Listen, umask: int) -> None:
    former = os.umask(umask)
    try:
        SocketFile(directory / "s", listen)
        assert os.umask(umask) == umask
    finally:
        os.umask(former)
    found = (directory / "s").stat().st_mode
    assert (stat.S_ISSOCK(found), stat.S_IMODE(found)) == (True, 0o600)
    assert answers(directory / "s")
    assert os.listdir(directory) == ["s"]


def test_a_socket_that_is_listened_on_is_not_taken(directory: Path, listen: Listen) -> None:
    SocketFile(directory / "s", listen)
    with pytest.raises(SocketUnusable, match="another server listens there"):
        SocketFile(directory / "s", listen)
    assert answers(directory / "s")
    assert os.listdir(directory) == ["s"]


def test_a_server_that_is_too_busy_to_answer_is_there(directory: Path, listen: Listen) -> None:
    busy, waiting = socket.socket(socket.AF_UNIX), []
    busy.bind(os.fspath(directory / "s"))
    busy.listen(0)
    try:
        while True:
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            waiting.append(one)
            one.connect(os.fspath(directory / "s"))
    except BlockingIOError:
        pass
    with pytest.raises(SocketUnusable, match="cannot be seen whether somebody listens"):
        SocketFile(directory / "s", listen)
    for one in (busy, *waiting):
        one.close()


def test_a_socket_that_was_left_behind_is_replaced(directory: Path, listen: Listen) -> None:
    abandoned(directory / "s")
    SocketFile(directory / "s", listen)
    assert answers(directory / "s")


def file(path: Path) -> None:
    path.write_text("mine")


def link_to_a_socket(path: Path) -> None:
    abandoned(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


@pytest.mark.parametrize("made", [file, Path.mkdir, os.mkfifo, link_to_a_socket])
def test_what_is_no_socket_is_left_alone(
    directory: Path, listen: Listen, made: Callable[[Path], object]
) -> None:
    made(directory / "s")
    before = (directory / "s").lstat()
    with pytest.raises(SocketUnusable, match="no socket"):
        SocketFile(directory / "s", listen)
    assert (directory / "s").lstat() == before


def test_it_is_removed_by_whom_it_belongs_to_alone(directory: Path, listen: Listen) -> None:
    first = SocketFile(directory / "s", listen)
    (directory / "s").unlink()
    second = SocketFile(directory / "s", listen)
    first.remove()
    assert answers(directory / "s")
    second.remove()
    second.remove()
    assert os.listdir(directory) == []


def test_where_nothing_can_be_made_is_told(directory: Path, listen: Listen) -> None:
    with pytest.raises(SocketUnusable, match=r"No such file or directory\. Make it"):
        SocketFile(directory / "none" / "s", listen)
    with pytest.raises(SocketUnusable, match=f"at most {MAX_PATH_BYTES} bytes"):
        SocketFile(directory / ("s" * MAX_PATH_BYTES), listen)


def test_of_many_that_begin_at_once_one_listens(directory: Path, listen: Listen) -> None:
    """The second looks while the first has looked and does not listen yet."""
    abandoned(directory / "s")

    def listen_late(address: str) -> None:
        with pytest.raises(SocketUnusable, match=r"keeps .* locked"):
            SocketFile(directory / "s", listen)
        listen(address)

    with pytest.MonkeyPatch.context() as impatient:
        impatient.setattr("foldlog_server.transport.unix_socket._ATTEMPTS", 1)
        SocketFile(directory / "s", listen_late)
    assert answers(directory / "s")


@pytest.mark.parametrize(
    "address",
    ["unix:/run/a", "unix:///run/a", "unix:a", "unix:a/b", "unix-abstract:a", "unix:/a b/ż", "[::1]:0"],
)
def test_there_are_such_addresses(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["unix:", "unix:/", "unix://", "unix:///", "unix:a/", "unix://host/a", "unix-abstract:", "unix"],
)
def test_there_are_no_such_addresses(address: str) -> None:
    with pytest.raises(Exception, match="nor a Unix socket, such as unix:/"):
        check_address(address)
