"""The project that `foldlog new` writes: whole or not at all, small, and with names that work."""

import ast
import tomllib
from pathlib import Path

import pytest

from foldlog_generator.compiling import compiled
from foldlog_generator.protos import directory
from foldlog_generator.scaffold import FILES, CannotScaffold, project, scaffold

FITTING = ("bank", "account", "my_bank2", "open", "match")


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_project_is_written_where_nothing_is(tmp_path: Path) -> None:
    names = scaffold("bank", tmp_path / "some" / "where")
    assert names == written(tmp_path / "some" / "where")
    assert names == sorted(name.replace("%{name}", "bank") for name in FILES)
    assert written(tmp_path) == [f"some/where/{name}" for name in names]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    scaffold("bank", tmp_path / "bank")
    assert "Makefile" in written(tmp_path / "bank")


@pytest.mark.parametrize("there", ["a file in it", "a file"])
def test_what_is_there_stays(tmp_path: Path, there: str) -> None:
    file = tmp_path / "bank" / "notes" if there == "a file in it" else tmp_path / "bank"
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    with pytest.raises(CannotScaffold, match=r"bank exists and is not an empty directory: name another one"):
        scaffold("bank", tmp_path / "bank")
    assert file.read_text() == "mine"
    assert len(written(tmp_path)) == 1


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last file cannot be written: its name is taken by a folder."""
    monkeypatch.setitem(FILES, "Makefile/impossible", "Makefile")
    with pytest.raises(OSError, match="Makefile"):
        scaffold("bank", tmp_path / "bank")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Bank", "not a package name in lower case"),
        ("my-bank", "not a package name in lower case"),
        ("2bank", "not a package name in lower case"),
        ("bänk", "not a package name in lower case"),
        ("", "not a package name in lower case"),
        ("v1", "not a package name in lower case"),
        ("class", "a reserved word"),
        ("stream", "a reserved word"),
        ("int", "a reserved word"),
        ("int32", "a reserved word"),
        ("bool", "a reserved word"),
        ("json", "already a Python module"),
        ("foldlog", "already a Python module"),
        ("foldlog_client", "already a Python module"),
        ("google", "already a Python module"),
        ("grpc", "already a Python module"),
        ("orders", "already an attribute of Foldlog's client, client.orders"),
        ("client", "already an attribute of Foldlog's client, client.client"),
    ],
)
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CannotScaffold, match=f"{name} is {why}: choose another name, such as bank."):
        scaffold(name, tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_a_folder_of_that_name_where_it_is_called_is_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bank").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scaffold("bank", tmp_path / "elsewhere")


@pytest.mark.parametrize("name", FITTING)
def test_its_files_are_complete_and_in_order(name: str) -> None:
    files = dict(project(name))
    for file, text in files.items():
        assert "%{" not in text, file
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        if file.endswith(".py"):
            ast.parse(text)
    metadata = tomllib.loads(files["pyproject.toml"])
    assert metadata["project"]["name"] == name
    assert metadata["project"]["entry-points"] == {"foldlog.domains": {name: f"{name}.domain:{name.upper()}"}}


@pytest.mark.parametrize("name", FITTING)
def test_its_constants_have_different_names(name: str) -> None:
    tree = ast.parse(dict(project(name))[f"src/{name}/domain.py"])
    assigned = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert name.upper() in assigned
    assert len(assigned) == len(set(assigned)) == 3  # refuse, the decider, the domain


@pytest.mark.parametrize("name", FITTING)
def test_its_proto_is_one_and_has_a_client(name: str, tmp_path: Path) -> None:
    scaffold(name, tmp_path / "project")
    made = compiled(tmp_path / "project" / "protos", directory())
    assert made.said == ""
    [client] = [text.decode() for file, text in made.files.items() if file.endswith("async_client.py")]
    for method in ("open", "deposit", "withdraw", "get_account", "list_accounts", "iterate_accounts"):
        assert f"    async def {method}(\n" in client
    assert "    def watch_accounts(\n" in client


def test_it_is_small() -> None:
    files = dict(project("bank"))
    [proto] = [text for file, text in files.items() if file.endswith(".proto")]
    assert len(files["src/bank/domain.py"].splitlines()) <= 60
    assert len(proto.splitlines()) <= 220
    assert all(len(line) <= 110 for text in files.values() for line in text.splitlines())
