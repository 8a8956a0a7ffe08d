"""Prints what a server keeps of the contract: `-p tests.conformance.report`.

Its output is Markdown: a heading for each section, a line for each sentence.
"""

import os

import pytest

_MARKS = {"passed": "x", "failed": " ", "skipped": "-"}


class _Report:
    def __init__(self) -> None:
        self._section = ""
        self._failed: list[str] = []
        self._count = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        known = dict(report.user_properties)
        sentence, section = str(known.get("sentence", report.nodeid)), str(known.get("section", ""))
        if section != self._section:
            self._section = section
            print(f"\n## {section}\n")
        print(f"- [{_MARKS[report.outcome]}] {sentence}", flush=True)
        self._count += 1
        if report.failed:
            self._failed.append(f"{sentence}\n\n{report.longreprtext}")

    def pytest_sessionfinish(self) -> None:
        for failure in self._failed:
            print(f"\n## Not kept: {failure}")
        print(f"\n{self._count - len(self._failed)} of {self._count} sentences are kept.")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's own report."""
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.set_blocked("terminalreporter")
    config.pluginmanager.register(_Report(), "contract")
    where = os.environ.get("FOLDLOG_CONFORMANCE_ADDRESS") or "a server of its own"
    print(f"# The contract, held against {where}")
