"""What protoc and its plugins are asked, and what is passed on of what they say."""

from pathlib import Path

import pytest

from foldlog_generator.compiling import CannotGenerate, compiled
from foldlog_generator.protos import directory
from tests.architecture.documents import ROOT
from tests.support.own_domains import BANK, write_protos


def refusal(tmp_path: Path, protos: dict[str, str]) -> CannotGenerate:
    with pytest.raises(CannotGenerate) as refused:
        compiled(write_protos(tmp_path, protos), directory())
    return refused.value


def test_the_protos_of_foldlog_are_found_in_the_source_tree() -> None:
    assert directory() == ROOT / "protos"


def test_what_protoc_says_is_passed_on_as_it_is(tmp_path: Path) -> None:
    found = refusal(tmp_path, {"bank/v1/bank.proto": BANK.replace("int64 cents = 2;", "int46 cents = 2;")})
    assert f'{tmp_path}/bank/v1/bank.proto:33:3: "int46" is not defined.' in found.said
    assert str(found) == "protoc refuses the protos, and nothing was changed. Correct what it names."


def test_a_command_that_is_called_as_its_rpc_is_explained(tmp_path: Path) -> None:
    found = refusal(tmp_path, {"bank/v1/bank.proto": BANK.replace("(bank.v1.Deposit)", "(Deposit)")})
    assert '"Deposit" is not a message type.' in found.said
    assert str(found).endswith("with its package, as in `rpc Deposit(bank.v1.Deposit)`.")


def test_an_import_that_is_not_found_is_explained(tmp_path: Path) -> None:
    missing = BANK.replace("import", 'import "google/type/money.proto";\nimport', 1)
    found = refusal(tmp_path, {"bank/v1/bank.proto": missing})
    assert "google/type/money.proto: File not found." in found.said
    assert "Imports are looked for in the directory of the protos" in str(found)


def test_what_our_plugin_says_is_the_reason(tmp_path: Path) -> None:
    found = refusal(tmp_path, {"bank/v1/bank.proto": BANK.replace("string account_id", "string from")})
    assert "bank.v1.Deposit.from is a reserved word in Python; rename the field." in str(found)


def test_a_warning_of_protoc_is_passed_on(tmp_path: Path) -> None:
    unused = BANK.replace("import", 'import "foldlog/v1/money.proto";\nimport', 1)
    made = compiled(write_protos(tmp_path, {"bank/v1/bank.proto": unused}), directory())
    assert "warning: Import foldlog/v1/money.proto is unused." in made.said


def test_protos_without_a_service_have_their_messages(tmp_path: Path) -> None:
    events = 'syntax = "proto3";\npackage bank.v1;\nmessage Opened {}\n'
    made = compiled(write_protos(tmp_path, {"bank/v1/events.proto": events}), directory())
    assert sorted(made.files) == ["bank/v1/events_pb2.py", "bank/v1/events_pb2.pyi"]


def test_a_directory_without_protos_is_refused(tmp_path: Path) -> None:
    assert str(refusal(tmp_path, {})).startswith(f"There is no proto file in {tmp_path}: write one")


def test_a_copy_of_our_protos_is_refused(tmp_path: Path) -> None:
    options = (directory() / "foldlog/v1/options.proto").read_text()
    found = refusal(tmp_path, {"bank/v1/bank.proto": BANK, "foldlog/v1/options.proto": options})
    assert "options.proto is in the place of Foldlog's own protos" in str(found)
