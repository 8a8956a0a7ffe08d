"""Turns an error catalogue into an enum that reasons can be compared with."""

from google.protobuf.descriptor_pb2 import EnumDescriptorProto, FileDescriptorProto

from foldlog_generator.client_arguments import one_line
from foldlog_generator.client_source import HEADER

CATALOGUE = "ErrorReason"
_PREFIX = "ERROR_REASON_"
_ENUM = 5
_VALUE = 2

MODULE = '''{header}"""Reasons why calls fail: the `reason` of an error whose `domain` is {package}."""

from enum import StrEnum


class Reason(StrEnum):
    """The values of ErrorReason, without the prefix ERROR_REASON_, to compare with the `reason` of an
    error."""

{members}'''


def catalogue_of(file: FileDescriptorProto) -> EnumDescriptorProto | None:
    """Return the file's error catalogue, if it has one."""
    return next((enum for enum in file.enum_type if enum.name == CATALOGUE), None)


def reasons(file: FileDescriptorProto, catalogue: EnumDescriptorProto) -> str:
    """Return the source of the module with a package's reasons."""
    written = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
    index = list(file.enum_type).index(catalogue)
    members = []
    for place, value in enumerate(catalogue.value):
        if value.number:
            name = value.name.removeprefix(_PREFIX)
            comment = one_line(written.get((_ENUM, index, _VALUE, place), ""))
            members.append(f'    {name} = "{name}"\n    """{comment}"""\n')
    return MODULE.format(header=HEADER, package=file.package, members="".join(members))
