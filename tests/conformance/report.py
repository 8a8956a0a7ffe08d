"""Prints what a server keeps of the contract: `-p tests.conformance.report`.

Its output is Markdown: a heading for each section, a line for each sentence. With `--collect-only` it prints
what the contract says, and holds nobody against it.
"""

import os
import socket

import pytest

ADDRESS = "FOLDLOG_CONFORMANCE_ADDRESS"
"""The environment variable that says which server is judged."""

_MARKS = {"passed": "x", "failed": " ", "skipped": "-"}


class _Report:
    def __init__(self) -> None:
        self._section = ""
        self._failed: list[str] = []
        self._count = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            for item in session.items:
                self._print(*item.stash[SENTENCE], " ")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        known = dict(report.user_properties)
        section, sentence = str(known["section"]), str(known["sentence"])
        self._print(section, sentence, _MARKS[report.outcome])
        self._count += 1
        if report.failed:
            self._failed.append(f"{sentence}\n\n{report.longreprtext}")

    def pytest_sessionfinish(self) -> None:
        for failure in self._failed:
            print(f"\n## Not kept: {failure}")
        if self._count:
            print(f"\n{self._count - len(self._failed)} of {self._count} sentences are kept.")

    def _print(self, section: str, sentence: str, mark: str) -> None:
        if section != self._section:
            self._section = section
            print(f"\n## {section}\n")
        print(f"- [{mark}] {sentence}", flush=True)


SENTENCE = pytest.StashKey[tuple[str, str]]()
"""The section and the sentence of a test."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's own report."""
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.set_blocked("terminalreporter")
    config.pluginmanager.register(_Report(), "contract")
    address = os.environ.get(ADDRESS)
    if address:
        _check(address)
    print(f"# The contract, held against {address or 'a server of its own'}")


def _check(address: str) -> None:
    """Say in one line if nobody listens."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise pytest.UsageError(
            f"No server answers at {address}: {error}. Start one with `make run`."
        ) from None
