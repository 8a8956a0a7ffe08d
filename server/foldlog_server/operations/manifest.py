"""The manifest of a backup: JSON beside its log that says what the log holds, and its checksum."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from foldlog_server import __version__
from foldlog_server.log.event_store import Head
from foldlog_server.operations.copying import Made
from foldlog_server.operations.refused import Refused
from foldlog_server.printable import counted
from foldlog_server.stores.files import durable
from foldlog_server.stores.sqlite.schema import FORMAT

NAME = "manifest.json"
_BLOCK = 1024 * 1024

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True):
    """The manifest of one backup."""

    foldlog: str
    """The release that took it."""
    format: Count
    """The format of the log: see docs/format.md."""
    log_id: str
    position: Count
    """The position of the last event."""
    chain_hash: Digest
    """The chain hash there, in hexadecimal digits."""
    events: Count
    streams: Count
    requests: Count
    taken_time: str
    """When the backup began, as RFC 3339 writes times."""
    bytes: Count
    """The size of log.db."""
    sha256: Digest
    """The SHA-256 of log.db, in hexadecimal digits."""

    def __str__(self) -> str:
        return (
            f"{counted(self.events, 'event')} in {counted(self.streams, 'stream')}, "
            f"{counted(self.requests, 'request record')} "
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
    """Write it beside the log. It is written last: a backup that has one is complete."""
    durable.write(directory / NAME, as_text(manifest) + "\n")


def as_text(manifest: Manifest) -> str:
    """The manifest as JSON."""
    return json.dumps(msgspec.structs.asdict(manifest), indent=2)


def read(directory: Path) -> Manifest:
    """Read the manifest of a backup; raises `Refused` if it does not exist or cannot be parsed."""
    file = directory / NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise Refused(
            f"{directory} is no complete backup: it has no {NAME}. Name a directory that `foldlog backup` "
            "made; from a plain copy of a data directory, make one with `foldlog backup --data`."
        ) from None
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error}. Correct that, or use another backup.") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(f"{file} is damaged: {what}. Use another backup.") from None


def check(directory: Path, manifest: Manifest) -> None:
    """Raise `Refused` if the log beside the manifest is not the one for which it was written."""
    file = directory / "log.db"
    if not file.is_file():
        raise Refused(f"{directory} has a {NAME} and no log.db. Use another backup.")
    size, digest = file.stat().st_size, _sha256(file)
    if (size, digest) != (manifest.bytes, manifest.sha256):
        raise Refused(
            f"{file} is not as it was backed up: {size:,} bytes with SHA-256 {digest}, instead of "
            f"{manifest.bytes:,} with {manifest.sha256}. Use another backup."
        )


def check_log(directory: Path, manifest: Manifest, log_id: str, log_format: int, head: Head) -> None:
    """Raise `Refused` if a log contradicts the manifest beside it."""
    expected: dict[str, str | int] = {
        "log_id": log_id,
        "format": log_format,
        "position": head.position,
        "events": head.position,
        "chain_hash": head.chain_hash.hex(),
    }
    for field, found in expected.items():
        if (said := getattr(manifest, field)) != found:
            raise Refused(
                f"{directory / NAME} does not belong to the log.db beside it: it says {field} {said}, "
                f"and the log has {found}. Use another backup."
            )


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
