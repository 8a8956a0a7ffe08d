"""Domains are found by their names, or a line says why not: each line in full."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foldlog_server.domains import shop
from foldlog_server.domains.loading import DomainsUnfit, load, named
from tests.support import savings

Write = Callable[..., None]


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """What a test imports is forgotten."""
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.startswith("written"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes modules into the working directory."""
    monkeypatch.chdir(tmp_path)
    savings.imported()

    def write(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)

    return write


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a distribution with entry points."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def install(distribution: str, *values: str) -> None:
        place = site / f"{distribution}-1.0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"domain{number} = {value}" for number, value in enumerate(values)]
        (place / "entry_points.txt").write_text("\n".join(["[foldlog.domains]", *lines, ""]))

    return install


def reasons(*names: str) -> list[str]:
    with pytest.raises(DomainsUnfit) as unfit:
        named(names)
    assert str(unfit.value) == " ".join(unfit.value.reasons)
    return list(unfit.value.reasons)


def test_the_shop_is_there_unless_it_is_left_out() -> None:
    assert [domain.name for domain in load()] == ["orders", "inventory"]
    assert list(load().names) == list(shop.NAMES)
    savings.imported()
    alone = load([savings.NAME], with_shop=False)
    assert [domain.name for domain in alone] == ["savings"]
    assert list(alone.names) == [savings.NAME]
    assert [domain.name for domain in load([savings.NAME])] == ["orders", "inventory", "savings"]


def test_nothing_to_serve_is_refused() -> None:
    with pytest.raises(DomainsUnfit) as unfit:
        load(with_shop=False)
    assert unfit.value.reasons == [
        "There is no domain to serve. Name one, as in --domain bank.domain:BANK, or leave the shop in."
    ]


def test_another_process_finds_the_same_by_the_names() -> None:
    savings.imported()
    here = load([savings.NAME])
    assert [domain.name for domain in named(here.names)] == [domain.name for domain in here]


def test_a_domain_counts_once_however_often_and_by_whatever_names(write: Write) -> None:
    write(written_again="from savings.domain import SAVINGS\nALIAS = SAVINGS\n")
    found = named([savings.NAME, "written_again:ALIAS", savings.NAME, "written_again:SAVINGS"])
    assert [domain.name for domain in found] == ["savings"]
    assert list(found.names) == [savings.NAME]


def test_a_module_is_found_in_the_working_directory(write: Write) -> None:
    write(written_here="from savings.domain import SAVINGS\n")
    sys.path[:] = [one for one in sys.path if one not in ("", os.getcwd())]
    assert [domain.name for domain in named(["written_here:SAVINGS"])] == ["savings"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":",
        "bank",
        "bank.domain",
        "bank:",
        ":BANK",
        "bank.domain:BANK.x",
        "bank.domain:BANK:x",
        ".bank:BANK",
        "bank..domain:BANK",
        "bank.domain.:BANK",
        "bank.domain: BANK",
        "src/bank/domain.py:BANK",
        "a-b:C",
    ],
)
def test_what_is_no_name(name: str) -> None:
    [reason] = reasons(name)
    assert reason == (
        f"{name!r} does not name a domain. Give a module and a name in it, such as bank.domain:BANK."
    )


def test_a_module_that_is_not_there() -> None:
    assert reasons("written_nowhere.domain:BANK") == [
        "The domain written_nowhere.domain:BANK cannot be imported: there is no module written_nowhere. "
        "Run from its directory, put that on PYTHONPATH, or install the package."
    ]


def test_what_is_wrong_with_a_name_is_said_once_however_often_it_is_given() -> None:
    assert len(reasons("bank", "bank", "written_nowhere:BANK", "written_nowhere:BANK")) == 2


def test_a_module_that_needs_one_that_is_not_there(write: Write) -> None:
    write(written_needy="import written_absent.v1.bank_pb2\n")
    assert reasons("written_needy:BANK") == [
        "The domain written_needy:BANK cannot be imported: there is no module written_absent. "
        "Run from its directory, put that on PYTHONPATH, or install the package."
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('two\\n  lines')", "ValueError: two lines"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise AssertionError", "AssertionError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("def broken(:", "SyntaxError: invalid syntax (written_raising.py, line 1)"),
        (
            "from foldlog_server.domain import nothing_of_the_kind",
            "ImportError: cannot import name 'nothing_of_the_kind' from 'foldlog_server.domain'",
        ),
    ],
)
def test_a_module_that_raises_when_it_is_imported(write: Write, text: str, said: str) -> None:
    write(written_raising=text)
    [reason] = reasons("written_raising:BANK")
    assert reason.startswith(f"The domain written_raising:BANK cannot be imported: {said}")
    assert "\n" not in reason


def test_a_missing_module_without_a_name(write: Write) -> None:
    write(written_nameless="raise ModuleNotFoundError('install the bank first')")
    [reason] = reasons("written_nameless:BANK")
    assert "there is no module install the bank first." in reason


def test_a_circular_import(write: Write) -> None:
    write(
        written_one="from written_two import TWO\nONE = 1\n",
        written_two="from written_one import ONE\nTWO = 2\n",
    )
    [reason] = reasons("written_one:ONE")
    assert "cannot import name 'ONE' from partially initialized module 'written_one'" in reason
    assert "circular import" in reason


def test_a_name_that_is_not_there_is_guessed(write: Write) -> None:
    write(written_other="from savings.domain import SAVINGS\nNUMBER = 7\n", written_empty="")
    assert reasons("written_other:SAVING", "written_other:NUMBER", "written_empty:BANK") == [
        "written_other:SAVING does not exist. Did you mean written_other:SAVINGS?",
        "written_other:NUMBER is no Domain. Did you mean written_other:SAVINGS?",
        "written_empty:BANK does not exist. The module has none: make a Domain there.",
    ]


def test_everything_is_said_at_once(write: Write) -> None:
    write(
        written_unfit="from dataclasses import replace\nfrom savings.domain import SAVINGS\n"
        "ONE = replace(SAVINGS, name='One')\nTWO = replace(SAVINGS, name='two', deciders=())\n"
    )
    said = reasons("nothing", "written_unfit:ONE", "written_unfit:TWO")
    assert said[0].startswith("'nothing' does not name a domain.")
    assert "'One' is no name of a domain. Use lower case letters, digits and underscores." in said
    assert 'The view "accounts" occurs 2 times; rename one.' in said


def test_what_a_module_prints_is_not_in_the_output(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """Which is JSON in some commands, and read by the server in the process that rebuilds a view."""
    write(written_loud="print('loud')\nfrom savings.domain import SAVINGS\n")
    named(["written_loud:SAVINGS"])
    assert capfd.readouterr() == ("", "loud\n")


def test_what_is_installed_is_found_by_itself(write: Write, installed: Callable[..., None]) -> None:
    installed("acme-savings", f"{savings.NAME} [extra]")
    found = load([savings.NAME])
    assert [domain.name for domain in found] == ["orders", "inventory", "savings"]
    assert list(load(with_shop=False).names) == [savings.NAME]


def test_what_is_installed_and_broken_is_named_with_its_distribution(
    write: Write, installed: Callable[..., None]
) -> None:
    installed("acme-savings", "written_nowhere:SAVINGS", savings.NAME)
    with pytest.raises(DomainsUnfit) as unfit:
        load()
    assert unfit.value.reasons == [
        "The domain written_nowhere:SAVINGS cannot be imported: there is no module written_nowhere. Run from its "
        "directory, put that on PYTHONPATH, or install the package. It is an entry point of acme-savings, which "
        "is installed."
    ]
