"""Parameters that only `make check-slow` takes: of many of a kind, `make test` runs a few."""

from collections.abc import Iterable

import pytest


def slow(values: Iterable[object]) -> list[object]:
    """Each value, or each tuple of values, as a parameter set whose test is slow."""
    tuples = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*each, marks=pytest.mark.slow) for each in tuples]
