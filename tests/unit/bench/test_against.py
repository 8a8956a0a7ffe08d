"""The working tree's server against another commit's: a tiny run, and what is left when it ends early."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench import compare, h2load
from bench.checkout import HERE, NoSuchCommit, checked_out

IS_REPOSITORY = (HERE / ".git").exists()
pytestmark = pytest.mark.skipif(not IS_REPOSITORY, reason="not a git repository: there is no other commit")
needs_h2load = pytest.mark.skipif(not h2load.is_installed(), reason=h2load.MISSING)


def worktrees() -> str:
    return subprocess.run(
        ["git", "-C", str(HERE), "worktree", "list"], check=True, capture_output=True, text=True
    ).stdout


def against(place: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.against", "HEAD", "--data", str(place), *arguments],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_checkout_is_there_for_the_block_and_then_gone(tmp_path: Path) -> None:
    before = worktrees()
    with suppress(KeyboardInterrupt), checked_out("HEAD", tmp_path) as checkout:
        assert (checkout / "server" / "foldlog_server" / "__main__.py").is_file()
        assert worktrees() != before
        raise KeyboardInterrupt
    assert worktrees() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no-such-commit", "--force", "HEAD:README.md"])
def test_what_is_no_commit_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoSuchCommit, match=f"no commit {name} "), checked_out(name, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@needs_h2load
def test_a_tiny_run_has_every_row(tmp_path: Path) -> None:
    before = worktrees()
    with against(tmp_path, "--quick") as run:
        table, told = run.communicate()
    assert run.returncode == 0, told
    with against(tmp_path, "--quick", "--only", "queries") as run:
        queries, told = run.communicate()
    assert run.returncode == 0, told
    assert "| point queries, 16 in" in queries
    assert "| commands" not in queries
    for name in ("commands, 1 in", "commands, 16 in", "commands, 64 in", "point queries, 16 in", "start on"):
        assert f"| {name}" in table
    assert (worktrees(), list(tmp_path.iterdir())) == (before, [])


@pytest.mark.slow
@pytest.mark.parametrize("part", compare.PARTS)
def test_a_part_is_compared_without_a_server(tmp_path: Path, part: str) -> None:
    before = worktrees()
    command = [sys.executable, "-m", "bench.compare", part, "HEAD", "--count", "64", "--rounds", "1"]
    done = subprocess.run(
        command, cwd=HERE, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()] == [
        "here",
        "here",
        "there",
        "there:",
    ]
    assert (worktrees(), list(tmp_path.iterdir())) == (before, [])


@pytest.mark.slow
@needs_h2load
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_ended_nothing_is_left(tmp_path: Path, sent: signal.Signals) -> None:
    before = worktrees()
    with against(tmp_path, "--quick", "--rounds", "1000") as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "round 1 " in line:
                run.send_signal(sent)
                break
        _, told = run.communicate()
    assert run.returncode == 130, told
    assert (worktrees(), list(tmp_path.iterdir())) == (before, [])
