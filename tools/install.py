"""Installs what a lock file pins into this Python's environment, and reports its progress.

Standard library alone: it runs before anything is installed.
"""

import re
import subprocess
import sys
from pathlib import Path

_PINNED = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_REPORTED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)==(\S+)")


def main() -> int:
    """Install the given lock file; return pip's exit code, and print its output if that is not 0."""
    lock = Path(sys.argv[1])
    whole = len(_PINNED.findall(lock.read_text()))
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["--progress-bar", "off", "--require-hashes", "-r", str(lock)]
    output: list[str] = []
    seen: set[str] = set()
    with subprocess.Popen(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            found = _REPORTED.match(line)
            if found and found[1] not in seen:
                seen.add(found[1])
                print(f"{len(seen):4}/{whole} {found[1]} {found[2]}", flush=True)
            elif line.startswith("Installing collected packages"):
                print("     Unpacking them.", flush=True)
    if process.returncode:
        print("".join(output), file=sys.stderr)
    return process.returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # pip has got the signal too
        sys.exit(130)
