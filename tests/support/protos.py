"""Our protos, and others beside them, as protoc sees them."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).parents[2] / "protos"
USUAL = range(50001, 50021)
"""Where most people begin to number options of their own."""
NAMES = sorted(str(file.relative_to(PROTOS)) for file in PROTOS.rglob("*.proto"))


def compiled(paths: Sequence[Path], *names: str) -> dict[str, FileDescriptorProto]:
    """The files and all they import, by their names."""
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory) / "set"
        protoc(paths, f"--descriptor_set_out={made}", "--include_imports", *names)
        files = FileDescriptorSet.FromString(made.read_bytes()).file
    return {file.name: file for file in files}


def protoc(paths: Sequence[Path], *arguments: str) -> None:
    """Run protoc, which must succeed."""
    command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{path}" for path in paths), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@cache
def ours() -> dict[str, FileDescriptorProto]:
    """Our own files."""
    files = compiled([PROTOS], *NAMES)
    return {name: files[name] for name in NAMES}


def in_house(numbers: range, go_package: str = "in_house") -> str:
    """A proto with options of somebody's own, of each kind that we have."""
    kinds = {"field": "FieldOptions", "method": "MethodOptions", "value": "EnumValueOptions"}
    extensions = [
        f"extend google.protobuf.{options} {{ string {kind}_{number} = {number}; }}"
        for kind, options in kinds.items()
        for number in numbers
    ]
    head = ['syntax = "proto3";', "package in_house;", f'option go_package = "{go_package}";']
    return "\n".join([*head, 'import "google/protobuf/descriptor.proto";', *extensions])
