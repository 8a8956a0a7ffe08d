"""Whatever keeps a method's commands from being routed is found before it is served, all of it at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from foldlog.inventory.v1 import command_service_pb2 as inventory
from foldlog.orders.v1 import command_service_pb2 as orders
from foldlog.v1 import commands_pb2, errors_pb2, events_pb2, options_pb2
from foldlog.v1.options_pb2 import FORMAT_ID, CommandRoute
from foldlog.v1.options_pb2 import command as command_option
from foldlog.v1.options_pb2 import rules as rules_option
from foldlog_server.commands.route_problems import problems
from tests.support import commands, enrolment

OURS = [
    method
    for module in (orders, inventory)
    for method in module.DESCRIPTOR.services_by_name["CommandService"].methods
    if method.GetOptions().HasExtension(command_option)
]


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_there_is_nothing_wrong_with_our_own(method: MethodDescriptor) -> None:
    assert problems(method, commands.DECIDERS) == []


@pytest.mark.parametrize("method", list(enrolment.REGISTRAR.methods), ids=lambda method: method.name)
def test_there_is_nothing_wrong_with_requests_that_are_commands(method: MethodDescriptor) -> None:
    assert problems(method, enrolment.DECIDERS) == []


class File:
    """Registrar's file, changed here and there."""

    def __init__(self) -> None:
        self.proto = FileDescriptorProto()
        enrolment.REGISTRAR.file.CopyToProto(self.proto)

    def message(self, name: str) -> Any:
        return next(one for one in self.proto.message_type if one.name == name)

    def field(self, message: str, name: str) -> Any:
        return next(one for one in self.message(message).field if one.name == name)

    def method(self, name: str) -> Any:
        return next(one for one in self.proto.service[0].method if one.name == name)

    def route(self, method: str) -> CommandRoute:
        route: CommandRoute = self.method(method).options.Extensions[command_option]
        return route

    def built(self, method: str) -> MethodDescriptor:
        pool = DescriptorPool()
        for module in (options_pb2, events_pb2, commands_pb2, errors_pb2):
            _add(pool, module.DESCRIPTOR)
        pool.Add(self.proto)
        return pool.FindServiceByName("enrolment.v1.Registrar").methods_by_name[method]


def _add(pool: DescriptorPool, file: Any) -> None:
    for needed in file.dependencies:
        _add(pool, needed)
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    pool.Add(copy)


def _without(name: str, message: str) -> Callable[[File], None]:
    return lambda file: file.message(message).field.remove(file.field(message, name))


def _as_number(file: File) -> None:
    file.field("Admit", "student_id").type = FieldDescriptorProto.TYPE_INT32


def _streaming(file: File) -> None:
    file.method("Admit").client_streaming = True


def _with_a_text_named_command(file: File) -> None:
    file.message("Admit").field.add(name="command", number=9, type=FieldDescriptorProto.TYPE_STRING, label=1)


def _with_rules(**rules: Any) -> Callable[[File], None]:
    def change(file: File) -> None:
        changed = file.field("Admit", "student_id").options.Extensions[rules_option]
        changed.Clear()
        changed.MergeFrom(options_pb2.FieldRules(**rules))

    return change


def _through(path: str, method: str = "Admit") -> Callable[[File], None]:
    def change(file: File) -> None:
        file.route(method).streams = path

    return change


def _of_category(category: str) -> Callable[[File], None]:
    def change(file: File) -> None:
        file.route("Admit").category = category

    return change


def _twice(file: File) -> None:
    file.route("Enrol").also[0].category = "course"


def _nested(file: File) -> None:
    file.route("Enrol").also[0].also.add(category="order", streams="course_id")


def _generating_an_id_for_both(file: File) -> None:
    file.route("Enrol").generates_id = True


def _generating_ids_of_a_list(file: File) -> None:
    route = file.route("EnrolAll")
    route.CopyFrom(CommandRoute(category="student", streams="student_ids", generates_id=True))


def _list_that_may_be_empty(file: File) -> None:
    file.field("EnrolClass", "student_ids").options.Extensions[rules_option].required = False


def _list_inside(file: File) -> None:
    file.message("Admit").field.add(
        name="course",
        number=9,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=".enrolment.v1.Course",
        label=1,
    )
    file.field("Course", "student_ids").options.Extensions[rules_option].required = True
    file.field("Course", "student_ids").options.Extensions[rules_option].format = FORMAT_ID
    file.route("Admit").streams = "course.student_ids"


@dataclass(frozen=True)
class Case:
    change: Callable[[File], None]
    says: str
    method: str = "Admit"


CASES = {
    "no options": Case(
        _without("options", "Admit"),
        "enrolment.v1.Admit has no field `options` of type foldlog.v1.CommandOptions; add "
        "`foldlog.v1.CommandOptions options = 15;`, or another number",
    ),
    "a command that is no message": Case(
        _with_a_text_named_command,
        "enrolment.v1.Admit.command is not a message; a field of this name holds the command, so rename it",
    ),
    "a stream": Case(_streaming, "a command is one request and one reply; remove `stream` from its rpc"),
    "no result": Case(
        _without("result", "Receipt"),
        "enrolment.v1.Receipt has no field of type foldlog.v1.CommandResult; add "
        "`foldlog.v1.CommandResult result = 1;`",
    ),
    "no decider": Case(
        _of_category("pupil"),
        'there is no decider of the category "pupil" (there are: course, student); add one to a domain that '
        "is served, or name another category",
    ),
    "no field": Case(
        _through("id"),
        '"id" names the streams of "student", and enrolment.v1.Admit has no field id that is a string or a '
        "list of strings; add it, or correct `streams`",
    ),
    "no path": Case(
        _through("student_id.id"),
        '"student_id.id" names the streams of "student", and enrolment.v1.Admit has no field student_id that '
        "is a message or a list of messages; add it, or correct `streams`",
    ),
    "a map": Case(
        _through("remarks.key", "EnrolAll"),
        '"remarks.key" names the streams of "student", and enrolment.v1.EnrolClass has no field remarks that '
        "is a message or a list of messages; add it, or correct `streams`",
        "EnrolAll",
    ),
    "a number": Case(
        _as_number,
        '"student_id" names the streams of "student", and enrolment.v1.Admit has no field student_id that is '
        "a string or a list of strings; add it, or correct `streams`",
    ),
    "no format": Case(
        _with_rules(required=True),
        "enrolment.v1.Admit.student_id names a stream, and not every string is a name; add "
        "`format: FORMAT_ID` to its foldlog.v1.rules",
    ),
    "not required": Case(
        _with_rules(format=FORMAT_ID),
        "enrolment.v1.Admit.student_id names a stream, and may be empty; add `required: true` to its "
        "foldlog.v1.rules, or `generates_id: true` to the foldlog.v1.command option",
    ),
    "a list that may be empty": Case(
        _list_that_may_be_empty,
        "enrolment.v1.EnrolClass.student_ids may be empty, and a command needs a stream; add "
        "`required: true` to its foldlog.v1.rules",
        "EnrolAll",
    ),
    "a list inside": Case(
        _list_inside,
        '"course.student_ids" names the streams of "student" by a list inside the command, '
        "enrolment.v1.Course.student_ids; move the list to the command itself",
    ),
    "a category twice": Case(
        _twice,
        'the category "course" is named twice, and decides a command once; to name several of its streams, '
        "let `streams` be a path through a list",
        "Enrol",
    ),
    "a new id for several": Case(
        _generating_an_id_for_both,
        "`generates_id` and `also` do not go together: the deciders would be given a command without the new "
        "id; remove `generates_id`, and make the id `required`, so that the client gives it",
        "Enrol",
    ),
    "new ids for a list": Case(
        _generating_ids_of_a_list,
        '"student_ids" is a path through a list, for which `generates_id` makes no ids; remove it, and make '
        "each id `required`",
        "EnrolAll",
    ),
    "also of also": Case(
        _nested,
        '`also` of the category "student" has an `also`; list it in the outer one',
        "Enrol",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_is_said_with_what_to_do(case: Case) -> None:
    file = File()
    case.change(file)
    assert problems(file.built(case.method), enrolment.DECIDERS) == [
        f"enrolment.v1.Registrar.{case.method}: {case.says}"
    ]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    file = File()
    for change in (
        _without("options", "Admit"),
        _without("result", "Receipt"),
        _of_category("pupil"),
        _as_number,
    ):
        change(file)
    assert len(problems(file.built("Admit"), enrolment.DECIDERS)) == 4


@dataclass
class Knowing:
    """A decider, as far as it says what it decides."""

    commands: tuple[Any, ...]


def test_a_command_that_its_decider_does_not_know_is_found() -> None:
    method = enrolment.REGISTRAR.methods_by_name["Admit"]

    def found(*decided: str) -> list[str]:
        deciders: Any = {"student": Knowing(tuple(enrolment.message(name) for name in decided))}
        return problems(method, deciders)

    unknown = (
        'enrolment.v1.Registrar.Admit: the decider of "student" does not decide enrolment.v1.Admit; add it to '
        "the decider's commands, with its case in `decide`"
    )
    assert found("Enrol") == [unknown]
    assert found() == [unknown]
    assert found("Enrol", "Admit") == []
