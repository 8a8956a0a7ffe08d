"""Reads the error catalogue from the enums of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.descriptor import EnumDescriptor

from foldlog.v1.options_pb2 import error

_PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of an error catalogue."""

    domain: str
    """The proto package, such as "foldlog.orders.v1"."""
    name: str
    """The enum value's name without its prefix, such as "ORDER_EMPTY"."""
    code: int
    """The number of the gRPC status code."""
    retry: bool
    """Whether the same request, sent again unchanged, can succeed."""


class _ErrorEnum(Protocol):
    @property
    def DESCRIPTOR(self) -> EnumDescriptor: ...


def catalogue(enum: _ErrorEnum) -> Mapping[int, Reason]:
    """The entries of an error enum, by the enum's numbers."""
    return catalogue_of(enum.DESCRIPTOR)


def catalogue_of(enum: EnumDescriptor) -> Mapping[int, Reason]:
    """The entries of an error enum, by the enum's numbers."""
    return {
        value.number: Reason(
            enum.file.package,
            value.name.removeprefix(_PREFIX),
            value.GetOptions().Extensions[error].code,
            value.GetOptions().Extensions[error].retry,
        )
        for value in enum.values
        if value.number
    }
