"""The protoc plugin that writes the client's methods."""

import datetime
import importlib
import inspect
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog_client import sync
from foldlog_generator.client_modules import CLIENTS_OWN

ROOT = Path(__file__).parents[3]
BOOKS = """
syntax = "proto3";
package plugintest.books.v1;

import "foldlog/v1/commands.proto";
import "foldlog/v1/options.proto";
import "foldlog/v1/reads.proto";
import "google/protobuf/timestamp.proto";

// Format of a book.
enum Format {
  // Any.
  FORMAT_UNSPECIFIED = 0;
  // Printed.
  FORMAT_PAPER = 1;
}
message Author { string name = 1; }
message LendBook {
  // Which \\"book\\", with a back\\\\slash.
  string note = 1;
  // The book.
  string book_id = 2 [(foldlog.v1.rules) = {required: true}];
  // For how many days.
  int32 days = 3;
  // A limit, perhaps.
  optional int64 fee = 4;
  repeated Author authors = 5;
  Format format = 6;
  // Until then.
  google.protobuf.Timestamp due_time = 7;
  Author reader = 8 [(foldlog.v1.rules) = {required: true}];
  bytes cover = 9;
  bool fast = 10;
}
// ReturnBook is a command and its request.
message ReturnBook {
  // The book.
  string book_id = 1 [(foldlog.v1.rules) = {required: true}];
  // How it is.
  Condition condition = 2;
  // Condition of a book.
  message Condition {
    // How torn.
    Torn torn = 1;
    // Torn is how torn.
    enum Torn { TORN_UNSPECIFIED = 0; TORN_BADLY = 1; }
  }
  // How torn it was.
  Condition.Torn before = 3;
  // What readers wrote.
  map<string, Condition> remarks = 4;
  // How many pages are left.
  int32 pages = 5;
  foldlog.v1.CommandOptions options = 15;
}
message LendBookRequest { LendBook command = 1; foldlog.v1.CommandOptions options = 2; }
message LendBookResponse { foldlog.v1.CommandResult result = 1; }
message ListBooksRequest {
  int32 page_size = 1;
  string page_token = 2;
  foldlog.v1.ReadOptions options = 3;
}
message WatchBooksRequest {
  string resume_token = 1;
  string title = 2 [(foldlog.v1.rules) = {required: true}];
}
message WatchBooksResponse { string resume_token = 1; }
message ListBooksResponse { repeated Author volumes = 1; string next_page_token = 2; }

// CommandService lends.
service CommandService {
  // LendBook gives a book away
  // for a while.
  rpc LendBook(LendBookRequest) returns (LendBookResponse) {
    option (foldlog.v1.command) = {category: "book" streams: "book_id"};
  }
  rpc Execute(stream LendBookRequest) returns (stream LendBookResponse);
}
// Shelf is called as nobody expects: what its methods say is what counts.
service Shelf {
  // ReturnBook brings it back.
  rpc ReturnBook(plugintest.books.v1.ReturnBook) returns (LendBookResponse) {
    option (foldlog.v1.command) = {category: "book" streams: "book_id"};
  }
}
// Elsewhere has nothing to do with it.
service Elsewhere { rpc Ask(ReturnBook) returns (Author); }
// QueryService answers.
service QueryService {
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse) {
    option (foldlog.v1.query) = {collection: "books"};
  }
  rpc TailBooks(ListBooksRequest) returns (stream ListBooksResponse);
  // WatchBooks shows them.
  rpc WatchBooks(WatchBooksRequest) returns (stream WatchBooksResponse);
}
"""


def protoc(out: Path, protos: Path, *files: str, plugin: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run protoc with the plugin, or for the messages alone."""
    kind = (
        ["--foldlog_client_out", f"--plugin=protoc-gen-foldlog_client={shim(out)}"]
        if plugin
        else ["--python_out"]
    )
    arguments = [f"-I{protos}", f"-I{ROOT / 'protos'}", f"{kind[0]}={out}", *kind[1:], *files]
    return subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *arguments], capture_output=True, text=True, check=False
    )


def shim(folder: Path) -> Path:
    """The plugin under the interpreter of this test."""
    path = folder / "plugin.sh"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m foldlog_generator.plugin\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module written for the protos above."""
    folder = tmp_path_factory.mktemp("plugin")
    proto = folder / "plugintest/books/v1/books.proto"
    proto.parent.mkdir(parents=True)
    proto.write_text(BOOKS)
    for plugin in (False, True):
        done = protoc(folder, folder, "plugintest/books/v1/books.proto", plugin=plugin)
        assert done.returncode == 0, done.stderr
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("plugintest.books.v1.async_client")
    finally:
        sys.path.remove(str(folder))


@dataclass
class Notes:
    """A caller that keeps what it is asked and gives what it was told to."""

    replies: list[Any] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    keywords: list[dict[str, Any]] = field(default_factory=list)

    async def command(self, path: str, request: Any, response: Any, **keywords: Any) -> Any:
        self.asked.append((path, request))
        self.keywords.append(keywords)
        return self.replies.pop(0)

    query = command

    def watch(self, path: str, request: Any, response: Any) -> Any:
        self.asked.append((path, request))
        return response


def parameters(method: Any) -> dict[str, Any]:
    """The arguments of a method with their defaults; `...` = must be given."""
    found = inspect.signature(method).parameters.values()
    assert all(one.kind is one.KEYWORD_ONLY for one in found if one.name != "self")
    return {one.name: ... if one.default is one.empty else one.default for one in found if one.name != "self"}


def test_the_fields_of_a_command_become_arguments(books: ModuleType) -> None:
    assert parameters(books.Books.lend_book) == {
        "book_id": ...,
        "days": ...,
        "reader": ...,
        "note": "",
        "fee": None,
        "authors": (),
        "format": 0,
        "due_time": None,
        "cover": b"",
        "fast": False,
        "request_id": "",
        "expected_version": None,
        "expected_version_token": "",
        "validate_only": False,
        "correlation_id": "",
        "causation_id": "",
        "reply": 0,
        "timeout": None,
    }


def test_the_arguments_are_typed(books: ModuleType) -> None:
    types = {name: str(one) for name, one in inspect.get_annotations(books.Books.lend_book).items()}
    assert types["days"] == "<class 'int'>"
    assert types["fee"] == "int | None"
    assert types["authors"] == "collections.abc.Iterable[plugintest.books.v1.books_pb2.Author]"
    assert types["due_time"].startswith("datetime.datetime | google.protobuf.timestamp_pb2.Timestamp")
    assert types["reader"] == "<class 'plugintest.books.v1.books_pb2.Author'>"
    assert types["return"] == "<class 'plugintest.books.v1.books_pb2.LendBookResponse'>"


async def test_a_command_is_sent_as_its_arguments_say(books: ModuleType) -> None:
    caller = Notes(replies=[books.LendBookResponse()])
    due = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
    author, reader = books.Author(name="Ada"), books.Author(name="Eve")
    await books.Books(caller).lend_book(
        book_id="b", days=3, reader=reader, authors=[author], due_time=due, expected_version=0, timeout=4
    )
    path, request = caller.asked[0]
    assert path == "/plugintest.books.v1.CommandService/LendBook"
    assert (request.command.book_id, request.command.days) == ("b", 3)
    assert list(request.command.authors) == [author]
    assert request.command.reader == reader
    assert request.command.due_time == Timestamp(seconds=int(due.timestamp()))
    assert not request.command.HasField("fee")
    assert request.options.HasField("expected_version")
    assert caller.keywords == [{"within": 4}]


def test_the_fields_of_a_request_that_is_the_command_become_arguments(books: ModuleType) -> None:
    found = parameters(books.Books.return_book)
    assert list(found)[:5] == ["book_id", "pages", "condition", "before", "remarks"]
    assert (found["book_id"], found["pages"], found["condition"], found["before"]) == (..., ..., None, 0)
    assert {"request_id", "expected_version", "timeout"} < found.keys()
    assert "options" not in found


async def test_a_request_that_is_the_command_is_sent_as_its_arguments_say(books: ModuleType) -> None:
    caller = Notes(replies=[books.LendBookResponse()])
    condition = books.ReturnBook.Condition(torn=books.ReturnBook.Condition.TORN_BADLY)
    await books.Books(caller).return_book(
        book_id="b", pages=0, condition=condition, remarks={"Ada": condition}, request_id="r"
    )
    path, request = caller.asked[0]
    assert path == "/plugintest.books.v1.Shelf/ReturnBook"
    assert (request.book_id, request.condition, dict(request.remarks)) == ("b", condition, {"Ada": condition})
    assert request.options.request_id == "r"


def test_a_service_without_commands_and_queries_has_no_methods(books: ModuleType) -> None:
    assert not hasattr(books.Books, "ask")


async def test_a_time_without_a_zone_is_refused(books: ModuleType) -> None:
    naive = datetime.datetime(2030, 1, 2)  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        await books.Books(Notes()).lend_book(book_id="b", days=3, reader=books.Author(), due_time=naive)


def test_a_stream_that_can_be_resumed_is_a_watch_and_others_have_no_method(books: ModuleType) -> None:
    assert parameters(books.Books.watch_books) == {"title": ..., "resume_token": ""}
    caller = Notes()
    assert books.Books(caller).watch_books(title="Emma") is books.WatchBooksResponse
    path, request = caller.asked[0]
    assert path == "/plugintest.books.v1.QueryService/WatchBooks"
    assert (request.title, request.resume_token) == ("Emma", "")
    assert "WatchBooks shows them." in books.Books.watch_books.__doc__
    assert not hasattr(books.Books, "tail_books")
    assert not hasattr(books.Books, "execute")


async def test_a_query_says_whether_the_session_sets_its_freshness(books: ModuleType) -> None:
    caller = Notes(replies=[books.ListBooksResponse()] * 2)
    await books.Books(caller).list_books(page_size=3)
    await books.Books(caller).list_books(min_position=8)
    assert [one["own_writes"] for one in caller.keywords] == [True, False]
    assert [request.options.min_position for _, request in caller.asked] == [0, 8]


async def test_a_paged_query_has_an_iterator_over_all_pages(books: ModuleType) -> None:
    first = books.ListBooksResponse(volumes=[books.Author(name="a")], next_page_token="2")
    assert "page_token" not in parameters(books.Books.iterate_books_volumes)
    caller = Notes(replies=[first, books.ListBooksResponse(volumes=[books.Author(name="b")])])
    found = [one.name async for one in books.Books(caller).iterate_books_volumes(page_size=1)]
    assert found == ["a", "b"]
    assert [request.page_token for _, request in caller.asked] == ["", "2"]


def test_the_comments_of_the_protos_are_the_docstrings(books: ModuleType) -> None:
    assert (inspect.getdoc(books.Books) or "").split("\n\n") == [
        "CommandService lends.",
        "Shelf is called as nobody expects: what its methods say is what counts.",
        "QueryService answers.",
    ]
    text = inspect.getdoc(books.Books.lend_book) or ""
    assert text.startswith("LendBook gives a book away for a while.\n\nArgs:\n    book_id: The book.\n")
    assert "\n    days: For how many days.\n" in text
    assert (
        "by default), also after a crash. If empty, the client makes one.\n    expected_version: The" in text
    )
    assert '\n    note: Which \\"book\\", with a back\\\\slash.\n' in text


ODD = {
    "a oneof": ({"command": "oneof who { string a = 1; string b = 2; }"}, "is one of a oneof"),
    "a twin": ({"command": "string request_id = 1;"}, "two arguments called request_id"),
    "a keyword": ({"command": "string from = 1;"}, "a reserved word in Python"),
    "self": ({"command": "string self = 1;"}, "a reserved word in Python"),
    "a map": ({"command": "map<string, google.protobuf.Timestamp> at = 1;"}, "at is a map of times"),
    "no message": ({"wrapped": "string"}, "odd.v1.DoRequest.command is not a message"),
    "times": ({"command": "repeated google.protobuf.Timestamp at = 1;"}, "repeats times"),
    "no options": ({"options": "foldlog.v1.CommandOptions how"}, "no field `options` of type"),
    "other options": ({"options": "foldlog.v1.ReadOptions options"}, "type foldlog.v1.CommandOptions"),
    "no result": ({"result": "foldlog.v1.CommandResult what"}, "no field `result`"),
    "two methods": ({"more": "rpc DO(DoRequest) returns (DoResponse) { %s }"}, "two methods called do;"),
    "no package": ({"package": ""}, "odd.proto has no package"),
    "another folder": (
        {"package": "package even.v1;"},
        "is of package even.v1; move it to even/v1/odd.proto",
    ),
    "no name": ({"package": "package v1;", "folder": "v1"}, "has a version and no name"),
    "a taken name": ({"package": "package events.v1;", "folder": "events/v1"}, "rename the package"),
    "Client": ({"package": "package client;", "folder": "client"}, "rename the package"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_a_client_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    changed, problem = ODD[name]
    usual = {
        "package": "package odd.v1;",
        "folder": "odd/v1",
        "command": "",
        "wrapped": "Do",
        "options": "foldlog.v1.CommandOptions options",
        "result": "foldlog.v1.CommandResult result",
        "more": "",
    }
    said = {**usual, **changed}
    bound = 'option (foldlog.v1.command) = {category: "odd"};'
    proto = tmp_path / said["folder"] / "odd.proto"
    proto.parent.mkdir(parents=True)
    proto.write_text(
        f"""
        syntax = "proto3";
        {said["package"]}
        import "foldlog/v1/commands.proto";
        import "foldlog/v1/options.proto";
        import "foldlog/v1/reads.proto";
        import "google/protobuf/timestamp.proto";
        message Do {{ {said["command"]} }}
        message DoRequest {{ {said["wrapped"]} command = 1; {said["options"]} = 2; }}
        message DoResponse {{ {said["result"]} = 1; }}
        service CommandService {{
          rpc Do(DoRequest) returns (DoResponse) {{ {bound} }}
          {said["more"].replace("%s", bound)}
        }}
        """
    )
    done = protoc(tmp_path, tmp_path, f"{said['folder']}/odd.proto")
    assert done.returncode != 0
    assert problem in done.stderr


def test_the_names_that_the_client_has_are_known() -> None:
    client = sync.connect()
    try:
        assert {name for name in dir(client) if not name.startswith("_")} == CLIENTS_OWN
    finally:
        client.close()


def test_what_is_committed_is_what_the_plugin_writes(tmp_path: Path) -> None:
    files = sorted(str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto"))
    done = protoc(tmp_path, ROOT / "protos", *files)
    assert done.returncode == 0, done.stderr
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.py")}
    assert len(written) > 2
    assert written == {path: (ROOT / "generated" / path).read_bytes() for path in written}


USED = (
    "import foldlog_client\n"
    "from foldlog.orders.v1.types_pb2 import OrderLine, OrderStatus\n"
    "async def use(client: foldlog_client.Client) -> int:\n"
    "    await client.orders.add_item(order_id='o', line=OrderLine(product_id='p'))\n"
    "    async for order in client.orders.iterate_current_orders(status=OrderStatus.ORDER_STATUS_PAID):\n"
    "        print(order.order_id.upper())\n"
    "    async with client.orders.watch_order(order_id='o') as watch:\n"
    "        async for change in watch:\n"
    "            print(change.resume_token)\n"
    "    reply = await client.orders.submit_order(order_id='o')\n"
    "    return reply.result.position\n"
)
USED_IN_THREADS = (
    USED.replace("async ", "").replace("await ", "").replace("foldlog_client", "foldlog_client.sync")
)


@pytest.mark.slow
@pytest.mark.parametrize("good", [USED, USED_IN_THREADS], ids=["async", "sync"])
def test_a_call_is_checked_by_mypy(tmp_path: Path, good: str) -> None:
    bad = good.replace("order_id='o', line", "order_id=7, line").replace(".upper()", ".uper()")
    outcomes = []
    for name, source in (("good", good), ("bad", bad)):
        (tmp_path / f"{name}.py").write_text(source)
        outcomes.append(
            subprocess.run(
                [sys.executable, "-m", "mypy", "--strict", f"{name}.py"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
        )
    assert outcomes[0].returncode == 0, outcomes[0].stdout
    assert outcomes[1].stdout.count("error:") == 2, outcomes[1].stdout
