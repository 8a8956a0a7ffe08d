"""Courses and students of the first release."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from foldlog_server.domain import Decider, Domain, Key, RecordedEvent, View, existing, latest, refusals

from enrolment.v1 import enrolment_pb2 as pb

refuse = refusals(pb.ErrorReason)

CourseCommand: TypeAlias = pb.AnnounceCourse | pb.OpenEnrolment | pb.Enrol | pb.Withdraw
CourseEvent: TypeAlias = pb.CourseAnnounced | pb.EnrolmentOpened | pb.SeatTaken | pb.SeatFreed


class Course(NamedTuple):
    """What decisions on a course are made on."""

    is_announced: bool = False
    title: str = ""
    seats: int = 0
    is_open: bool = False
    enrolled: tuple[str, ...] = ()


def evolve_course(state: Course, event: CourseEvent) -> Course:
    """Returns the state after an event."""
    match event:
        case pb.CourseAnnounced(title=title, seats=seats):
            return Course(is_announced=True, title=title, seats=seats)
        case pb.EnrolmentOpened():
            return state._replace(is_open=True)
        case pb.SeatTaken(student_id=id):
            return state._replace(enrolled=(*state.enrolled, id))
        case pb.SeatFreed(student_id=id):
            return state._replace(enrolled=tuple(one for one in state.enrolled if one != id))


def decide_course(command: CourseCommand, state: Course) -> Sequence[CourseEvent]:
    """Returns what happens because of a command, or refuses it."""
    match command:
        case pb.AnnounceCourse(title=title, seats=seats):
            if state.is_announced:
                raise refuse(pb.ERROR_REASON_COURSE_EXISTS, "The course exists.", course_id=command.course_id)
            return [pb.CourseAnnounced(title=title, seats=seats)]
        case _ if not state.is_announced:
            raise refuse(
                pb.ERROR_REASON_COURSE_NOT_FOUND, "There is no such course.", course_id=command.course_id
            )
        case pb.OpenEnrolment():
            return [] if state.is_open else [pb.EnrolmentOpened()]
        case pb.Enrol(student_id=id) if id in state.enrolled:
            return []
        case pb.Enrol(course_id=course_id) if not state.is_open:
            raise refuse(pb.ERROR_REASON_ENROLMENT_CLOSED, "The course is not open.", course_id=course_id)
        case pb.Enrol(course_id=course_id) if len(state.enrolled) == state.seats:
            raise refuse(pb.ERROR_REASON_COURSE_FULL, "Every seat is taken.", course_id=course_id)
        case pb.Enrol(student_id=id):
            return [pb.SeatTaken(student_id=id, title=state.title)]
        case pb.Withdraw(student_id=id):
            return [pb.SeatFreed(student_id=id)] if id in state.enrolled else []


def render_course(id: str, version: int, state: Course) -> pb.Course | None:
    """Returns what replies and queries show."""
    shown = pb.Course(
        course_id=id,
        title=state.title,
        seats=state.seats,
        enrolled=len(state.enrolled),
        is_open=state.is_open,
        version=version,
    )
    return shown if state.is_announced else None


StudentCommand: TypeAlias = pb.AdmitStudent | pb.Enrol | pb.Withdraw
StudentEvent: TypeAlias = pb.StudentAdmitted | pb.CourseTaken | pb.CourseDropped


class Student(NamedTuple):
    """What decisions on a student are made on."""

    is_admitted: bool = False
    name: str = ""
    max_courses: int = 0
    courses: tuple[str, ...] = ()


def evolve_student(state: Student, event: StudentEvent) -> Student:
    """Returns the state after an event."""
    match event:
        case pb.StudentAdmitted(name=name, max_courses=max_courses):
            return Student(is_admitted=True, name=name, max_courses=max_courses)
        case pb.CourseTaken(course_id=id):
            return state._replace(courses=(*state.courses, id))
        case pb.CourseDropped(course_id=id):
            return state._replace(courses=tuple(one for one in state.courses if one != id))


def decide_student(command: StudentCommand, state: Student) -> Sequence[StudentEvent]:
    """Returns what happens because of a command, or refuses it."""
    match command:
        case pb.AdmitStudent(student_id=id, name=name, max_courses=max_courses):
            if state.is_admitted:
                raise refuse(pb.ERROR_REASON_STUDENT_EXISTS, "The student exists.", student_id=id)
            return [pb.StudentAdmitted(name=name, max_courses=max_courses)]
        case _ if not state.is_admitted:
            raise refuse(
                pb.ERROR_REASON_STUDENT_NOT_FOUND, "There is no such student.", student_id=command.student_id
            )
        case pb.Enrol(course_id=id) if id in state.courses:
            return []
        case pb.Enrol(student_id=id) if len(state.courses) == state.max_courses:
            raise refuse(pb.ERROR_REASON_STUDENT_LIMIT, "The student has all courses.", student_id=id)
        case pb.Enrol(course_id=id):
            return [pb.CourseTaken(course_id=id)]
        case pb.Withdraw(course_id=id):
            return [pb.CourseDropped(course_id=id)] if id in state.courses else []


def render_student(id: str, version: int, state: Student) -> pb.Student | None:
    """Returns what replies and queries show."""
    shown = pb.Student(student_id=id, name=state.name, course_ids=state.courses, version=version)
    return shown if state.is_admitted else None


Document: TypeAlias = pb.Timetable | pb.TimetableEntry
Event: TypeAlias = pb.StudentAdmitted | pb.CourseTaken | pb.CourseDropped | pb.SeatTaken | pb.SeatFreed


def keys(recorded: RecordedEvent[Event]) -> Iterable[Key]:
    """Returns the document that an event touches."""
    match recorded.payload:
        case pb.SeatTaken(student_id=student_id) | pb.SeatFreed(student_id=student_id):
            return [Key("timetable-entries", f"{student_id}\n{recorded.id}")]
        case _:
            return [Key("timetables", recorded.id)]


def evolve(key: Key, document: Document | None, recorded: RecordedEvent[Event]) -> Document | None:
    """Returns what a document becomes."""
    match recorded.payload:
        case pb.StudentAdmitted(name=name):
            return pb.Timetable(student_id=key.id, name=name)
        case pb.CourseTaken():
            return _added(document, 1)
        case pb.CourseDropped():
            return _added(document, -1)
        case pb.SeatTaken(student_id=student_id, title=title):
            return pb.TimetableEntry(student_id=student_id, course_id=recorded.id, title=title)
        case pb.SeatFreed():
            return None


def _added(document: Document | None, courses: int) -> pb.Timetable:
    timetable = existing(document)
    assert isinstance(timetable, pb.Timetable)
    timetable.courses += courses
    return timetable


COURSE = Decider("course", Course(), decide_course, evolve_course, render_course)
STUDENT = Decider("student", Student(), decide_student, evolve_student, render_student)
TIMETABLES: View[Document, Event] = View(
    "timetables", {"timetables": pb.Timetable, "timetable-entries": pb.TimetableEntry}, keys, evolve
)
ENROLMENT = Domain(
    "enrolment",
    protos=(pb,),
    deciders=(COURSE, STUDENT),
    views=(latest("courses", COURSE), TIMETABLES),
)
