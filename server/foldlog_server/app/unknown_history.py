"""What a log holds that this release does not know is told once, in a line, and what follows from it."""

from collections.abc import Collection, Sequence
from pathlib import Path

MOST_NAMES = 10
"""Of types, and of categories; the rest are counted."""


def told(
    types: Collection[str],
    categories: Collection[str],
    known: Collection[str],
    deciders: Collection[str],
    data: Path,
) -> str:
    """The line about the stored types and categories that are not known; empty if all are."""
    unknown_types = sorted(set(types) - set(known))
    unknown_categories = sorted(set(categories) - set(deciders))
    if not unknown_types and not unknown_categories:
        return ""
    found = [
        f"{kind} {_listed(names)}"
        for kind, names in (("events", unknown_types), ("streams of category", unknown_categories))
        if names
    ]
    follows = "Views do not see them"
    if unknown_types:
        follows += ", and commands on an aggregate that has such an event fail (EVENT_UNREADABLE)"
    return (
        f"The log holds what this release does not know: {'; '.join(found)}. "
        f"{follows}; who reads the log gets them. "
        f"Run the release that wrote them, or see what would break: foldlog check-history --data {data}"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
