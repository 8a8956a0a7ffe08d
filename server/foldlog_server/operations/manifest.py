"""What a backup says of itself, as JSON beside its log."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foldlog_server import __version__
from foldlog_server.operations.copying import Made
from foldlog_server.operations.refused import Refused
from foldlog_server.stores import durable
from foldlog_server.stores.sqlite_schema import FORMAT

NAME = "manifest.json"
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one backup."""

    foldlog: str
    """The release that took it."""
    format: int
    """Of the log: see docs/format.md."""
    log_id: str
    position: int
    """Of the last event."""
    chain_hash: str
    """There, in hexadecimal digits."""
    events: int
    streams: int
    requests: int
    taken_time: str
    """When it was begun, as RFC 3339 writes times."""
    bytes: int
    """Of log.db."""
    sha256: str
    """Of log.db, in hexadecimal digits."""

    def __str__(self) -> str:
        return (
            f"{self.events:,} events in {self.streams:,} streams, {self.requests:,} request records "
            f"({self.bytes:,} bytes) of log {self.log_id} up to position {self.position}, "
            f"chain {self.chain_hash[:16]}"
        )


def made(file: Path, log: Made, taken: datetime) -> Manifest:
    """The manifest of a log that was copied."""
    position, chain_hash = log.head
    return Manifest(
        foldlog=__version__,
        format=FORMAT,
        log_id=log.log_id,
        position=position,
        chain_hash=chain_hash.hex(),
        events=position,
        streams=log.streams,
        requests=log.requests,
        taken_time=taken.astimezone(UTC).isoformat(timespec="milliseconds"),
        bytes=file.stat().st_size,
        sha256=_sha256(file),
    )


def write(directory: Path, manifest: Manifest) -> None:
    """Put it beside the log: it comes last, so where there is one, the backup is whole."""
    durable.write(directory / NAME, as_text(manifest) + "\n")


def as_text(manifest: Manifest) -> str:
    """The manifest as JSON."""
    return json.dumps(asdict(manifest), indent=2)


def read(directory: Path) -> Manifest:
    """The manifest of a backup; raises `Refused` if there is none that can be understood."""
    file = directory / NAME
    try:
        fields: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return Manifest(**fields)
    except FileNotFoundError:
        raise Refused(
            f"{directory} is no whole backup: it has no {NAME}. Name a directory that `foldlog backup` made; "
            "of a data directory that was copied as it was, make one with `foldlog backup --data`."
        ) from None
    except (ValueError, TypeError) as error:
        raise Refused(f"{file} is damaged: {error}. Use another backup.") from None


def check(directory: Path, manifest: Manifest) -> None:
    """Raise `Refused` if the log beside the manifest is not the one that it was written for."""
    file = directory / "log.db"
    if not file.is_file():
        raise Refused(f"{directory} has a {NAME} and no log.db. Use another backup.")
    size, digest = file.stat().st_size, _sha256(file)
    if (size, digest) != (manifest.bytes, manifest.sha256):
        raise Refused(
            f"{file} is not what the backup held: {size:,} bytes with SHA-256 {digest}, instead of "
            f"{manifest.bytes:,} with {manifest.sha256}. Use another backup."
        )


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
