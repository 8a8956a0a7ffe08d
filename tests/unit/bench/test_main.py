"""A tiny run from end to end, with real servers and a real load."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import h2load, rows, shop, stand
from bench.__main__ import QUICK, measure
from bench.processes import BenchFailed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not h2load.is_installed(), reason=h2load.MISSING),
]


def _names_in(directory: Path) -> list[str]:
    return [place.name for place in directory.iterdir()]


async def test_a_tiny_run_fills_every_row(tmp_path: Path) -> None:
    report = await measure(QUICK, 1, 7, tmp_path, lambda _: None)

    report.write(tmp_path / "results")

    table = (tmp_path / "results" / "latest.md").read_text()
    everything = json.loads((tmp_path / "results" / "latest.json").read_text())
    assert [row["name"] for row in everything["rows"]] == list(rows.table())
    assert all(name in table for name in rows.table())
    assert all(row["per_second"] > 0 and len(row["windows"]) == 1 for row in everything["rows"])
    assert str(tmp_path) not in table + json.dumps(everything)
    assert _names_in(tmp_path) == ["results"]
    many, some, one = (row["windows"][0]["measured"]["per_commit"] for row in everything["rows"][:3])
    assert many > 2 * one  # commands that come together are committed together
    assert some > one == 1


async def test_commands_that_are_refused_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "CREATE", replace(shop.CREATE, message=b""))
    async with stand.standing(tmp_path, QUICK, seed=7) as servers:
        with pytest.raises(BenchFailed, match="grew by 0 events"):
            await servers.commands(16)
