"""Writes generated/ from protos/: messages, their types, gRPC stubs, and the methods of our own client.

protoc's import paths are our package names, so nothing is rewritten. With --check it writes nothing, and
exits 1 if generated/ is not what it would write.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "generator"))

from foldlog_generator.compiling import CannotGenerate, compiled  # noqa: E402
from foldlog_generator.generated_code import bring_about, differences  # noqa: E402


def main() -> str | None:
    """Write or check the files, and return what is wrong."""
    out = ROOT / "generated"
    try:
        made = compiled(ROOT / "protos", None)
        found = differences(out, made.files)
    except CannotGenerate as reason:
        return f"{reason.said}{reason}"
    if "--check" not in sys.argv:
        bring_about(out, made.files, found)
        return None
    if not found:
        return None
    files = "".join(f"generated/{name}\n" for name in (*found.written, *found.removed))
    return f"{files}generated/ does not match protos/: run make generate, and commit it with the protos."


if __name__ == "__main__":
    sys.exit(main())
