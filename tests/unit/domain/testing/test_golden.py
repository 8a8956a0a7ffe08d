"""Golden events are written once, and whatever keeps them from being read as they were is found."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from foldlog_server.domain import Domain, Upcaster
from foldlog_server.domain.testing import check_golden_events, write_golden_events
from foldlog_server.domains.inventory import INVENTORY
from foldlog_server.domains.orders import ORDERS
from tests.support.savings.changed import Changed, message
from tests.support.savings.unfit import ours, savings_with

pb: Any = ours.savings_pb2
NAMES = ["Closed", "Credited", "Deposited", "Opened"]


def found_in(folder: Path, *domains: Domain) -> list[str]:
    with pytest.raises(AssertionError) as error:
        check_golden_events(folder, *domains)
    return str(error.value).strip().split("\n")


def with_changed_event(change: Any) -> Domain:
    """Savings, whose Deposited is that of a changed proto."""
    file = Changed()
    change(file)
    deposited = message(file.module(), "Deposited")
    decider = replace(ours.ACCOUNT, events=(pb.Opened, pb.Closed, deposited))
    return savings_with(
        deciders=(decider,), upcasters=(Upcaster(pb.Credited, deposited, lambda _: deposited()),)
    )


def test_every_event_gets_a_file_with_every_field_set(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    written = write_golden_events(folder, ours.SAVINGS)
    assert [file.name for file in written] == [f"savings.v1.{name}.json" for name in NAMES]
    check_golden_events(folder, ours.SAVINGS)
    assert json.loads((folder / "savings.v1.Deposited.json").read_text()) == {
        "type": "savings.v1.Deposited",
        "bytes": "0801",
        "says": {"cents": "1"},
    }


def test_samples_come_first_and_nothing_is_written_again(tmp_path: Path) -> None:
    samples = [pb.Opened(owner="Zoë"), pb.Opened(owner="Ada"), pb.Deposited()]
    first = write_golden_events(tmp_path, ours.SAVINGS, samples=samples)
    names = ["Opened", "Opened-2", "Deposited", "Closed", "Credited", "Deposited-2"]
    assert [file.name for file in first] == [f"savings.v1.{name}.json" for name in names]
    before = {file: file.read_text() for file in first}
    samples[0] = pb.Opened(owner="Eve")
    assert write_golden_events(tmp_path, ours.SAVINGS, samples=samples) == []
    assert {file: file.read_text() for file in tmp_path.iterdir()} == before
    check_golden_events(tmp_path, ours.SAVINGS)
    assert "Zoë" in (tmp_path / "savings.v1.Opened.json").read_text()


def test_a_message_without_a_file_is_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)
    (tmp_path / "savings.v1.Credited.json").unlink()
    assert found_in(tmp_path, ours.SAVINGS) == [
        "savings.v1.Credited has no golden file. Write what is missing with write_golden_events, and keep it "
        "with the tests."
    ]


def test_a_field_that_is_new_wants_a_further_file(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)
    changed = with_changed_event(lambda file: file.add("Deposited", "note", number=2))
    assert found_in(tmp_path, changed) == [
        "savings.v1.Deposited has no golden file in which note is set. Write what is missing with "
        "write_golden_events, and keep it with the tests."
    ]
    [written] = write_golden_events(tmp_path, changed)
    assert written.name == "savings.v1.Deposited-2.json"
    check_golden_events(tmp_path, changed)


def test_a_field_of_another_number_type_or_name_is_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS, samples=[pb.Deposited(cents=300)])
    text, advice = (
        FieldDescriptorProto.TYPE_STRING,
        "Give the changed message a new name, and the old one an upcaster.",
    )
    for change, said in (
        (lambda file: setattr(file.field("Deposited", "cents"), "number", 2), "its bytes say {}, and said"),
        (
            lambda file: setattr(file.field("Deposited", "cents"), "name", "pence"),
            "its bytes say {'pence': '300'}",
        ),
        (lambda file: setattr(file.field("Deposited", "cents"), "type", text), "its bytes say {}, and said"),
    ):
        [line] = [
            one for one in found_in(tmp_path, with_changed_event(change)) if one.startswith("savings.v1.D")
        ][-1:]
        assert line.startswith(f"savings.v1.Deposited.json: {said}")
        assert line.endswith(advice)


def test_bytes_that_are_no_such_message_are_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)
    file = tmp_path / "savings.v1.Opened.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"bytes": "0a05"}))
    [line] = found_in(tmp_path, ours.SAVINGS)
    assert line.startswith("savings.v1.Opened.json: its bytes are no savings.v1.Opened any more.")


def test_bytes_that_would_be_written_otherwise_are_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)
    file = tmp_path / "savings.v1.Deposited.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"bytes": "088100"}))
    [line] = found_in(tmp_path, ours.SAVINGS)
    assert line.startswith("savings.v1.Deposited.json: what it says would be written as other bytes.")


def test_an_event_that_is_no_longer_known_is_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)
    assert found_in(tmp_path, savings_with(upcasters=())) == [
        "savings.v1.Credited.json: no decider knows savings.v1.Credited any more, and it lies in logs. Name it in "
        "the annotation of a decider's evolve, or give it an upcaster."
    ]


def test_an_upcaster_that_refuses_or_gives_something_else_is_found(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ours.SAVINGS)

    def refusing(old: Any) -> Any:
        raise ValueError("no more")

    for upcast, said in (
        (refusing, "ValueError: no more."),
        (lambda _: pb.Opened(), "TypeError: The upcaster of savings.v1.Credited returned a Opened"),
    ):
        domain = savings_with(upcasters=(Upcaster(pb.Credited, pb.Deposited, upcast),))
        [line] = found_in(tmp_path, domain)
        assert line.startswith(f"savings.v1.Credited.json: its upcaster raises {said}")


def test_domains_may_share_a_folder(tmp_path: Path) -> None:
    write_golden_events(tmp_path, ORDERS, INVENTORY, ours.SAVINGS)
    check_golden_events(tmp_path, ORDERS, INVENTORY, ours.SAVINGS)
    assert len(found_in(tmp_path, ORDERS, INVENTORY)) == len(NAMES)
