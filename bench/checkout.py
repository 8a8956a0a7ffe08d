"""Checks out a commit beside the working tree, for as long as it is measured."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent.parent
"""The working tree."""


class NoSuchCommit(Exception):
    """The commit does not exist here; the message is one line for people."""


@contextmanager
def checked_out(commit: str, directory: Path) -> Iterator[Path]:
    """Check out the commit as a worktree in a new directory; it is removed however the block ends.

    Raises `NoSuchCommit`.
    """
    full_name = _full_name(commit)
    with TemporaryDirectory(prefix="foldlog-checkout-", dir=directory) as place:
        worktree = Path(place, "tree")
        try:
            _git("worktree", "add", "--quiet", "--detach", str(worktree), full_name)
            yield worktree
        finally:
            # Also if adding it was interrupted: git's record of it is removed with its files.
            subprocess.run(
                ["git", "-C", str(HERE), "worktree", "remove", "--force", str(worktree)],
                capture_output=True,
                start_new_session=True,  # so that a second Ctrl-C does not reach it
            )


def described(commit: str) -> str:
    """Return a commit's short name and its subject. Raises `NoSuchCommit`."""
    return _git("log", "-1", "--format=%h %s", _full_name(commit)).strip()


def _full_name(commit: str) -> str:
    try:
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}").strip()
    except (OSError, subprocess.CalledProcessError):
        raise NoSuchCommit(
            f"there is no commit {commit} in the repository at {HERE}; name one that `git log` shows there."
        ) from None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(HERE), *arguments],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout
