"""What can be wrong when a server starts, each made on purpose: the rows of docs/starts.md."""

# mypy: disable-error-code="func-returns-value"

import os
import resource
import shutil
import socket
import sqlite3
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096


class CannotOccur(Exception):
    """What is to be wrong cannot be made on this machine; the message says why."""


@dataclass
class Start:
    """A start that is to go wrong."""

    data: Path
    """A data directory; of a server that was stopped, but where `kill` is called."""
    place: Path
    """The same, or the directory in which it is to be."""
    killed: Path
    """What the same server would have left if it had been killed."""
    other: Path
    """A data directory of another log."""
    other_killed: Path
    """What the server of the other log would have left."""
    open: ExitStack
    """Ends what was set up for the start."""
    listen: str = "127.0.0.1:0"
    before: list[str] = field(default_factory=list)
    """A command that runs the server."""
    limit: Callable[[], object] | None = None
    """Called in the server's process before it is the server."""

    @property
    def log(self) -> Path:
        return self.data / "log.db"

    @property
    def wal(self) -> Path:
        return self.data / "log.db-wal"

    @property
    def view(self) -> Path:
        return next(self.data.glob("views/inventory-*.db"))

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots.db"

    def kill(self) -> None:
        """Take what a killed server left instead."""
        shutil.rmtree(self.data)
        shutil.copytree(self.killed, self.data)

    def begin_anew(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self.data)
        self.data.mkdir()


Fault = Callable[[Start], object]

# What is done to a file


def remove(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def truncate(file: Path, size: int) -> None:
    """To a size; if that is negative, by so many bytes."""
    os.truncate(file, size if size > 0 else file.stat().st_size + size)


def halve(file: Path) -> None:
    truncate(file, file.stat().st_size // 2)


def overwrite(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)


def make_directory(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


def make_pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def make_text(file: Path) -> None:
    file.write_text("This is a letter.\n" * 1000)


def link_to_nowhere(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to(file.parent / "nowhere")


def forbid(start: Start, file: Path, mode: int) -> None:
    """What mode bits say, which root does not heed by itself."""
    if os.geteuid() == 0:
        without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if not shutil.which("setpriv") or subprocess.run([*without, "true"], capture_output=True).returncode:
            raise CannotOccur("root may read and write everything, and setpriv cannot take that away")
        start.before = without
    former = file.stat().st_mode
    file.chmod(mode)
    start.open.callback(_allow, file, former)


def _allow(file: Path, mode: int) -> None:
    if file.exists():
        file.chmod(mode)


def database(file: Path) -> None:
    """Of another program."""
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE letters (text TEXT)")


def sql(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for one in statements:
            connection.execute(one)


def root_page(file: Path, name: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return int(page)


def zero_page(file: Path, page: int) -> None:
    overwrite(file, (page - 1) * PAGE, bytes(PAGE))


def garble_schema(file: Path) -> None:
    """The text of a table in it."""
    data = file.read_bytes()[:PAGE]
    at = data.index(b"CREATE TABLE events")
    overwrite(file, at, b"CRE\x00TE \xff\xfe")


def fill_cells(file: Path, page: int) -> None:
    """Count more cells on a page than fit."""
    overwrite(file, (page - 1) * PAGE + (100 if page == 1 else 0) + 3, struct.pack(">H", 65535))


def newest_event(file: Path) -> bytes:
    with closing(sqlite3.connect(file)) as connection:
        [record] = connection.execute("SELECT record FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return bytes(record)


def flip_in(file: Path, needle: bytes) -> None:
    """A bit in the last place where some bytes are."""
    data = file.read_bytes()
    at = data.rindex(needle) + len(needle) - 1
    overwrite(file, at, bytes([data[at] ^ 1]))


# What is done around it


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Another program writes it, and does not end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def lock(start: Start, file: Path) -> None:
    start.open.enter_context(_locked(file))


def serve_beside(start: Start) -> None:
    """Hold what a server holds."""
    import fcntl

    descriptor = os.open(start.data / "lock", os.O_RDWR | os.O_CREAT)
    start.open.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def serve_elsewhere(start: Start) -> None:
    """Hold log.db itself, as a server does that has come by another path."""
    import fcntl

    descriptor = os.open(start.log, os.O_RDWR)
    start.open.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def limit(start: Start, what: int, most: int) -> None:
    start.limit = lambda: resource.setrlimit(what, (most, most))


_IN_A_MOUNT = 'mount {options} "$0" && shift 0 && exec "$@"'


def mounted(start: Start, script: str) -> None:
    """Run the server where a mount is its own; `$0` is the data directory."""
    tried = (
        subprocess.run(["unshare", "-rm", "true"], capture_output=True) if shutil.which("unshare") else None
    )
    if tried is None or tried.returncode:
        raise CannotOccur("this user may not mount anything (unshare -rm)")
    start.before = ["unshare", "-rm", "sh", "-ec", f'{script}; exec "$@"', str(start.data)]


def mount_read_only(start: Start) -> None:
    mounted(start, 'mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"')


def mount_full(start: Start) -> None:
    """A file system without room, with what there is."""
    mounted(
        start,
        'cp -a "$0" "$0.kept"; mount -t tmpfs -o size=4m none "$0"; cp -a "$0.kept/." "$0"; '
        'dd if=/dev/zero of="$0/ballast" bs=4k 2>"$0.said" || true',
    )


def listen_there(start: Start) -> None:
    listening = start.open.enter_context(socket.socket())
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    start.listen = f"127.0.0.1:{listening.getsockname()[1]}"


def listen_at(start: Start, address: str) -> None:
    start.listen = address


def put_another_there(start: Start) -> None:
    shutil.copy(start.other / "log.db", start.log)


def turn_back(start: Start) -> None:
    """An older copy of the log, beside what has seen more."""
    with closing(sqlite3.connect(start.log, isolation_level=None)) as connection:
        for table in ("events", "streams"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        connection.execute("DELETE FROM events WHERE position > (SELECT max(position) - 3 FROM events)")


def name_twice(start: Start) -> None:
    os.link(start.log, start.data / "copy.db")


def behind_damage(start: Start) -> None:
    """A flipped bit in the middle of what a killed server left."""
    start.kill()
    at = start.wal.stat().st_size // 2
    overwrite(start.wal, at, bytes([start.wal.read_bytes()[at] ^ 1]))


def with_wal(change: Callable[[Path], object]) -> Fault:
    def fault(start: Start) -> None:
        start.kill()
        change(start.wal)

    return fault


def with_shm(change: Callable[[Path], object]) -> Fault:
    def fault(start: Start) -> None:
        start.kill()
        shm = start.data / "log.db-shm"
        shm.touch()
        change(shm)

    return fault


def begin(start: Start) -> None:
    """What a start leaves that was killed when SQLite had made the file, and it held nothing yet."""
    start.begin_anew()
    with closing(sqlite3.connect(start.log)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


FAULTS: dict[tuple[str, str], Fault] = {
    ("data directory", "is a file"): lambda s: (shutil.rmtree(s.data), s.data.touch()),
    ("data directory", "lies in a file"): lambda s: (
        shutil.rmtree(s.data),
        s.data.touch(),
        setattr(s, "data", s.data / "in"),
    ),
    ("data directory", "a link to nowhere"): lambda s: (shutil.rmtree(s.data), link_to_nowhere(s.data)),
    ("data directory", "may not be read"): lambda s: forbid(s, s.data, 0o000),
    ("data directory", "may not be written"): lambda s: forbid(s, s.data, 0o500),
    ("data directory", "may not be made"): lambda s: (
        shutil.rmtree(s.data),
        s.data.mkdir(),
        forbid(s, s.data, 0o500),
        setattr(s, "data", s.data / "in"),
    ),
    ("data directory", "on a read-only file system"): mount_read_only,
    ("data directory", "on a full disk"): mount_full,
    ("data directory", "no file may grow (`ulimit -f`)"): lambda s: limit(s, resource.RLIMIT_FSIZE, 0),
    ("data directory", "a server has it"): serve_beside,
    ("lock", "is a directory"): lambda s: make_directory(s.data / "lock"),
    ("lock", "is missing"): lambda s: remove(s.data / "lock"),
    ("lock", "a link to nowhere"): lambda s: link_to_nowhere(s.data / "lock"),
    ("lock", "may not be written"): lambda s: forbid(s, s.data / "lock", 0o400),
    ("log.db", "is missing beside views"): lambda s: remove(s.log),
    ("log.db", "is missing beside its own log.db-wal"): lambda s: (
        s.kill(),
        remove(s.log),
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
    ),
    ("log.db", "is missing beside log.db.part"): lambda s: (
        s.begin_anew(),
        (s.data / "log.db.part").write_bytes(b"begun"),
    ),
    ("log.db", "0 bytes beside views"): lambda s: empty(s.log),
    ("log.db", "0 bytes beside its own log.db-wal"): lambda s: (
        s.kill(),
        empty(s.log),
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
    ),
    ("log.db", "is a pipe"): lambda s: (remove(s.log), os.mkfifo(s.log)),
    ("log.db", "a first page without tables, and nothing else"): begin,
    ("log.db", "is a text, and nothing else"): lambda s: (s.begin_anew(), make_text(s.log)),
    ("log.db", "0 bytes and nothing else"): lambda s: (
        empty(s.log),
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
    ),
    ("log.db", "cut by one byte"): lambda s: truncate(s.log, -1),
    ("log.db", "cut by 4,096 bytes"): lambda s: truncate(s.log, -PAGE),
    ("log.db", "cut to half"): lambda s: halve(s.log),
    ("log.db", "cut to 100 bytes"): lambda s: truncate(s.log, 100),
    ("log.db", "cut to one byte"): lambda s: truncate(s.log, 1),
    ("log.db", "is a directory"): lambda s: make_directory(s.log),
    ("log.db", "is a text"): lambda s: make_text(s.log),
    ("log.db", "another program's database"): lambda s: database(s.log),
    ("log.db", "another application id"): lambda s: sql(s.log, "PRAGMA application_id = 7"),
    ("log.db", "a newer format"): lambda s: sql(s.log, "PRAGMA user_version = 99"),
    ("log.db", "another log's"): put_another_there,
    ("log.db", "an older copy"): turn_back,
    ("log.db", "its first 16 bytes damaged"): lambda s: overwrite(s.log, 0, b"x" * 16),
    ("log.db", "its header damaged"): lambda s: overwrite(s.log, 16, b"\xff" * 52),
    ("log.db", "its page size damaged"): lambda s: overwrite(s.log, 16, b"\x00\x03"),
    ("log.db", "its first page zeros"): lambda s: zero_page(s.log, 1),
    ("log.db", "its first page cut short"): lambda s: fill_cells(s.log, 1),
    ("log.db", "its schema damaged"): lambda s: garble_schema(s.log),
    ("log.db", "its table of events zeros"): lambda s: zero_page(s.log, root_page(s.log, "events")),
    ("log.db", "its table of events damaged"): lambda s: fill_cells(s.log, root_page(s.log, "events")),
    ("log.db", "its table of streams zeros"): lambda s: zero_page(s.log, root_page(s.log, "streams")),
    ("log.db", "its table of types zeros"): lambda s: zero_page(s.log, root_page(s.log, "types")),
    ("log.db", "its table log zeros"): lambda s: zero_page(s.log, root_page(s.log, "log")),
    ("log.db", "its table of openings zeros"): lambda s: zero_page(s.log, root_page(s.log, "openings")),
    ("log.db", "its table of time served zeros"): lambda s: zero_page(s.log, root_page(s.log, "served")),
    ("log.db", "its newest event damaged"): lambda s: flip_in(s.log, newest_event(s.log)),
    ("log.db", "may not be read"): lambda s: forbid(s, s.log, 0o000),
    ("log.db", "may not be written"): lambda s: forbid(s, s.log, 0o400),
    ("log.db", "has a second name"): name_twice,
    ("log.db", "a link to nowhere"): lambda s: link_to_nowhere(s.log),
    ("log.db", "another program writes it and does not end"): lambda s: lock(s, s.log),
    ("log.db", "a server has it by another path"): serve_elsewhere,
    ("log.db-wal", "removed"): with_wal(remove),
    ("log.db-wal", "0 bytes"): with_wal(empty),
    ("log.db-wal", "cut to half"): with_wal(halve),
    ("log.db-wal", "cut by one byte"): with_wal(lambda wal: truncate(wal, -1)),
    ("log.db-wal", "cut to 20 bytes"): with_wal(lambda wal: truncate(wal, 20)),
    ("log.db-wal", "a bit flipped in its middle"): behind_damage,
    ("log.db-wal", "its header damaged"): with_wal(lambda wal: overwrite(wal, 0, b"\xff" * 32)),
    ("log.db-wal", "is a directory"): with_wal(make_directory),
    ("log.db-wal", "is a text"): with_wal(make_text),
    ("log.db-wal", "another log's, after a stop in order"): lambda s: shutil.copy(
        s.other_killed / "log.db-wal", s.wal
    ),
    ("log.db-wal", "another log's, after a kill"): lambda s: (
        s.kill(),
        shutil.copy(s.other_killed / "log.db-wal", s.wal),
    ),
    ("log.db-wal", "another log's, after a stop in order, without views"): lambda s: (
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
        shutil.copy(s.other_killed / "log.db-wal", s.wal),
    ),
    ("log.db-wal", "header damaged, without views"): lambda s: (
        s.kill(),
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
        overwrite(s.wal, 0, b"\xff" * 32),
    ),
    ("log.db-wal", "is a text, without views"): lambda s: (
        s.kill(),
        shutil.rmtree(s.data / "views"),
        remove(s.snapshots),
        make_text(s.wal),
    ),
    ("log.db-wal", "left by a former run after a stop in order"): lambda s: shutil.copy(
        s.killed / "log.db-wal", s.wal
    ),
    ("log.db-wal", "may not be read"): lambda s: (s.kill(), forbid(s, s.wal, 0o000)),
    ("log.db-wal", "a link to nowhere"): with_wal(link_to_nowhere),
    ("log.db-shm", "damaged"): with_shm(lambda shm: shm.write_bytes(b"\xff" * 32768)),
    ("log.db-shm", "0 bytes"): with_shm(empty),
    ("log.db-shm", "is a directory"): with_shm(make_directory),
    ("log.db-shm", "may not be written"): lambda s: (
        s.kill(),
        (s.data / "log.db-shm").touch(),
        forbid(s, s.data / "log.db-shm", 0o000),
    ),
    ("log.db-journal", "is a text"): lambda s: make_text(s.data / "log.db-journal"),
    ("log.db-journal", "is a directory"): lambda s: make_directory(s.data / "log.db-journal"),
    ("views", "missing"): lambda s: shutil.rmtree(s.data / "views"),
    ("views", "is a file"): lambda s: (shutil.rmtree(s.data / "views"), (s.data / "views").touch()),
    ("views", "a link to nowhere"): lambda s: (
        shutil.rmtree(s.data / "views"),
        link_to_nowhere(s.data / "views"),
    ),
    ("views", "may not be read"): lambda s: forbid(s, s.data / "views", 0o000),
    ("views", "may not be written"): lambda s: forbid(s, s.data / "views", 0o500),
    ("a view's file", "0 bytes"): lambda s: empty(s.view),
    ("a view's file", "cut to half"): lambda s: halve(s.view),
    ("a view's file", "is a text"): lambda s: make_text(s.view),
    ("a view's file", "is a directory"): lambda s: make_directory(s.view),
    ("a view's file", "is a pipe"): lambda s: make_pipe(s.view),
    ("a view's file", "its seal is a pipe"): lambda s: make_pipe(beside(s.view, ".seal")),
    ("a view's file", "its seal is a directory"): lambda s: make_directory(beside(s.view, ".seal")),
    ("a view's file", "a directory where its seal is written"): lambda s: make_directory(
        beside(s.view, ".seal.new")
    ),
    ("a view's file", "its lock is a pipe"): lambda s: make_pipe(beside(s.view, ".lock")),
    ("a view's file", "its -wal is a pipe"): lambda s: make_pipe(beside(s.view, "-wal")),
    ("a view's file", "its -wal is a directory"): lambda s: make_directory(beside(s.view, "-wal")),
    ("a view's file", "its -wal a link to nowhere"): lambda s: link_to_nowhere(beside(s.view, "-wal")),
    ("a view's file", "its -shm is a directory"): lambda s: make_directory(beside(s.view, "-shm")),
    ("a view's file", "its -journal is a pipe"): lambda s: make_pipe(beside(s.view, "-journal")),
    ("a view's file", "its -journal is a directory"): lambda s: make_directory(beside(s.view, "-journal")),
    ("a view's file", "of a former definition, its -wal a pipe"): lambda s: make_pipe(
        s.data / "views" / f"inventory-{'0' * 16}-1.db-wal"
    ),
    ("a view's file", "a link to nowhere"): lambda s: link_to_nowhere(s.view),
    ("a view's file", "another log's"): lambda s: shutil.copy(s.other / "views" / s.view.name, s.view),
    ("a view's file", "may not be read"): lambda s: forbid(s, s.view, 0o000),
    ("a view's file", "may not be written"): lambda s: forbid(s, s.view, 0o400),
    ("a view's file", "another program writes it and does not end"): lambda s: lock(s, s.view),
    ("a view's file", "its schema damaged"): lambda s: fill_cells(s.view, 1),
    ("snapshots.db", "0 bytes"): lambda s: empty(s.snapshots),
    ("snapshots.db", "cut to half"): lambda s: halve(s.snapshots),
    ("snapshots.db", "is a text"): lambda s: make_text(s.snapshots),
    ("snapshots.db", "is a directory"): lambda s: make_directory(s.snapshots),
    ("snapshots.db", "its -journal is a pipe"): lambda s: make_pipe(beside(s.snapshots, "-journal")),
    ("snapshots.db", "its -journal is a directory"): lambda s: make_directory(
        beside(s.snapshots, "-journal")
    ),
    ("snapshots.db", "its -wal is a pipe"): lambda s: make_pipe(beside(s.snapshots, "-wal")),
    ("snapshots.db", "its -shm is a directory"): lambda s: make_directory(beside(s.snapshots, "-shm")),
    ("snapshots.db", "a link to nowhere"): lambda s: link_to_nowhere(s.snapshots),
    ("snapshots.db", "another log's"): lambda s: shutil.copy(s.other / "snapshots.db", s.snapshots),
    ("snapshots.db", "may not be read"): lambda s: forbid(s, s.snapshots, 0o000),
    ("snapshots.db", "may not be written"): lambda s: forbid(s, s.snapshots, 0o400),
    ("snapshots.db", "another program writes it and does not end"): lambda s: lock(s, s.snapshots),
    ("snapshots.db", "its table zeros"): lambda s: zero_page(
        s.snapshots, root_page(s.snapshots, "snapshots")
    ),
    ("descriptors", "room for 24 (`ulimit -n`)"): lambda s: limit(s, resource.RLIMIT_NOFILE, 24),
    ("descriptors", "room for 30"): lambda s: limit(s, resource.RLIMIT_NOFILE, 30),
    ("descriptors", "room for 38"): lambda s: limit(s, resource.RLIMIT_NOFILE, 38),
    ("--listen", "another program listens there"): listen_there,
    ("--listen", "not this machine's address"): lambda s: listen_at(s, "192.0.2.1:0"),
    ("--listen", "no such host"): lambda s: listen_at(s, "nowhere.invalid:0"),
    ("--listen", "a path too long"): lambda s: listen_at(s, f"unix:/tmp/{'x' * 120}"),
    ("--listen", "a path in no directory"): lambda s: listen_at(s, "unix:/tmp/nowhere/socket"),
    ("--listen", "a path that is no socket"): lambda s: (
        listen_at(s, f"unix:{s.data.parent / 'f'}") if not (s.data.parent / "f").touch() else None
    ),
}
