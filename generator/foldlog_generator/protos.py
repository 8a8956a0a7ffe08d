"""Finds the protos of Foldlog, which other domains import."""

from pathlib import Path

import foldlog


def directory() -> Path:
    """Return the import path for protoc: in the installed package, or in the source tree beside it."""
    package = Path(foldlog.__file__).parent
    installed = package / "protos"
    return installed if installed.is_dir() else package.parents[1] / "protos"
