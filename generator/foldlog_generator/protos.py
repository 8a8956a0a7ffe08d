"""Where the protos of Foldlog lie that those of other domains import."""

from pathlib import Path

import foldlog


def directory() -> Path:
    """What protoc is given as an import path: in the installed package, or in the source tree beside it."""
    package = Path(foldlog.__file__).parent
    installed = package / "protos"
    return installed if installed.is_dir() else package.parents[1] / "protos"
