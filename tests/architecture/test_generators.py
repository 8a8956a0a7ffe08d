"""`buf generate` and plain protoc make code whose packages are named as each language has it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.documents import ROOT
from tests.support import tools
from tests.support.protos import NAMES, PROTOS, USUAL, in_house, protoc
from tests.support.tools import BUF, PROTOC_GEN_GO, PROTOC_GEN_GO_GRPC, tool

TEMPLATE = ROOT / "buf.gen.yaml"
OF_PYTHON = ("python", "pyi")


def builtins() -> list[dict[str, object]]:
    """What the template has protoc generate without a plugin."""
    text = TEMPLATE.read_text()
    found = re.findall(
        r"^  - protoc_builtin: (\w+).*\n    out: (\S+)(?:\n    opt: (\S+))?", text, re.MULTILINE
    )
    return [{"protoc_builtin": name, "out": out, **({"opt": opt} if opt else {})} for name, out, opt in found]


def generate(template: object, out: Path, *path: Path) -> Path:
    """What `buf generate` makes, with these directories first on its PATH."""
    command = [str(BUF), "generate", "--template", str(template), "--output", str(out)]
    directories = os.pathsep.join([*map(str, path), os.environ["PATH"]])
    environment = {**os.environ, "PATH": directories}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "gen"


def test_the_template_takes_our_protos(tmp_path: Path) -> None:
    """By the generators that grpcio-tools has, so that no other protoc is needed."""
    of_python = [plugin for plugin in builtins() if plugin["protoc_builtin"] in OF_PYTHON]
    assert len(of_python) == len(OF_PYTHON)
    inputs = re.search(r"^inputs:\n  - directory: (\S+)$", TEMPLATE.read_text(), re.MULTILINE)
    assert inputs
    template = {
        "version": "v2",
        "inputs": [{"directory": inputs[1]}],
        "plugins": [
            {**plugin, "protoc_path": [sys.executable, "-m", "grpc_tools.protoc"]} for plugin in of_python
        ],
    }
    made = generate(json.dumps(template), tmp_path)
    modules = {str(file.relative_to(made / "python")) for file in made.rglob("*_pb2.py")}
    assert modules == {name.replace(".proto", "_pb2.py") for name in NAMES}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the template makes as it is, with a protoc and nothing else."""
    return generate(TEMPLATE, tmp_path_factory.mktemp("generated"), tools.protoc().parent)


@pytest.mark.slow
def test_the_template_generates_each_language(made: Path) -> None:
    assert {f"gen/{directory.name}" for directory in made.iterdir()} == {
        plugin["out"] for plugin in builtins()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cpp/foldlog/orders/v1/types.pb.h", "namespace foldlog {\nnamespace orders {\nnamespace v1 {\n"),
        ("csharp/Foldlog/Orders/V1/Types.cs", "namespace Foldlog.Orders.V1 {\n"),
        ("java/foldlog/orders/v1/Order.java", "package foldlog.orders.v1;\n"),
        ("java/foldlog/orders/v1/OrderKt.kt", "package foldlog.orders.v1;\n"),
        ("objc/foldlog/orders/v1/Types.pbobjc.h", "@interface FOXOrder : GPBMessage\n"),
        ("php/Foldlog/Orders/V1/Order.php", "namespace Foldlog\\Orders\\V1;\n"),
        ("php/Foldlog/Orders/V1/GPBMetadata/Types.php", "namespace Foldlog\\Orders\\V1\\GPBMetadata;\n"),
        ("python/foldlog/orders/v1/types_pb2.pyi", "class Order("),
        ("python/foldlog/orders/v1/types_pb2.py", "'foldlog.orders.v1.types_pb2'"),
        ("ruby/foldlog/orders/v1/types_pb.rb", "module Foldlog\n  module Orders\n    module V1\n"),
    ],
)
def test_what_is_generated_is_named_as_the_language_has_it(made: Path, file: str, line: str) -> None:
    assert line in (made / file).read_text()


# Go, by plain protoc

GO_MODULE = """module foldlog

go 1.24

require (
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)
"""
GO_PROGRAM = """package main

import (
	"fmt"

	inventoryv1 "foldlog/inventory/v1"
	ordersv1 "foldlog/orders/v1"
	foldlogv1 "foldlog/v1"
	_ "foldlog/in_house"
)

func main() {
	fmt.Println(ordersv1.CommandService_ServiceDesc.ServiceName)
	fmt.Println(inventoryv1.CommandService_ServiceDesc.ServiceName)
	fmt.Println(foldlogv1.E_Rules.TypeDescriptor().Number())
}
"""


@pytest.fixture(scope="module")
def go_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What protoc makes without a flag for a file, and a program that takes all of it."""
    directory = tmp_path_factory.mktemp("go")
    plugins = [f"--plugin={tool(package)}" for package in (PROTOC_GEN_GO, PROTOC_GEN_GO_GRPC)]
    protoc([PROTOS], *plugins, f"--go_out={directory}", f"--go-grpc_out={directory}", *NAMES)
    module = directory / "foldlog"
    (module / "go.mod").write_text(GO_MODULE)
    (module / "main.go").write_text(GO_PROGRAM)
    return module


def run_go(module: Path, in_house_number: int) -> "subprocess.CompletedProcess[str]":
    """The program, together with options of somebody's own."""
    proto = module / "in_house.proto"
    proto.write_text(in_house(range(in_house_number, in_house_number + 20), "foldlog/in_house"))
    plugin = f"--plugin={tool(PROTOC_GEN_GO)}"
    protoc([module], plugin, f"--go_out={module.parent}", proto.name)
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go")
    # The versions are the module's; what they need in turn is written beside them.
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    download = subprocess.run(
        [go, "mod", "download"], cwd=module, env=environment, capture_output=True, text=True
    )
    if download.returncode:
        pytest.skip(f"Go's packages cannot be had: {download.stderr.strip().splitlines()[-1]}")
    return subprocess.run([go, "run", "."], cwd=module, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_go_code_builds_and_runs_beside_options_of_somebodys_own(go_module: Path) -> None:
    done = run_go(go_module, USUAL[0])
    assert done.returncode == 0, done.stderr
    said = ["foldlog.orders.v1.CommandService", "foldlog.inventory.v1.CommandService", "74391"]
    assert done.stdout.splitlines() == said


@pytest.mark.slow
def test_go_panics_with_a_number_of_ours(go_module: Path) -> None:
    done = run_go(go_module, 74391)
    assert done.returncode != 0
    assert re.match(r"panic: proto:.extension number 74391 is already registered", done.stderr)
