"""Describes the machine of the measurement, without names or paths."""

import importlib.metadata
import os
import platform
import sqlite3
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from foldlog_server.process import loop_factory
from foldlog_server.stores.sqlite import schema

NOT_DISKS = ("tmpfs", "ramfs")
"""File systems in memory: nothing is durable, and a sync costs nothing."""


def describe(directory: Path) -> dict[str, str]:
    """Return the machine, the versions, and how durable acknowledged data in this directory is."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "event loop": "uvloop " + _version("uvloop") if loop_factory() else "asyncio",
        "grpcio": _version("grpcio"),
        "protobuf": _version("protobuf"),
        "SQLite": sqlite3.sqlite_version,
        "file system": file_system(directory),
        "durability": _durability(directory),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def file_system(directory: Path) -> str:
    """Return the kind of a directory's file system; "unknown" if the system does not report it."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    inside = [mount for mount in mounts if directory.resolve().is_relative_to(mount[1])]
    return max(inside, key=lambda mount: len(mount[1]), default=["", "", "unknown"])[2]


def _durability(directory: Path) -> str:
    """Return SQLite's settings of a log, as SQLite reports them."""
    with TemporaryDirectory(dir=directory) as place:
        file = Path(place, "log.db")
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            schema.set_up_writer(connection, file, lambda: "bench", 0, timedelta(hours=24).seconds)
            journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
            level = connection.execute("PRAGMA synchronous").fetchone()[0]
        finally:
            connection.close()
    synchronous = ("OFF", "NORMAL", "FULL", "EXTRA")[level]
    return f"journal_mode={journal}, synchronous={synchronous}, answered after the sync"


def _processor() -> str:
    return _first("/proc/cpuinfo", "model name") or platform.processor() or "unknown"


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", "MemTotal")
    return f"{int(kilobytes.split()[0]) / 1024**2:.0f} GiB" if kilobytes else "unknown"


def _first(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _version(package: str) -> str:
    return importlib.metadata.version(package)
