"""Copies the protos of google.rpc that refusals use, and their imports, from the installed package.

For tools that read protos instead of a server's reflection. Those tools bring google/protobuf/ with them.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from google.rpc import error_details_pb2

CARRY_REFUSALS = ("google/rpc/status.proto", "google/rpc/error_details.proto")
INSTALLED = Path(error_details_pb2.__file__).parents[2]


def needed() -> Iterator[str]:
    """Return the files' names, as protos import them."""
    names = [*CARRY_REFUSALS]
    for name in names:
        yield name
        imported = re.findall(r'^import (?:public )?"(.+)";', (INSTALLED / name).read_text(), re.MULTILINE)
        names += [one for one in imported if not one.startswith("google/protobuf/") and one not in names]


def lay_out(directory: Path) -> None:
    """Write the files below a directory, replacing those of an earlier package."""
    for name in needed():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((INSTALLED / name).read_bytes())
        print(file)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
