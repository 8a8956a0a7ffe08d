"""What tests do to files, and how they see that nothing was done to them."""

import os
import random
from pathlib import Path


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, with its bytes."""
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def flip(file: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of a file, in its place."""
    with file.open("r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 1 << bit]))


def flip_anywhere(file: Path, chance: random.Random, *, keep_time: bool = False) -> None:
    """Flip one bit of a file, which is written as any program would write it."""
    before = file.stat()
    flip(file, chance.randrange(before.st_size), chance.randrange(8))
    # Else a nanosecond later: the clock of a file system may have stood still since it was copied.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + (not keep_time)))
