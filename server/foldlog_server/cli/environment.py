"""Warns of misspelt settings in the environment, in one line each; they prevent nothing."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_PREFIX = "FOLDLOG_"

SETTINGS = (
    "FOLDLOG_LISTEN",
    "FOLDLOG_DATA",
    "FOLDLOG_REQUEST_WINDOW_HOURS",
    "FOLDLOG_GRACE_SECONDS",
    "FOLDLOG_REFLECTION",
    "FOLDLOG_CACHED_AGGREGATES",
    "FOLDLOG_DOMAINS",
    "FOLDLOG_SHOP",
    "FOLDLOG_LOG_LEVEL",
    "FOLDLOG_ADDRESS",
)
"""Every variable from which an option of the command line is read."""

_OF_THE_TESTS = ("FOLDLOG_CONFORMANCE_ADDRESS", "FOLDLOG_RETAIL_DATA")

# Kubernetes describes each service of the namespace in every container, one named "foldlog" by
# FOLDLOG_PORT=tcp://10.0.0.11:50051 and one named "foldlog-data" by FOLDLOG_DATA_PORT
# (kubernetes.io/docs/concepts/services-networking/service, Environment variables). No setting may have such
# a name.
_SERVICE_LINK = re.compile(
    r"FOLDLOG_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def is_service_link(name: str) -> bool:
    """Whether Kubernetes sets a variable of this name for a service named foldlog or foldlog-…"""
    return _SERVICE_LINK.fullmatch(name) is not None


def misspelt(names: Iterable[str]) -> Sequence[str]:
    """A line for each variable that looks like a setting of Foldlog and is none, in the order of names."""
    return [
        f"{name} is not a setting and is ignored. {_advice(name.upper())}"
        for name in sorted(names)
        if name.upper().startswith("FOLDLOG")
        and name not in (*SETTINGS, *_OF_THE_TESTS)
        and not is_service_link(name)
    ]


def _advice(name: str) -> str:
    meant = [setting.removeprefix(_PREFIX) for setting in SETTINGS]
    match get_close_matches(name.removeprefix("FOLDLOG").lstrip("_"), meant, n=1, cutoff=0.5):
        case [nearest]:
            return f"Did you mean {_PREFIX}{nearest}?"
        case _:
            return f"There are {', '.join(SETTINGS)}."
