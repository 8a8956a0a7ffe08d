"""Golden events: the bytes of every event that was ever stored, in files that are never written again.

A file is named by the event's full name, further ones of one message are numbered from 2, and each says in
JSON what it holds:

    {"type": "bank.v1.Deposited", "bytes": "088090…", "says": {"cents": "5"}}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import DecodeError, Message

from foldlog_server.domain.domain import Domain
from foldlog_server.domain.testing.samples import filled
from foldlog_server.log.upcasting import Upcaster, chains, name_of, upcast

_ADVICE = "Write what is missing with write_golden_events, and keep it with the tests."
_NEW_NAME = "Give the changed message a new name, and the old one an upcaster."


def write_golden_events(folder: Path, *domains: Domain, samples: Sequence[Message] = ()) -> Sequence[Path]:
    """Write the golden files that are missing, and return them; what is there stays as it is.

    `samples` are written first, each to a file of its own, the first of a message to the first one. A message
    that has no file then, or a field that is set in none, gets one with every field set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored, written = stored_messages(*domains), list[Path]()
    for file, sample in _numbered(folder, samples):
        if not file.exists():
            written.append(_write(file, sample))
    for name, kind in stored.items():
        if not _covers(_of_type(folder, name), kind):
            written.append(_write(_next_file(folder, name), filled(kind)))
    return written


def check_golden_events(folder: Path, *domains: Domain) -> None:
    """Every event that was ever stored can be read as it was written, and would be written so again.

    Raises `AssertionError` with a line for everything that is wrong: a message without a file, a field that
    is set in no file, a file whose message is no longer known or says something else, and an old message that
    its upcaster cannot convert.
    """
    stored = stored_messages(*domains)
    upcasters = [upcaster for domain in domains for upcaster in domain.upcasters]
    found = [
        *(line for name, kind in stored.items() for line in _missing(folder, name, kind)),
        *(line for file in _files(folder) for line in _changed(file, stored, chains(upcasters))),
    ]
    assert not found, "\n".join(["", *found])


def stored_messages(*domains: Domain) -> Mapping[str, type[Message]]:
    """Every message that a log may contain, old ones included, by its full name."""
    kinds = [event for domain in domains for decider in domain.deciders for event in decider.events]
    kinds += [upcaster.old for domain in domains for upcaster in domain.upcasters]
    return {name_of(kind): kind for kind in sorted(kinds, key=name_of)}


class Golden(NamedTuple):
    """What a golden file holds."""

    type: str
    data: bytes
    says: Mapping[str, object]


def read(file: Path) -> Golden:
    """What a golden file holds."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return Golden(content["type"], bytes.fromhex(content["bytes"]), content["says"])


def _missing(folder: Path, name: str, kind: type[Message]) -> Iterator[str]:
    kept = _of_type(folder, name)
    if not kept:
        yield f"{name} has no golden file. {_ADVICE}"
    elif not _covers(kept, kind):
        unset = sorted(_fields(kind) - _set_in(kept, kind))
        yield f"{name} has no golden file in which {', '.join(unset)} is set. {_ADVICE}"


def _changed(
    file: Path, stored: Mapping[str, type[Message]], ways: Mapping[str, Sequence[Upcaster]]
) -> Iterator[str]:
    """What is wrong with the content of a file."""
    golden = read(file)
    kind = stored.get(golden.type)
    if kind is None:
        yield (
            f"{file.name}: no decider knows {golden.type} any more, and it lies in logs. Name it in the "
            "annotation of a decider's evolve, or give it an upcaster."
        )
        return
    try:
        event = kind.FromString(golden.data)
    except DecodeError:
        yield f"{file.name}: its bytes are no {golden.type} any more. {_NEW_NAME}"
        return
    if _says(event) != golden.says:
        yield (f"{file.name}: its bytes say {_says(event)}, and said {golden.says}. {_NEW_NAME}")
    elif ParseDict(dict(golden.says), kind()).SerializeToString(deterministic=True) != golden.data:
        yield f"{file.name}: what it says would be written as other bytes. {_NEW_NAME}"
    try:
        upcast(event, ways.get(golden.type, ()))
    except Exception as error:  # an upcaster never refuses
        said = str(error).rstrip(".")
        yield f"{file.name}: its upcaster raises {type(error).__name__}: {said}. An upcaster never refuses."


def _numbered(folder: Path, samples: Sequence[Message]) -> Iterator[tuple[Path, Message]]:
    seen: dict[str, int] = {}
    for sample in samples:
        name = sample.DESCRIPTOR.full_name
        seen[name] = seen.get(name, 0) + 1
        yield _file(folder, name, seen[name]), sample


def _next_file(folder: Path, name: str) -> Path:
    number = 1
    while _file(folder, name, number).exists():
        number += 1
    return _file(folder, name, number)


def _file(folder: Path, name: str, number: int) -> Path:
    return folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")


def _files(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("*.json"))


def _of_type(folder: Path, name: str) -> Sequence[Golden]:
    return [golden for golden in map(read, _files(folder)) if golden.type == name]


def _covers(kept: Sequence[Golden], kind: type[Message]) -> bool:
    return bool(kept) and _set_in(kept, kind) == _fields(kind)


def _set_in(kept: Sequence[Golden], kind: type[Message]) -> set[str]:
    return {name for golden in kept for name in golden.says} & _fields(kind)


def _fields(kind: type[Message]) -> set[str]:
    return set(cast(Descriptor, kind.DESCRIPTOR).fields_by_name)


def _says(message: Message) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)


def _write(file: Path, sample: Message) -> Path:
    content = {
        "type": sample.DESCRIPTOR.full_name,
        "bytes": sample.SerializeToString(deterministic=True).hex(),
        "says": _says(sample),
    }
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return file
