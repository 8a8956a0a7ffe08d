"""A day of a real retailer's invoices, replayed by the command that people run, agrees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = os.environ.get("FOLDLOG_RETAIL_DATA")


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="FOLDLOG_RETAIL_DATA names no file of the Online Retail data set")
@pytest.mark.parametrize("flags", [[], ["--whole"]], ids=["line by line", "whole orders"])
def test_a_day_of_invoices_agrees_with_every_read_model(flags: list[str]) -> None:
    command = [sys.executable, "-m", "examples.online_retail", str(DATA), "--day", "2010-12-01", *flags]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
