"""Pauses between attempts grow, are spread over all that they may be, and have an end."""

import random
from statistics import fmean

import grpc
import pytest

from foldlog_client import FoldlogError, Retry

PLAIN = FoldlogError(code=grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (7, 2.0), (10**6, 2.0)]
)
def test_a_pause_is_spread_from_none_to_what_it_may_be(failures: int, longest: float) -> None:
    retry = Retry(random=random.Random(7).random)
    pauses = [retry.pause(failures, PLAIN) for _ in range(4_000)]
    assert 0 <= min(pauses) < longest * 0.01
    assert longest * 0.99 < max(pauses) <= longest
    assert fmean(pauses) == pytest.approx(longest / 2, rel=0.05)
    tenths = [
        sum(tenth / 10 <= pause / longest < (tenth + 1) / 10 for pause in pauses) for tenth in range(10)
    ]
    assert min(tenths) > 300


def test_many_clients_that_fail_together_come_back_one_by_one() -> None:
    retry = Retry()
    pauses = {round(retry.pause(1, PLAIN), 6) for _ in range(1_000)}
    assert len(pauses) > 950
