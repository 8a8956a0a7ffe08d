"""What the contract says of its methods and reasons, by what a test names them."""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from google.protobuf.descriptor import EnumDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

import foldlog
from foldlog.v1.options_pb2 import ErrorEntry
from foldlog.v1.options_pb2 import error as catalogue_entry

_CORE = "foldlog.v1"


@cache
def methods() -> Mapping[str, MethodDescriptor]:
    """Every method, by its path."""
    return {
        f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods
    }


@cache
def services() -> tuple[ServiceDescriptor, ...]:
    """Every service."""
    return tuple(one for module in _modules("_service_pb2") for one in module.services_by_name.values())


def asked_by(request: type[Message]) -> MethodDescriptor:
    """The method that takes a request. Raises TypeError."""
    name = request.DESCRIPTOR.full_name
    found = [method for method in methods().values() if method.input_type.full_name == name]
    return _only(found, name, "is not the request of a method, as CreateOrderRequest is")


def answered_by(response: type[Message]) -> MethodDescriptor:
    """The method that gives a response. Raises TypeError."""
    name = response.DESCRIPTOR.full_name
    found = [method for method in methods().values() if method.output_type.full_name == name]
    return _only(found, name, "is not the response of a method, as CreateOrderResponse is")


def catalogued(reason: str, package: str) -> tuple[str, ErrorEntry]:
    """The domain and the entry of a reason, of a package's own catalogue or else the common one.
    Raises ValueError."""
    for domain in (package, _CORE):
        catalogue = _catalogues()[domain]
        value = catalogue.values_by_name.get(f"ERROR_REASON_{reason}")
        if value is not None and value.number:
            return domain, value.GetOptions().Extensions[catalogue_entry]
    raise ValueError(
        f"{reason!r} is no reason of {package} or {_CORE}. "
        "A reason is the name of one of their ErrorReason values without ERROR_REASON_, such as ORDER_EXISTS."
    )


@cache
def _catalogues() -> Mapping[str, EnumDescriptor]:
    return {module.package: module.enum_types_by_name["ErrorReason"] for module in _modules(".errors_pb2")}


def _modules(ending: str) -> Iterator[FileDescriptor]:
    for found in pkgutil.walk_packages(foldlog.__path__, "foldlog."):
        if found.name.endswith(ending):
            yield import_module(found.name).DESCRIPTOR


def _only(found: list[MethodDescriptor], name: str, otherwise: str) -> MethodDescriptor:
    if len(found) != 1:
        raise TypeError(f"{name} {otherwise}.")
    return found[0]
