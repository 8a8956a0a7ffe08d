"""What an older release did, for tests of what it left behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from foldlog_server.commands import new_names


@contextmanager
def takes_any_new_name() -> Iterator[None]:
    """In this process, new names are not looked at."""
    with pytest.MonkeyPatch.context() as older:
        older.setattr(new_names, "unclear", lambda name: "")
        yield
