"""A small domain that is not Foldlog's own, with its generated code, as a team would have it."""

import atexit
import importlib
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from foldlog_generator.compiling import compiled
from foldlog_generator.protos import directory

NAME = "savings.domain:SAVINGS"
_HERE = Path(__file__).parent


def write(folder: Path) -> Path:
    """Write the package `savings` into a directory, which is to be on the path of imports."""
    package = folder / "savings"
    for name, content in _generated().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for place in (package, package / "v1"):
        (place / "__init__.py").touch()
    shutil.copy(_HERE / "domain.txt", package / "domain.py")
    return folder


@cache
def imported() -> Any:
    """The domain's module, in this process."""
    folder = write(Path(tempfile.mkdtemp(prefix="foldlog-savings-")))
    atexit.register(shutil.rmtree, folder)
    sys.path.insert(0, str(folder))
    return importlib.import_module("savings.domain")


@cache
def _generated() -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as protos:
        place = Path(protos) / "savings" / "v1"
        place.mkdir(parents=True)
        shutil.copy(_HERE / "savings.proto", place)
        return compiled(Path(protos), directory()).files
