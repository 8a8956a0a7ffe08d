"""Parameters that only `make check-slow` takes: of many of a kind, `make test` runs a few."""

from collections.abc import Iterable

import pytest


def slow(values: Iterable[object]) -> list[object]:
    """Each value as a parameter whose test is slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
