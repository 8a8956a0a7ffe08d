"""Every proto names what generators make of it, in one way: computed from its package and its file's name."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.support.protos import NAMES, ours


def options(name: str, package: str) -> Mapping[str, Any]:
    """What the options of a file must be."""
    parts = package.split(".")
    words = [part.capitalize() for part in parts]
    outer = "".join(word.capitalize() for word in PurePath(name).stem.split("_"))
    return {
        "csharp_namespace": ".".join(words),
        "go_package": f"{'/'.join(parts)};{''.join(parts[-2:])}",
        "java_package": package,
        "java_multiple_files": True,
        "java_outer_classname": f"{outer}Proto",
        "objc_class_prefix": "".join(word[0] for word in words[:-1]).ljust(3, "X"),
        "php_namespace": "\\".join(words),
        "php_metadata_namespace": "\\".join([*words, "GPBMetadata"]),
        "ruby_package": "::".join(words),
    }


def types(file: FileDescriptorProto) -> set[str]:
    return {one.name for kind in (file.message_type, file.enum_type, file.service) for one in kind}


def packages() -> dict[str, list[FileDescriptorProto]]:
    found: dict[str, list[FileDescriptorProto]] = {}
    for file in ours().values():
        found.setdefault(file.package, []).append(file)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_all_options_and_no_other(name: str) -> None:
    file = ours()[name]
    said = {option.name: value for option, value in file.options.ListFields()}
    assert said == options(name, file.package)


def test_a_file_is_where_its_package_says() -> None:
    assert {file.package.replace(".", "/") for file in ours().values()} == {
        str(PurePath(name).parent) for name in NAMES
    }
    for name, file in ours().items():
        assert str(PurePath(name).parent) == file.package.replace(".", "/")


@pytest.mark.parametrize("option", ["go_package", "java_package", "csharp_namespace", "objc_class_prefix"])
def test_no_two_packages_have_the_same_name_in_a_language(option: str) -> None:
    said = {
        package: {getattr(file.options, option) for file in files} for package, files in packages().items()
    }
    names = [name for of_package in said.values() for name in of_package]
    assert len(names) == len({*names}) == len(said)


def test_the_names_of_go_packages_are_distinct() -> None:
    paths = {file.options.go_package for file in ours().values()}
    assert len({path.partition(";")[2] for path in paths}) == len(paths)


@pytest.mark.parametrize("package", packages())
def test_javas_outer_classes_are_nothing_elses(package: str) -> None:
    files = packages()[package]
    outer = [file.options.java_outer_classname for file in files]
    assert len({*outer}) == len(outer)
    assert not {*outer} & {name for file in files for name in types(file)}
