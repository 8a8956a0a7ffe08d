"""Warns once, in one line, of events and streams that this release does not know, and of the consequences."""

from collections.abc import Collection, Sequence
from pathlib import Path

MOST_NAMES = 10
"""How many types, and how many categories, are named; the rest are counted."""


def warning(
    types: Collection[str],
    categories: Collection[str],
    known: Collection[str],
    deciders: Collection[str],
    data: Path,
) -> str:
    """The line about stored types and categories that are not known; empty if all are known."""
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
        f"{follows}; readers of the log get them. "
        f"Run the release that wrote them, or see what would break: foldlog check-history --data {data}"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
