"""Writes a project with a small domain that works, to start your own from."""

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

from foldlog_generator.client_arguments import BUILTIN_TYPES
from foldlog_generator.client_modules import CLIENTS_OWN

_WORDS_OF_PROTOBUF = frozenset(
    "double fixed32 fixed64 int32 int64 sfixed32 sfixed64 sint32 sint64 stream string uint32 uint64".split()
)
"""What stands before a name in a proto, apart from the types that Python has, too."""
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
"""The names of the templates, by the files that they become."""


class CannotScaffold(Exception):
    """Why no project was written, in one line that says what to do."""


class _Text(Template):
    """A template with `%` for its words, because Makefiles are full of dollar signs."""

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
    """Return the names and texts of a project's files."""
    words = _words(name)
    for file, template in FILES.items():
        text = (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        yield _Text(file).substitute(words), _Text(text).substitute(words)


def _words(name: str) -> Mapping[str, str]:
    """Return the words of the templates, with their replacements."""
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
    """Raise `CannotScaffold` for a name that Python, protobuf or the client cannot use."""
    advice = "choose another name, such as bank."
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or re.fullmatch(r"v\d+\w*", name):
        raise CannotScaffold(f"{name} is not a package name in lower case: {advice}")
    if keyword.iskeyword(name) or name in BUILTIN_TYPES or name in _WORDS_OF_PROTOBUF:
        raise CannotScaffold(f"{name} is a reserved word: {advice}")
    if name in CLIENTS_OWN or name == "client":
        raise CannotScaffold(f"{name} is already an attribute of Foldlog's client, client.{name}: {advice}")
    if name in sys.stdlib_module_names or _is_installed(name):
        raise CannotScaffold(f"{name} is already a Python module: {advice}")


def _is_installed(name: str) -> bool:
    """Whether a module of this name is installed, wherever the command is called."""
    here = {"", str(Path.cwd())}
    return PathFinder.find_spec(name, [path for path in sys.path if path not in here]) is not None
