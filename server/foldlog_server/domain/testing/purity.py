"""Finds uses of clocks, randomness, input and output in the source of a domain: with them, the same
events would not make the same state again."""

import ast
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from foldlog_server.domain.domain import Domain

_FORBIDDEN = {
    **dict.fromkeys(("time", "sched"), "has a clock"),
    **dict.fromkeys(("random", "secrets"), "is chance"),
    **dict.fromkeys(("asyncio", "concurrent", "multiprocessing", "threading", "queue"), "waits for others"),
    **dict.fromkeys(("sqlite3", "aiosqlite", "dbm", "shelve"), "is a database"),
    **dict.fromkeys(
        ("grpc", "socket", "ssl", "http", "urllib", "requests", "httpx", "aiohttp"), "is a network"
    ),
    **dict.fromkeys(
        ("io", "logging", "os", "pathlib", "shutil", "subprocess", "sys", "tempfile"), "is input and output"
    ),
}
_CALLS = {
    **dict.fromkeys(("open", "input", "print"), "is input and output"),
    **dict.fromkeys(("datetime.now", "datetime.utcnow", "datetime.today", "date.today"), "has a clock"),
    **dict.fromkeys(("uuid1", "uuid4", "uuid7", "uuid.uuid1", "uuid.uuid4", "uuid.uuid7"), "is chance"),
}
_ADVICE = "Let what it gives come with the command."
_OURS = "foldlog_server"
_PUBLIC = ("foldlog_server.domain", "foldlog_server.domain.testing")


def check_imports(domain: Domain) -> None:
    """The modules that define the domain are pure, and so are those of its own package that they import.

    They import no clock, chance, network, database, file or task, call none such, and import nothing of
    `foldlog_server` but `foldlog_server.domain`. Generated modules are not looked into. Raises
    `AssertionError` with a line for each import and call that is found.
    """
    found = [line for name, file in sorted(_modules(domain).items()) for line in _impure(name, file)]
    assert not found, "\n".join(["", *found])


def _modules(domain: Domain) -> dict[str, Path]:
    """The modules that define the domain's functions, and the modules of their packages that they import."""
    ahead = [function.__module__ for function in map(_unwrapped, _functions(domain))]
    ahead = [name for name in ahead if not name.startswith("foldlog_server.domain.")]
    packages, found = {name.partition(".")[0] for name in ahead}, dict[str, Path]()
    for name in ahead:
        file = _source(name)
        if name in found or file is None or name.rpartition(".")[2].endswith(("_pb2", "_pb2_grpc")):
            continue
        found[name] = file
        ahead += [one for one in _imported(name, file) if _is_own(one, packages)]
    return found


def _is_own(name: str, packages: set[str]) -> bool:
    """Whether a module is checked; of Foldlog itself, only its domains are."""
    top, _, rest = name.partition(".")
    return top in packages and (top != _OURS or rest.startswith("domains."))


def _functions(domain: Domain) -> Iterator[Callable[..., Any]]:
    for decider in domain.deciders:
        yield from (decider.decide, decider.evolve, decider.render)
    for view in domain.views:
        yield from (view.keys, view.evolve)
    for upcaster in domain.upcasters:
        yield upcaster.upcast


def _unwrapped(function: Callable[..., Any]) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function if hasattr(function, "__module__") else type(function)


def _source(name: str) -> Path | None:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    return Path(found.origin)


def _imported(name: str, file: Path) -> Iterator[str]:
    """The modules from which a module imports anything."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(name, file, node)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _absolute(name: str, file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if node.module else package


def _impure(name: str, file: Path) -> Iterator[str]:
    is_ours, tree = name.partition(".")[0] == _OURS, _tree(file)
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _forbidden(name, node.lineno, alias.name, is_ours=is_ours)
            case ast.ImportFrom():
                yield from _forbidden(name, node.lineno, _absolute(name, file, node), is_ours=is_ours)
            case ast.Call(func=called) if why := _CALLS.get(_called(called, aliases)):
                yield f"{name}, line {node.lineno}: {ast.unparse(called)} {why}. {_ADVICE}"


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names by which a module calls what it imports, with those that it imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _called(function: ast.expr, aliases: Mapping[str, str]) -> str:
    """The last two parts of a function's name: `datetime.datetime.now` and `datetime.now` are the same."""
    first, *others = ast.unparse(function).split(".")
    return ".".join([aliases.get(first, first), *others][-2:])


def _forbidden(name: str, line: int, imported: str, *, is_ours: bool) -> Iterator[str]:
    if why := _FORBIDDEN.get(imported.partition(".")[0]):
        yield f"{name}, line {line}: {imported} {why}. {_ADVICE}"
    elif not is_ours and imported.partition(".")[0] == _OURS and imported not in _PUBLIC:
        yield f"{name}, line {line}: {imported} may change. Import from foldlog_server.domain alone."


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))
