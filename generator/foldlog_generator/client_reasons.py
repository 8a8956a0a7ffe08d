"""From an error catalogue to text that reasons can be compared with."""

from google.protobuf.descriptor_pb2 import EnumDescriptorProto, FileDescriptorProto

from foldlog_generator.client_arguments import one_line
from foldlog_generator.client_source import HEADER

CATALOGUE = "ErrorReason"
_PREFIX = "ERROR_REASON_"
_ENUM = 5
_VALUE = 2

MODULE = '''{header}"""Why calls fail, as an error says it where its domain is {package}."""

from enum import StrEnum


class Reason(StrEnum):
    """What `reason` of an error is compared with: a value's name in ErrorReason, without ERROR_REASON_."""

{members}'''


def catalogue_of(file: FileDescriptorProto) -> EnumDescriptorProto | None:
    """The file's error catalogue, if it has one."""
    return next((enum for enum in file.enum_type if enum.name == CATALOGUE), None)


def reasons(file: FileDescriptorProto, catalogue: EnumDescriptorProto) -> str:
    """The source of the module with a package's reasons."""
    written = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
    index = list(file.enum_type).index(catalogue)
    members = []
    for place, value in enumerate(catalogue.value):
        if value.number:
            name = value.name.removeprefix(_PREFIX)
            comment = one_line(written.get((_ENUM, index, _VALUE, place), ""))
            members.append(f'    {name} = "{name}"\n    """{comment}"""\n')
    return MODULE.format(header=HEADER, package=file.package, members="".join(members))
