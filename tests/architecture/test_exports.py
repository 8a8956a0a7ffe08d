"""What `foldlog_client` offers is what it says it offers."""

import inspect

import foldlog_client
from foldlog_client import errors


def test_all_is_sorted_and_names_what_is_there() -> None:
    assert foldlog_client.__all__ == sorted(foldlog_client.__all__)
    assert all(hasattr(foldlog_client, name) for name in foldlog_client.__all__)


def test_nothing_is_offered_that_all_does_not_name() -> None:
    offered = {
        name
        for name, value in vars(foldlog_client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert offered == set(foldlog_client.__all__)


def test_every_error_is_offered() -> None:
    hierarchy = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.FoldlogError)
    }
    assert hierarchy <= set(foldlog_client.__all__)


def test_everything_offered_is_documented() -> None:
    for name in foldlog_client.__all__:
        assert inspect.getdoc(getattr(foldlog_client, name)), name
