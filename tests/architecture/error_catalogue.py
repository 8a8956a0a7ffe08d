"""Writes docs/errors.md from the protos: the last step of `make generate`."""

from collections.abc import Iterator

from google.protobuf.descriptor import EnumDescriptor

from foldlog.inventory.v1 import errors_pb2 as inventory
from foldlog.orders.v1 import errors_pb2 as orders
from foldlog.v1 import errors_pb2 as core
from foldlog.v1.options_pb2 import Code, error
from tests.architecture.documents import ROOT

ERRORS = ROOT / "docs" / "errors.md"
CATALOGUES = tuple(module.ErrorReason.DESCRIPTOR for module in (core, orders, inventory))

_INTRODUCTION = """\
# Errors

Written from the protos by `make generate`; a test proves it current.

A call that fails has a `google.rpc.Status` with one `google.rpc.ErrorInfo`: its `domain` is the proto package,
its `reason` stands below, and its `metadata` has the values that the message speaks of. Bad fields are listed in
`BadRequest`; `PreconditionFailure` names the rule that refused, or for each of several products the one that did;
`ResourceInfo` names what was not found, exists already, or was changed by others; `RetryInfo` says how long to
wait. All that a status takes in the trailers is at most 4 KiB: a last entry, `more`, counts the fields or products
that did not fit. An error without ErrorInfo was made by gRPC itself, such as a deadline that passed, or by its
health service.

Retry: the same request again, unchanged, can succeed. A command is repeated with its request id, so that it
acts once.
"""


def reasons() -> set[str]:
    """Every reason of every catalogue."""
    return {_reason(value.name) for catalogue in CATALOGUES for value in catalogue.values if value.number}


def text() -> str:
    """The document."""
    return "\n".join([_INTRODUCTION, *(line for one in CATALOGUES for line in _section(one))])


def _section(catalogue: EnumDescriptor) -> Iterator[str]:
    yield from (f"## {catalogue.file.package}", "")
    yield "| reason | code | cause | what to do | retry |"
    yield "|---|---|---|---|---|"
    for value in catalogue.values:
        if value.number:
            entry = value.GetOptions().Extensions[error]
            code = Code.Name(entry.code).removeprefix("CODE_")
            retry = "yes" if entry.retry else ""
            yield f"| `{_reason(value.name)}` | {code} | {entry.cause} | {entry.action} | {retry} |"
    yield ""


def _reason(name: str) -> str:
    return name.removeprefix("ERROR_REASON_")


if __name__ == "__main__":
    ERRORS.write_text(text())
