"""Loads the domains that a process serves: those given by name, those that are installed, and the shop.

A name is `package.module:NAME`, the module and the name of a `Domain` in it. Installed distributions can list
their domains in the entry-point group `foldlog.domains`; those are found automatically.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from foldlog_server.domain.domain import Domain, Domains
from foldlog_server.domains import shop
from foldlog_server.domains.fit import problems

GROUP = "foldlog.domains"


class DomainsUnfit(Exception):
    """The domains cannot be served; there is a line for each reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def load(names: Sequence[str] = (), *, with_shop: bool = True) -> Domains:
    """The domains with these names, those that are installed, and the shop unless it is left out.

    Raises `DomainsUnfit` with every reason why they cannot be served.
    """
    installed = _installed()
    wanted = [*(shop.NAMES if with_shop else ()), *names, *installed]
    if not wanted:
        raise DomainsUnfit(
            ["There is no domain to serve. Name one, as in --domain bank.domain:BANK, or leave the shop in."]
        )
    return _fitting(wanted, installed)


def named(names: Iterable[str]) -> Domains:
    """Exactly the domains with these names; one that is named twice counts once. Raises `DomainsUnfit`."""
    return _fitting(names, {})


def make_readable(names: Sequence[str]) -> None:
    """Make the events of the domains with these names, and of those installed, readable in this process.

    They need not fit together, as they may belong to different servers. Raises `DomainsUnfit` if one cannot
    be found.
    """
    installed = _installed()
    _, reasons = _found([*names, *installed], installed)
    if reasons:
        raise DomainsUnfit(reasons)


def _fitting(names: Iterable[str], origins: Mapping[str, str]) -> Domains:
    found, reasons = _found(names, origins)
    reasons += problems(list(found.values()))
    if reasons:
        raise DomainsUnfit(reasons)
    return Domains(list(found.values()), list(found))


def _found(names: Iterable[str], origins: Mapping[str, str]) -> tuple[dict[str, Domain], list[str]]:
    """The domains, each once by its first name, and why others cannot be found.

    `origins` says where some of the names come from.
    """
    found: dict[str, Domain] = {}
    reasons: list[str] = []
    for name in dict.fromkeys(names):
        try:
            domain = _find(name)
        except _NotFound as reason:
            reasons.append(f"{reason}{origins.get(name, '')}")
        else:
            if not any(domain is other for other in found.values()):
                found[name] = domain
    return found, reasons


def _installed() -> Mapping[str, str]:
    """The names of the installed domains, sorted, each with a sentence on where it comes from."""
    return dict(sorted((_name_of(entry), _origin(entry)) for entry in entry_points(group=GROUP)))


def _name_of(entry: EntryPoint) -> str:
    return entry.value.partition("[")[0].strip()  # without extras


def _origin(entry: EntryPoint) -> str:
    distribution = "a distribution" if entry.dist is None else entry.dist.name
    return f" It is an entry point of {distribution}, which is installed."


class _NotFound(Exception):
    pass


def _find(name: str) -> Domain:
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), attribute]):
        raise _NotFound(
            f"{name!r} does not name a domain. Give a module and a name in it, such as bank.domain:BANK."
            + (" Separate several by blanks." if "," in name else "")
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(
            0, os.getcwd()
        )  # as `python -m` does, so that a project is found in the current directory
    module = _imported(module_name, name)
    domain = getattr(module, attribute, None)
    if isinstance(domain, Domain):
        return domain
    domains = [key for key, value in vars(module).items() if isinstance(value, Domain)]
    what = "is no Domain" if hasattr(module, attribute) else "does not exist"
    near = get_close_matches(attribute, domains, n=1, cutoff=0) or domains
    advice = f"Did you mean {module_name}:{near[0]}?" if near else "The module has none: make a Domain there."
    raise _NotFound(f"{name} {what}. {advice}")


def _imported(module_name: str, name: str) -> ModuleType:
    try:
        # What a module prints when it is imported must not mix with the command's output, such as JSON.
        with redirect_stdout(sys.stderr):
            return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise _NotFound(
            f"The domain {name} cannot be imported: there is no module {missing}. {_advice(missing)}"
        ) from None
    except (Exception, SystemExit) as error:  # a module may raise anything
        raise _NotFound(f"The domain {name} cannot be imported: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _advice(missing: str) -> str:
    """What to do about a module that is missing."""
    if re.search(r"_pb2$|\.v\d+\w*$", missing):
        return "It is generated from protos: run foldlog generate in the project's directory."
    return "Run from its directory, put that on PYTHONPATH, or install the package."
