"""A domain for tests whose commands are decided by students and courses together, served over a channel."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from foldlog.v1 import commands_pb2, options_pb2
from foldlog_server.commands.command_handler import CommandHandler
from foldlog_server.domain.decider import AnyDecider, Decider
from foldlog_server.error_catalogue import catalogue_of
from foldlog_server.errors import Rejected
from foldlog_server.log.codec import Codec
from foldlog_server.transport.arrivals import Arrivals
from foldlog_server.transport.calls import Calls
from foldlog_server.transport.command_service import command_handlers
from foldlog_server.transport.refusal_log import RefusalLog
from tests.support.commands import Commands, HeldStore
from tests.support.manual_timer import ManualTimer
from tests.support.protos import PROTOS, compiled
from tests.support.wire import Wire

_NAME = "enrolment.proto"
# Imported above, so that the pool has what the file imports.
assert commands_pb2.DESCRIPTOR.pool is options_pb2.DESCRIPTOR.pool is descriptor_pool.Default()
_FILE = descriptor_pool.Default().AddSerializedFile(
    compiled([PROTOS, Path(__file__).parent], _NAME)[_NAME].SerializeToString()
)
REGISTRAR: ServiceDescriptor = _FILE.services_by_name["Registrar"]
_REASONS = {reason.name: reason for reason in catalogue_of(_FILE.enum_types_by_name["ErrorReason"]).values()}


def message(name: str) -> Any:
    """The class of a message of the domain."""
    return GetMessageClass(_FILE.message_types_by_name[name])


class Course(NamedTuple):
    seats: int = 0
    students: tuple[str, ...] = ()


class Student(NamedTuple):
    is_admitted: bool = False
    courses: tuple[str, ...] = ()


SEEN: list[Message] = []
"""Every command that a decider was given."""


def _decide_course(command: Any, course: Course) -> Sequence[Message]:
    SEEN.append(command)
    match command.DESCRIPTOR.name:
        case "OpenCourse":
            return [message("CourseOpened")(seats=command.seats)]
        case "Enrol":
            joining = [command.student_id]
        case _:
            joining = list(command.student_ids)
    if course.seats < len(course.students) + len(joining):
        raise Rejected(_REASONS["NO_SEAT"], "There is no seat left.", {"course_id": command.course_id})
    return [message("SeatTaken")(student_id=one) for one in joining]


def _evolve_course(course: Course, event: Any) -> Course:
    if event.DESCRIPTOR.name == "CourseOpened":
        return course._replace(seats=event.seats)
    return course._replace(students=(*course.students, event.student_id))


def _decide_student(command: Any, student: Student) -> Sequence[Message]:
    SEEN.append(command)
    if command.DESCRIPTOR.name == "Admit":
        return [message("StudentAdmitted")()]
    if not student.is_admitted:
        id = getattr(command, "student_id", "") or command.student_ids[0]
        raise Rejected(_REASONS["NOT_ADMITTED"], f"{id} is not admitted.", {"student_id": id})
    notes = getattr(command, "notes", ())
    return [message("CourseTaken")(course_id=command.course_id, notes=notes)]


def _evolve_student(student: Student, event: Any) -> Student:
    if event.DESCRIPTOR.name == "StudentAdmitted":
        return student._replace(is_admitted=True)
    return student._replace(courses=(*student.courses, event.course_id))


COURSE = Decider(
    "course",
    Course(),
    _decide_course,
    _evolve_course,
    lambda id, _, course: message("Course")(course_id=id, student_ids=course.students),
    commands=(message("OpenCourse"), message("Enrol"), message("EnrolClass")),
    events=(message("CourseOpened"), message("SeatTaken")),
)
STUDENT = Decider(
    "student",
    Student(),
    _decide_student,
    _evolve_student,
    lambda id, _, student: message("Student")(student_id=id, course_ids=student.courses),
    commands=(message("Admit"), message("Enrol"), message("EnrolClass")),
    events=(message("StudentAdmitted"), message("CourseTaken")),
)
DECIDERS: Mapping[str, AnyDecider] = {"course": COURSE, "student": STUDENT}


class Registrar(Wire):
    """The domain's commands over a channel, on a store in memory."""

    def __init__(self, channel: grpc.aio.Channel, store: HeldStore, handler: CommandHandler) -> None:
        self.channel = channel
        self.store = store
        self.handler = handler

    def do(self, method: str, request: Message) -> Any:
        """The call of a method, to be awaited."""
        return self.call(REGISTRAR.methods_by_name[method], request.SerializeToString())

    def streams(self) -> list[str]:
        """The stream of each event that is stored, in order."""
        codec = Codec([*COURSE.events, *STUDENT.events])
        return [codec.decode(event).stream for event in self.store._log]


@asynccontextmanager
async def registrar(store: HeldStore) -> AsyncIterator[Registrar]:
    """Serve the domain on a free port of the loopback."""
    commands = Commands(store, deciders=DECIDERS)
    calls = Calls(RefusalLog(ManualTimer))
    handlers = command_handlers(
        REGISTRAR, calls, commands.handler, DECIDERS, Arrivals(), store, commands.new_id
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(REGISTRAR.full_name, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Registrar(channel, store, commands.handler)
    finally:
        await server.stop(0)
