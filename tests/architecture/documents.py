"""The project's documents, and what is found in them."""

import re
import string
from pathlib import Path

ROOT = Path(__file__).parents[2]

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def fences(document: Path, language: str) -> list[str]:
    """The text of every fenced block in a language, in order."""
    return [found["text"] for found in _FENCE.finditer(document.read_text()) if found["language"] == language]


def links(document: Path) -> list[tuple[str, str]]:
    """Text and target of every link."""
    prose = _FENCE.sub("", document.read_text())
    return [(found["text"], found["target"]) for found in _LINK.finditer(prose)]


def anchors(document: Path) -> set[str]:
    """What a link to a heading of the document may name, as GitHub makes it."""
    kept = string.ascii_lowercase + string.digits + "- _"
    headings = _HEADING.findall(_FENCE.sub("", document.read_text()))
    return {"".join(c for c in one.lower() if c in kept).replace(" ", "-") for one in headings}
