"""Finds the methods and reasons of the contract by what a test passes: messages and names."""

import pkgutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

from google.protobuf.descriptor import EnumDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

import foldlog
from foldlog.v1.options_pb2 import ErrorEntry
from foldlog.v1.options_pb2 import error as catalogue_entry

_CORE = "foldlog.v1"


def methods() -> Mapping[str, MethodDescriptor]:
    """Return every method by its path."""
    return {
        f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods
    }


def services() -> Sequence[ServiceDescriptor]:
    """Return every service of Foldlog, and of each package whose client or messages were imported."""
    return [service for file in _files() for service in file.services_by_name.values()]


def asked_by(request: type[Message]) -> MethodDescriptor:
    """Return the method that takes a request. Raises TypeError if it is not one."""
    name = request.DESCRIPTOR.full_name
    found = [method for method in methods().values() if method.input_type.full_name == name]
    return _only(found, name, "is not the request of a method, as CreateOrderRequest is")


def answered_by(response: type[Message]) -> MethodDescriptor:
    """Return the method that gives a response. Raises TypeError if it is not one."""
    name = response.DESCRIPTOR.full_name
    found = [method for method in methods().values() if method.output_type.full_name == name]
    if len(found) > 1:
        asked = ", ".join(sorted(method.input_type.name for method in found))
        raise TypeError(f"{name} is the response of several methods: use answer_to with one of {asked}.")
    return _only(found, name, "is not the response of a method, as CreateOrderResponse is")


def catalogued(reason: str, package: str) -> tuple[str, ErrorEntry]:
    """Return the domain and the entry of a reason, from the package's own catalogue or the common one. Raises
    ValueError."""
    catalogues = _catalogues()
    for domain in (package, _CORE):
        value = (
            catalogues[domain].values_by_name.get(f"ERROR_REASON_{reason}") if domain in catalogues else None
        )
        if value is not None and value.number:
            return domain, value.GetOptions().Extensions[catalogue_entry]
    raise ValueError(
        f"{reason!r} is not a reason of {package} or {_CORE}. "
        "A reason is the name of one of their ErrorReason values without ERROR_REASON_, such as ORDER_EXISTS."
    )


def _catalogues() -> Mapping[str, EnumDescriptor]:
    """Return the error catalogues by package."""
    enums = (enum for file in _files() for enum in file.enum_types_by_name.values())
    return {enum.file.package: enum for enum in enums if enum.name == "ErrorReason"}


def _files() -> Sequence[FileDescriptor]:
    """Return the protos of all generated modules that are loaded, and all of Foldlog's own."""
    _import_own()
    modules = [module for name, module in sys.modules.copy().items() if name.endswith("_pb2")]
    files = (getattr(module, "DESCRIPTOR", None) for module in modules)
    return [*{file.name: file for file in files if isinstance(file, FileDescriptor)}.values()]


@cache
def _import_own() -> None:
    for found in pkgutil.walk_packages(foldlog.__path__, "foldlog."):
        if found.name.endswith("_pb2"):
            import_module(found.name)


def _only(found: list[MethodDescriptor], name: str, otherwise: str) -> MethodDescriptor:
    if len(found) != 1:
        raise TypeError(f"{name} {otherwise}.")
    return found[0]
