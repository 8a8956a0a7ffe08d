"""Files of forms that our own protos do not have."""

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.text_format import Parse

from foldlog_server.transport.descriptors import Index, Unknown, renamed, symbols

OWN = Parse(
    """
    name: "own.proto" dependency: "base.proto" syntax: "proto2"
    message_type {
      name: "Outer"
      nested_type {
        name: "Inner"
        extension { name: "hidden" number: 7 extendee: ".Extended" type: TYPE_BOOL }
        enum_type { name: "Kind" value { name: "NONE" number: 0 } }
      }
    }
    """,
    FileDescriptorProto(),
)
BASE = Parse(
    """
    name: "base.proto" syntax: "proto2"
    message_type { name: "Extended" extension_range { start: 1 end: 9 } }
    enum_type { name: "Level" value { name: "LOW" number: 0 } }
    """,
    FileDescriptorProto(),
)


def test_what_has_no_package_and_what_lies_deep_is_found() -> None:
    found = ["Outer", "Outer.Inner", "Outer.Inner.hidden", "Outer.Inner.Kind", "Outer.Inner.NONE"]
    assert [*symbols(OWN)] == [*found, "Outer.Inner.Kind.NONE"]
    assert [*symbols(BASE)] == ["Extended", "Level", "LOW", "Level.LOW"]


def test_an_extension_within_a_message_has_its_file_first_and_what_that_needs() -> None:
    index = Index([BASE, OWN])
    both = [OWN.SerializeToString(), BASE.SerializeToString()]
    assert index.file_of_extension("Extended", 7) == both
    assert index.extension_numbers("Extended") == [7]
    assert index.file("base.proto") == both[1:]


def test_a_file_that_several_need_is_given_once() -> None:
    top = FileDescriptorProto(name="top.proto", dependency=["own.proto", "base.proto"])
    assert len(Index([OWN, BASE, top]).file("top.proto")) == 3


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(Unknown, match=r"extension 8 of Extended"):
        Index([BASE, OWN]).file_of_extension("Extended", 8)


def test_a_renamed_file_leaves_the_types_of_others_alone() -> None:
    file = FileDescriptorProto(name="a.proto", package="a.v1")
    message = file.message_type.add(name="M")
    for name, of in (("own", ".a.v1.M"), ("other", ".a.v1alpha.M"), ("number", "")):
        message.field.add(name=name, type=FieldDescriptorProto.TYPE_MESSAGE, type_name=of)
    made = renamed(file, "b.proto", "b.v2")
    assert (made.name, made.package, file.package) == ("b.proto", "b.v2", "a.v1")
    assert [field.type_name for field in made.message_type[0].field] == [".b.v2.M", ".a.v1alpha.M", ""]
