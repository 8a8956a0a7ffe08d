"""What docs/testing.md shows is a test file that passes."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.documents import ROOT, fences


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    text = "\n\n".join(fences(ROOT / "docs" / "testing.md", "python"))
    (tmp_path / "test_page.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    pytest = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:randomly", "--rootdir", "."]
    pytest += ["-o", "asyncio_default_fixture_loop_scope=function", "test_page.py"]
    done = subprocess.run(pytest, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(re.findall(r'^(?:async )?def test_', text, re.MULTILINE))} passed" in done.stdout
