"""From an empty directory to a served domain: `foldlog new`, and what its README says, to the letter."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.distributions import VERSION, WHEEL, build, environment, run
from tests.architecture.documents import ROOT, fences
from tests.architecture.pasting import BIN, ended, wait_for

CALLED = """
import asyncio, sys

import foldlog_client
from bank.v1 import async_client


async def main():
    async with async_client.connect(sys.argv[1]) as client:
        opened = await client.bank.open(owner="Ada", account_id="ada")
        await client.bank.deposit(account_id="ada", cents=500)
        try:
            await client.bank.withdraw(account_id="ada", cents=501)
        except foldlog_client.Rejected as refusal:
            print(refusal.reason, dict(sorted(refusal.metadata.items())))
        past = foldlog_client_as_of(opened.result.version)
        print((await client.bank.get_account(account_id="ada", as_of=past)).account.cents)
        print([account.cents async for account in client.bank.iterate_accounts()])
        async with client.bank.watch_accounts(account_ids=["ada"]) as watch:
            async for step in watch:
                print([account.cents for account in step.puts])
                break
        print([type(foldlog_client.unpack(event)).__name__ async for event in client.events.read_all()])


def foldlog_client_as_of(version):
    from foldlog.v1.reads_pb2 import AsOf
    return AsOf(version=version)


asyncio.run(main())
"""


_OF_OURS = ("PYTHONPATH", "PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
"""Variables that `make test` of this repository sets, and a newcomer's shell does not have."""


class Project:
    """A project in a directory, and the environment that is on its PATH."""

    def __init__(self, folder: Path, bin: Path) -> None:
        self.folder, self._bin = folder, bin
        usual = {name: value for name, value in os.environ.items() if name not in _OF_OURS}
        path = f"{bin}{os.pathsep}{os.environ['PATH']}"
        self.env = {**usual, "PATH": path, "FOLDLOG_LISTEN": "127.0.0.1:0", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command: str, fails: bool = False) -> str:
        """What a command says; it succeeds, unless it is to fail."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def python(self, code: str, *arguments: str) -> str:
        return self.run("env", "PYTHONPATH=src", str(self._bin / "python"), "-c", code, *arguments)

    @contextmanager
    def served(self, *command: str) -> Iterator[str]:
        """The address at which the command serves."""
        output = self.folder.parent / "printed"
        with output.open("w") as file, ended([*command], file.fileno(), self.env, self.folder) as process:
            printed = wait_for(output, lambda text: " at 127.0.0.1:" in text, process)
            yield printed.partition(" at ")[2].partition(". ")[0]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One for the tests that leave it as it is, in the environment of these tests."""
    return begun(tmp_path_factory.mktemp("empty"))


def begun(empty: Path) -> Project:
    said = Project(empty, BIN).run("foldlog", "new", "bank")
    assert said.splitlines()[1:] == ["  cd bank", "  make test", "  make run"]
    return Project(empty / "bank", BIN)


def test_its_tests_pass_and_its_code_is_generated_before(tmp_path: Path) -> None:
    project = begun(tmp_path)
    said = project.run("make", "test")
    assert "written" in said
    assert re.search(r"Ran \d tests", said)
    assert said.endswith("OK\n")
    assert "written" not in project.run("make", "test")
    assert project.run("foldlog", "generate", "--check") == ""


def test_it_is_served_and_called_as_its_readme_says(project: Project) -> None:
    [program] = fences(project.folder / "README.md", "python")
    with project.served("make", "run") as address:
        said = project.python(program.replace("connect()", f'connect("{address}")'))
        assert 'owner: "Ada"' in said
        assert said.endswith(" 500\n")
        assert project.python(CALLED, address).splitlines() == [
            "INSUFFICIENT_FUNDS {'account_id': 'ada', 'available': '500'}",
            "0",
            "[500, 500]",
            "[500]",
            "['Opened', 'Deposited', 'Opened', 'Deposited']",
        ]


def test_the_next_command_goes_where_its_readme_says(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.folder, tmp_path / "bank")
    changed = Project(tmp_path / "bank", BIN)
    insert(
        changed.folder / "protos/bank/v1/bank.proto",
        ("  // Withdraw pays out;", _RPC),
        ("// Withdraw pays out.\n", _MESSAGES),
    )
    insert(
        changed.folder / "src/bank/domain.py",
        ("        case Deposit(", "        case Freeze():\n            return [Frozen()]\n"),
        ("        case Deposited(", "        case Frozen():\n            return state\n"),
    )
    domain = changed.folder / "src/bank/domain.py"
    domain.write_text(
        domain.read_text()
        .replace("Open | Deposit | Withdraw", "Open | Deposit | Withdraw | Freeze")
        .replace("Opened | Deposited | Withdrawn", "Opened | Deposited | Withdrawn | Frozen")
        .replace("ErrorReason, Open,", "ErrorReason, Freeze, Frozen, Open,")
    )
    tests = changed.folder / "tests/test_bank.py"
    [line] = re.findall(r"`(given\(.*\(\)\))`", (changed.folder / "README.md").read_text())
    tests.write_text(
        tests.read_text().replace("import Deposit,", "import Freeze, Frozen, Deposit,")
        + f"\n    def test_it_can_be_frozen(self) -> None:\n        {line}\n"
    )
    assert changed.run("make", "generate", "test").endswith("OK\n")
    code = "from bank.v1.sync_client import Bank; print(Bank.freeze.__name__)"
    assert changed.python(code) == "freeze\n"


def insert(file: Path, *places: tuple[str, str]) -> None:
    """Insert texts before what is there once."""
    text = file.read_text()
    for before, inserted in places:
        assert text.count(before) == 1, before
        text = text.replace(before, inserted + before)
    file.write_text(text)


_RPC = """  // Freeze freezes an account.
  rpc Freeze(bank.v1.Freeze) returns (AccountReply) {
    option (foldlog.v1.command) = {category: "account" streams: "account_id"};
  }
"""
_MESSAGES = """// Freeze freezes an account.
message Freeze {
  // The account.
  string account_id = 1 [(foldlog.v1.rules) = {required: true format: FORMAT_ID}];
  // How to carry it out.
  foldlog.v1.CommandOptions options = 15;
}

// Frozen is the event that an account was frozen.
message Frozen {}

"""


@pytest.mark.parametrize(
    ("line", "changed", "said"),
    [
        (
            "case Deposit(cents=cents):",
            "case Deposit() if False:",
            "`decide` of the decider account, given bank.v1.Deposit",
        ),
        ("case Withdrawn(cents=cents):", "case Withdrawn() if False:", "`evolve` of the decider account"),
        ("refuse = ", "import time\nrefuse = ", "time"),
    ],
)
def test_its_tests_find_a_forgotten_case_and_an_import_that_is_not_pure(
    line: str, changed: str, said: str, project: Project, tmp_path: Path
) -> None:
    shutil.copytree(project.folder, tmp_path / "bank")
    copy = Project(tmp_path / "bank", BIN)
    domain = copy.folder / "src/bank/domain.py"
    text = domain.read_text()
    assert line in text
    domain.write_text(text.replace(line, changed, 1))
    assert said in copy.run("make", "test", fails=True)


def test_make_says_what_is_missing(project: Project) -> None:
    said = project.run("make", "run", "PYTHON=/usr/bin/env false", fails=True)
    assert "foldlog is not installed for /usr/bin/env false: activate the environment" in said


@pytest.mark.slow
def test_a_type_checker_has_nothing_against_it_and_finds_a_forgotten_case(
    project: Project, tmp_path: Path
) -> None:
    shutil.copytree(project.folder, tmp_path / "bank")
    copy = Project(tmp_path / "bank", BIN)
    copy.run("foldlog", "generate")
    assert "Success" in copy.run("mypy", "--follow-imports=silent")
    domain = copy.folder / "src/bank/domain.py"
    domain.write_text(domain.read_text().replace("case Deposit(cents=cents):", "case Deposit() if cents:", 1))
    assert "error: " in copy.run("mypy", "--follow-imports=silent", fails=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.mark.slow
def test_it_takes_nothing_but_our_wheel(built: Path, tmp_path: Path) -> None:
    """An empty directory, an environment with the wheel and its extras, and the three commands."""
    bin = environment(tmp_path / "env", f"{built / WHEEL}[server,generate]")
    (tmp_path / "work").mkdir()
    Project(tmp_path / "work", bin).run("foldlog", "new", "bank")
    project = Project(tmp_path / "work" / "bank", bin)
    assert "is what protos say" in project.run("foldlog", "generate")
    assert project.run("make", "test").endswith("OK\n")
    with project.served("make", "run") as address:
        assert "INSUFFICIENT_FUNDS" in project.python(CALLED, address)


@pytest.mark.slow
def test_what_is_missing_to_generate_is_reported(built: Path, tmp_path: Path) -> None:
    bin = environment(tmp_path / "env", f"{built / WHEEL}[server]")
    Project(tmp_path, bin).run("foldlog", "new", "bank")
    said = Project(tmp_path / "bank", bin).run("foldlog", "generate", fails=True)
    assert "no grpc_tools, mypy_protobuf. Run: pip install 'foldlog[generate]'" in said


@pytest.mark.slow
def test_a_wheel_of_it_is_served_where_it_is_installed(project: Project, built: Path, tmp_path: Path) -> None:
    """In an empty environment, without the project's source: it is found by its entry point."""
    project.run("foldlog", "generate")
    run(
        sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=project.folder
    )
    wheel = tmp_path / "dist" / "bank-0.1.0-py3-none-any.whl"
    bin = environment(tmp_path / "env", f"--find-links={built}", str(wheel))
    assert f"foldlog=={VERSION}" in run(
        sys.executable, "-m", "pip", "--python", bin / "python", "freeze", "--all"
    )
    elsewhere = Project(tmp_path / "elsewhere", bin)
    elsewhere.folder.mkdir()
    with elsewhere.served("foldlog", "serve", "--no-shop") as address:
        assert "INSUFFICIENT_FUNDS" in elsewhere.python(CALLED, address)
