"""Refusals of a domain: each has a reason from the catalogue that its proto declares."""

from collections.abc import Callable, Sequence
from typing import Protocol

from google.protobuf.descriptor import EnumDescriptor

from foldlog.v1.options_pb2 import error
from foldlog_server.error_catalogue import catalogue
from foldlog_server.errors import Rejected


class ErrorEnum(Protocol):
    """A generated enum whose values have the option `foldlog.v1.error`, all but the one numbered 0."""

    @property
    def DESCRIPTOR(self) -> EnumDescriptor: ...


Refuse = Callable[..., Rejected]
"""Takes a reason's number, a message of whole sentences that says what to do, and metadata by name."""


def refusals(enum: ErrorEnum) -> Refuse:
    """Returns a function that makes the refusals of a domain: `raise refuse(reason, "message", id=id)`.

    Raises `ValueError` if a value of the enum has no entry in the catalogue, or half of one.
    """
    if problems := reason_problems(enum.DESCRIPTOR):
        raise ValueError(" ".join(problems))
    reasons = catalogue(enum)

    def refuse(reason: int, message: str, **metadata: object) -> Rejected:
        return Rejected(reasons[reason], message, {name: str(value) for name, value in metadata.items()})

    return refuse


def reason_problems(enum: EnumDescriptor) -> Sequence[str]:
    """What the catalogue entries of an enum lack, a sentence for each value."""
    return [
        f"{enum.full_name}.{value.name} lacks {', '.join(missing)}: give it an option such as "
        '[(foldlog.v1.error) = {code: CODE_FAILED_PRECONDITION cause: "…" action: "…"}].'
        for value in enum.values
        if value.number and (missing := _missing(value.GetOptions().Extensions[error]))
    ]


def _missing(entry: object) -> Sequence[str]:
    return [f"its {name}" for name in ("code", "cause", "action") if not getattr(entry, name)]
