"""Runs protoc and its plugins over a directory of protos, and returns every Python file that they make."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet

NEEDED = ("grpc_tools", "mypy_protobuf")
"""The modules of the extra `generate`."""
_PYTHON = (sys.executable, "-P")
_MYPY, _MYPY_GRPC = (f"from mypy_protobuf.main import {one}; {one}()" for one in ("main", "grpc"))
_CLIENT = "from foldlog_generator.plugin import main; main()"
_ADVICE = {
    "is not a message type": (
        "Inside a service, the name of an RPC comes before that of a message: "
        "write the message with its package, as in `rpc Deposit(bank.v1.Deposit)`."
    ),
    "File not found": (
        "Imports are looked for in the directory of the protos; "
        "foldlog/ and google/protobuf/ are there by themselves."
    ),
}
"""Advice for errors of protoc that do not explain themselves."""


class CannotGenerate(Exception):
    """Why nothing was generated, in one line that says what to do."""

    def __init__(self, line: str, said: str = "") -> None:
        super().__init__(line)
        self.said = said
        """The unchanged output of protoc or the plugin."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The files that protoc and its plugins made."""

    files: Mapping[str, bytes]
    """The contents by name, as in bank/v1/bank_pb2.py."""
    said: str
    """Warnings of protoc; empty if there are none."""


def missing() -> str:
    """Return one line on what to install before anything can be generated; empty if nothing is missing."""
    names = [name for name in NEEDED if find_spec(name) is None]
    if not names:
        return ""
    return (
        f"The packages that generate code are not installed: no {', '.join(names)}. "
        "Run: pip install 'foldlog[generate]' (from a checkout of it: pip install '.[generate]')"
    )


def compiled(protos: Path, foldlogs: Path | None) -> Compiled:
    """Return everything that is generated from the protos of a directory. Raises `CannotGenerate`.

    Args:
        protos: The directory.
        foldlogs: The directory of Foldlog's own protos; None if `protos` itself is that directory.
    """
    names = _names(protos, own=foldlogs is None)
    paths = [protos, foldlogs] if foldlogs else [protos]
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        described = out / ".described"
        keep = [f"--descriptor_set_out={described}", "--include_imports", "--include_source_info"]
        said = _protoc(paths, [f"--python_out={out}", *keep], names)
        files = FileDescriptorSet.FromString(described.read_bytes())
        described.unlink()
        served = [one.name for one in files.file if one.service and one.name in set(names)]
        if served:
            _protoc(paths, [f"--grpc_python_out={out}"], served)
        for code, parameter, asked in (
            (_MYPY, "quiet", names),
            (_MYPY_GRPC, "quiet", served),
            (_CLIENT, "", names),
        ):
            _write(out, _plugin(code, _request(files, asked, parameter), out if foldlogs is None else None))
        return Compiled(dict(_read(out)), said)


def _names(protos: Path, *, own: bool) -> list[str]:
    """Return the names of a directory's protos, as they import each other."""
    names = sorted(path.relative_to(protos).as_posix() for path in protos.rglob("*.proto"))
    if not names:
        raise CannotGenerate(
            f"There is no proto file in {protos}: write one, or name its directory by --protos."
        )
    ours = [name for name in names if name.startswith("foldlog/")]
    if ours and not own:
        raise CannotGenerate(
            f"{protos / ours[0]} is in the place of Foldlog's own protos, which are imported from where "
            "it is installed: remove the copy, or name the package otherwise."
        )
    return names


def _protoc(paths: Sequence[Path], arguments: Sequence[str], names: Sequence[str]) -> str:
    """Run protoc, and return its warnings; raise `CannotGenerate` with its errors."""
    command = [*_PYTHON, "-m", "grpc_tools.protoc", *(f"-I{path}" for path in paths), *arguments]
    command += [str(paths[0] / name) for name in names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        advice = next(
            (advice for said, advice in _ADVICE.items() if said in done.stderr), "Correct what it names."
        )
        raise CannotGenerate(f"protoc refuses the protos, and nothing was changed. {advice}", done.stderr)
    return done.stderr


def _request(files: FileDescriptorSet, names: Iterable[str], parameter: str) -> CodeGeneratorRequest:
    return CodeGeneratorRequest(file_to_generate=names, proto_file=files.file, parameter=parameter)


def _plugin(code: str, request: CodeGeneratorRequest, path: Path | None) -> CodeGeneratorResponse:
    """Return a plugin's response to the request that protoc would send it.

    Foldlog's own options may have changed: the code just generated from them, in `path`, comes before the
    installed one.
    """
    if path:
        (path / "foldlog" / "__init__.py").touch()
    places = [str(one) for one in (path, os.environ.get("PYTHONPATH")) if one]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONDONTWRITEBYTECODE": "1"}
    command, asked = [*_PYTHON, "-c", code], request.SerializeToString()
    done = subprocess.run(command, input=asked, capture_output=True, env=environment, check=False)
    if done.returncode:
        raise CannotGenerate(
            f"A plugin of protoc failed (exit code {done.returncode}), and nothing was changed.",
            done.stderr.decode(errors="replace"),
        )
    response = CodeGeneratorResponse.FromString(done.stdout)
    if response.error:
        raise CannotGenerate(f"Nothing was changed: {response.error}")
    return response


def _write(out: Path, response: CodeGeneratorResponse) -> None:
    for one in response.file:
        path = out / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.content, encoding="utf-8", newline="\n")


def _read(out: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(out.rglob("*")):
        if path.is_file():
            yield path.relative_to(out).as_posix(), path.read_bytes()
