"""The documentation is complete, and what it names is there."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer.main

import foldlog_server.cli.main  # noqa: F401  (for the commands that it adds)
from foldlog_server.cli.apps import app
from tests.architecture import error_catalogue as catalogue
from tests.architecture.documents import DOCUMENTS, ROOT, anchors, links
from tests.architecture.error_catalogue import ERRORS, reasons, text

README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
GUARANTEES, COMMAND_LINE = ROOT / "docs" / "guarantees.md", ROOT / "docs" / "command-line.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def cells(document: Path) -> list[list[str]]:
    """The rows of all tables."""
    rows = re.findall(r"^\| (.*) \|$", document.read_text(), re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows]


# Links


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for _, target in links(document):
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme == "https", target
            continue
        path = (document.parent / parts.path).resolve() if parts.path else document
        assert path.exists(), target
        assert not parts.fragment or parts.fragment in anchors(path), target


def test_documents_that_the_code_names_are_there() -> None:
    for root in ("server", "client", "protos", "tests"):
        for file in (ROOT / root).rglob("*.*"):
            if file.suffix in (".py", ".proto", ".sql"):
                for name in re.findall(r"\bdocs/[\w/-]+\.md\b", file.read_text()):
                    assert (ROOT / name).exists(), f"{file} names {name}"


def test_guarantees_name_tests_that_there_are() -> None:
    shown = [
        (text, (page.parent / target).resolve())
        for page in (README, GUARANTEES)
        for text, target in links(page)
        if "tests/" in target
    ]
    assert len(shown) > 50
    for name, path in shown:
        if "_" in name:
            assert re.search(rf"def test_{name}\(", path.read_text()), f"{name} is not in {path}"


def test_every_document_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target).resolve() for _, target in links(index)}
    assert set(DOCUMENTS) - {index} <= listed


# Decisions


@pytest.mark.parametrize("page", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_a_date_and_three_parts(page: Path) -> None:
    number = int(page.name[:4])
    lines = page.read_text().splitlines()
    assert lines[0].startswith(f"# {number}. ")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", lines[2])
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context",
        "## Decision",
        "## Consequences",
    ]


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


# What can be typed


def test_every_target_of_make_is_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = {cell[0].strip("`").removeprefix("make ") for cell in cells(CONTRIBUTING) if "`make " in cell[0]}
    assert listed == targets - {"help"}


@each_document
def test_every_target_that_is_named_is_there(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", document.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_setting_is_documented_with_its_default() -> None:
    settings = {
        (f"`{parameter.opts[0]}`", f"`{parameter.envvar}`", f"`{parameter.default}`")
        for parameter in COMMANDS["serve"].params
        if parameter.envvar
    }
    assert {tuple(row[:3]) for row in cells(COMMAND_LINE) if row[0].startswith("`--")} == settings


def test_every_variable_is_documented() -> None:
    commands = [*COMMANDS.values(), *COMMANDS["events"].commands.values()]
    variables = {parameter.envvar for command in commands for parameter in command.params if parameter.envvar}
    assert set(re.findall(r"`(FOLDLOG_[A-Z_]+)`", COMMAND_LINE.read_text())) == variables


def test_every_option_of_events_tail_is_documented() -> None:
    [row] = [row for row in cells(COMMAND_LINE) if row[0] == "`foldlog events tail`"]
    flags = {parameter.opts[0] for parameter in COMMANDS["events"].commands["tail"].params}
    assert flags - {"--follow"} | {"--no-follow"} == set(re.findall(r"`(--[a-z-]+)", row[1]))


def test_serve_and_config_have_the_same_settings() -> None:
    serve, config = (
        {parameter.name: parameter.default for parameter in COMMANDS[name].params if parameter.envvar}
        for name in ("serve", "config")
    )
    assert serve == config


def test_every_command_is_documented() -> None:
    commands = {f"`foldlog {name}`" for name, command in COMMANDS.items() if not hasattr(command, "commands")}
    for group, command in COMMANDS.items():
        commands |= {f"`foldlog {group} {name}`" for name in getattr(command, "commands", ())}
    listed = {row[0] for row in cells(COMMAND_LINE) if row[0].startswith("`foldlog ")}
    assert listed == commands | {"`foldlog --version`"}


# Reasons and dependencies


def test_every_reason_is_documented() -> None:
    assert ERRORS.read_text() == text(), "run: make generate"


def test_the_reasons_are_written_down_by_make_generate() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ngenerate:")[2].partition("\n\n")[0]
    assert f"python -m {catalogue.__name__}" in recipe


@each_document
def test_every_reason_that_is_named_is_there(document: Path) -> None:
    named = set(re.findall(r"[`\"]([A-Z]+(?:_[A-Z]+)+)[`\"]", document.read_text()))
    if document.name == "domains.md":  # of the domain that it builds
        named -= {"ACCOUNT_FROZEN", "ACCOUNT_NOT_FOUND", "TOO_MANY_ACCOUNTS"}
    assert {name for name in named if not name.startswith("FOLDLOG_")} <= reasons()


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {re.split(r"[<>=!; ]", line)[0] for group in groups for line in group}
    tables = CONTRIBUTING.read_text().partition("## Dependencies")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == declared
