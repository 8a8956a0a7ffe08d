"""Writes a project with a domain of its own: a little one that works, to be changed into what it shall be."""

import importlib.metadata
import keyword
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from string import Template

from foldlog_generator.client_modules import CLIENTS_OWN

_TEMPLATES = Path(__file__).parent / "templates"
FILES = {
    "protos/%{name}/v1/%{name}.proto": "name.proto",
    "src/%{name}/__init__.py": "__init__.py",
    "src/%{name}/domain.py": "domain.py",
    "tests/test_%{name}.py": "test_name.py",
    "Makefile": "Makefile",
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
}
"""The templates, by the names of the files that they become."""


class CannotScaffold(Exception):
    """Why no project was written, in one line that says what to do."""


class _Text(Template):
    """Makefiles are full of dollar signs."""

    delimiter = "%"


def scaffold(name: str, directory: Path) -> list[str]:
    """Write a project to a directory that is empty or does not exist, and return the names of its files.

    All of them are written, or none. Raises `CannotScaffold`, `OSError`.
    """
    check_name(name)
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise CannotScaffold(f"{directory} exists and is not an empty directory: name another one by --dir.")
    files = dict(project(name))
    parent = directory.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".foldlog-", dir=parent))
    try:
        for file, text in files.items():
            path = aside / "project" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if directory.exists():
            directory.rmdir()
        (aside / "project").rename(directory)
    finally:
        shutil.rmtree(aside)
    return sorted(files)


def project(name: str) -> Iterator[tuple[str, str]]:
    """The files of a project: their names and texts."""
    words = _words(name)
    for file, template in FILES.items():
        text = (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        yield _Text(file).substitute(words), _Text(text).substitute(words)


def _words(name: str) -> Mapping[str, str]:
    """What stands for what in the templates."""
    domain = name.upper()
    account = "ACCOUNTS" if domain == "ACCOUNT" else "ACCOUNT"
    return {
        "name": name,
        "NAME": domain,
        "ACCOUNT": account,
        "imports": ", ".join(sorted([account, domain])),
        "version": importlib.metadata.version("foldlog"),
    }


def check_name(name: str) -> None:
    """Raises `CannotScaffold` for a name that Python, protobuf or the client could not have."""
    advice = "choose another name, such as bank."
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or re.fullmatch(r"v\d+\w*", name):
        raise CannotScaffold(f"{name} is no name of a package in lower case: {advice}")
    if keyword.iskeyword(name) or name == "stream":  # protobuf's word before a type
        raise CannotScaffold(f"{name} is a word of the language: {advice}")
    if name in CLIENTS_OWN or name == "client":
        raise CannotScaffold(f"{name} is what Foldlog's client has already as client.{name}: {advice}")
    if name in sys.stdlib_module_names or _is_installed(name):
        raise CannotScaffold(f"{name} is a module that Python has already: {advice}")


def _is_installed(name: str) -> bool:
    """Whether a module of this name would be found, wherever the command is called."""
    here = {"", str(Path.cwd())}
    return PathFinder.find_spec(name, [path for path in sys.path if path not in here]) is not None
