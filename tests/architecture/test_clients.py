"""docs/clients.md quotes the example clients, which are run, as they are."""

import re

import pytest

from tests.architecture.documents import ROOT
from tests.architecture.quotes import CLIENTS, QUOTE, NoRegion, quoted, region

EXAMPLES = ROOT / "examples" / "clients"
LANGUAGES = {"go": "*.go", "java": "*.java", "rust": "*.rs", "typescript": "*.ts"}
MARKED = [
    file
    for pattern in LANGUAGES.values()
    for file in EXAMPLES.rglob(pattern)
    if not {"gen", "node_modules", "target", "build", "dist"} & set(file.relative_to(EXAMPLES).parts)
]


def test_its_quotes_are_what_the_examples_say() -> None:
    page = CLIENTS.read_text()
    assert quoted(page) == page, "Write them anew: make generate"


def test_all_its_code_is_quoted() -> None:
    page = CLIENTS.read_text()
    blocks = re.findall(rf"^```(?:{'|'.join(LANGUAGES)})$", page, re.MULTILINE)
    assert len(QUOTE.findall(page)) == len(blocks) > 0


def test_every_language_is_quoted_and_every_region_has_an_end() -> None:
    assert {quote["language"] for quote in QUOTE.finditer(CLIENTS.read_text())} == set(LANGUAGES)
    for file in MARKED:
        text = file.read_text()
        begun, ended = (re.findall(rf"docs:{mark} (\S+)", text) for mark in ("begin", "end"))
        assert begun == ended, file


def test_a_region_is_told_from_the_lines_around_it() -> None:
    text = "a\n    // docs:begin b\n    b {\n\n        c\n    }\n\n    // docs:end b\nd\n"
    assert region(text, "b") == "b {\n\n    c\n}\n"
    with pytest.raises(NoRegion):
        region(text, "d")
