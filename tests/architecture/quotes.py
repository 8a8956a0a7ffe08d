"""Writes the quotes in docs/clients.md from the example clients: the last step of `make generate`.

A region of a source file lies between lines with `docs:begin NAME` and `docs:end NAME`. The page names it before
the block that quotes it: `<!-- examples/clients/go/main.go connect -->`.
"""

import re
import textwrap

from tests.architecture.documents import ROOT

CLIENTS = ROOT / "docs" / "clients.md"

QUOTE = re.compile(
    r"<!-- (?P<file>\S+) (?P<region>\S+) -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)


class NoRegion(Exception):
    """What the page names is not in the file, or not once."""


def region(text: str, name: str) -> str:
    """The lines between a region's marks, as far left as they go."""
    mark = r"^[^\n]*docs:{} {}$"
    between = f"{mark.format('begin', name)}\n(.*?){mark.format('end', name)}"
    found = re.findall(between, text, re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise NoRegion(f"there are {len(found)} regions {name}; it was to be one")
    return textwrap.dedent(found[0]).strip("\n") + "\n"


def quoted(page: str) -> str:
    """The page with every quote as its source has it."""

    def filled(quote: re.Match[str]) -> str:
        try:
            source = region((ROOT / quote["file"]).read_text(), quote["region"])
        except NoRegion as reason:
            raise NoRegion(f"{quote['file']}: {reason}") from None
        return f"<!-- {quote['file']} {quote['region']} -->\n```{quote['language']}\n{source}```"

    return QUOTE.sub(filled, page)


if __name__ == "__main__":
    CLIENTS.write_text(quoted(CLIENTS.read_text()))
