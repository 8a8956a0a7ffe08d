"""The numbers of our options: they never change, and nobody has them by accident.

`buf breaking` does not compare the numbers of extensions.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.protos import NAMES, PROTOS, USUAL, in_house, ours, protoc

FIELD, METHOD, VALUE = (f".google.protobuf.{kind}Options" for kind in ("Field", "Method", "EnumValue"))
NUMBERS = {
    "foldlog.v1.rules": (FIELD, 74391),
    "foldlog.v1.personal": (FIELD, 74392),
    "foldlog.v1.indexed": (FIELD, 74393),
    "foldlog.v1.filter": (FIELD, 74394),
    "foldlog.v1.names_new": (FIELD, 74395),
    "foldlog.v1.command": (METHOD, 74401),
    "foldlog.v1.query": (METHOD, 74402),
    "foldlog.v1.error": (VALUE, 74411),
}
"""Never to be changed: a client's own generated code has them."""

OURS = range(74391, 74421)
_LOAD = """
import in_house_pb2
from foldlog.orders.v1 import command_service_pb2, commands_pb2
from foldlog.v1 import options_pb2
assert in_house_pb2.DESCRIPTOR.extensions_by_name["field_{0}"].number == {0}
assert commands_pb2.CreateOrder.DESCRIPTOR.fields[0].GetOptions().HasExtension(options_pb2.rules)
"""


def test_each_has_its_number_for_ever() -> None:
    extensions = {
        f"{file.package}.{extension.name}": (extension.extendee, extension.number)
        for file in ours().values()
        for extension in file.extension
    }
    assert extensions == NUMBERS


def test_they_are_of_our_block_and_no_two_are_the_same() -> None:
    numbers = [number for _, number in NUMBERS.values()]
    assert len({*numbers}) == len(numbers)
    assert {*numbers} <= {*OURS}


def test_no_message_declares_options_out_of_sight() -> None:
    messages = [message for file in ours().values() for message in file.message_type]
    assert not any(message.extension for message in messages)


def loaded_beside(numbers: range, directory: Path) -> "subprocess.CompletedProcess[str]":
    """Compile our protos and one with options of its own, and load both in one program."""
    (directory / "in_house.proto").write_text(in_house(numbers))
    protoc([directory], f"--python_out={directory}", "in_house.proto")
    protoc([PROTOS], f"--python_out={directory}", *NAMES)
    top = directory / "foldlog"
    for package in (top, *top.rglob("*/")):  # else the installed one would be found
        (package / "__init__.py").touch()
    program = [sys.executable, "-P", "-c", _LOAD.format(numbers[0])]
    environment = {"PYTHONPATH": str(directory)}
    return subprocess.run(program, env=environment, capture_output=True, text=True)


def test_our_protos_are_loaded_beside_options_of_somebodys_own(tmp_path: Path) -> None:
    done = loaded_beside(USUAL, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [74391, 74401, 74411])
def test_with_a_number_of_ours_they_would_not_be(tmp_path: Path, number: int) -> None:
    done = loaded_beside(range(number, number + 1), tmp_path)
    assert done.returncode == 1
    assert "foldlog.v1." in done.stderr, done.stderr
