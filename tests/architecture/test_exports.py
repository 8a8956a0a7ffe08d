"""What `foldlog_client` and `foldlog_client.sync` offer is what they say they offer."""

import inspect
from types import ModuleType

import pytest

import foldlog_client
import foldlog_client.sync
import foldlog_client.testing
import foldlog_server.testing
from foldlog_client import errors

TESTING = pytest.mark.parametrize(
    "module", [foldlog_client.testing, foldlog_server.testing], ids=lambda one: one.__name__
)
BOTH = pytest.mark.parametrize("client", [foldlog_client, foldlog_client.sync], ids=lambda one: one.__name__)


@BOTH
def test_all_is_sorted_and_names_what_is_there(client: ModuleType) -> None:
    assert client.__all__ == sorted(client.__all__)
    assert all(hasattr(client, name) for name in client.__all__)


@BOTH
def test_nothing_is_offered_that_all_does_not_name(client: ModuleType) -> None:
    offered = {
        name
        for name, value in vars(client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert offered == set(client.__all__)


def test_both_offer_the_same_names() -> None:
    assert foldlog_client.sync.__all__ == foldlog_client.__all__


def test_every_error_is_offered() -> None:
    hierarchy = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.FoldlogError)
    }
    assert hierarchy <= set(foldlog_client.__all__)


@BOTH
def test_everything_offered_is_documented(client: ModuleType) -> None:
    for name in client.__all__:
        assert inspect.getdoc(getattr(client, name)), name


@TESTING
def test_what_is_for_tests_is_named_and_documented(module: ModuleType) -> None:
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        offered = getattr(module, name)
        assert inspect.getdoc(offered), name
        for method, value in inspect.getmembers(offered, inspect.isroutine):
            assert method.startswith("_") or inspect.getdoc(value), f"{name}.{method}"
