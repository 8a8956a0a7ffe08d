"""Timetables: each student's courses, added up and one by one. Both are of one view, so that one query can
show them as of one position."""

from collections.abc import Iterable
from typing import TypeAlias

from foldlog_server.domain import Key, RecordedEvent, View, existing

from enrolment.history import credits_of
from enrolment.v1.events_pb2 import CourseDropped, CourseTaken, SeatFreed, SeatTaken, StudentRegistered
from enrolment.v1.types_pb2 import Timetable, TimetableEntry

TIMETABLE = "timetables"
ENTRY = "timetable-entries"

Document: TypeAlias = Timetable | TimetableEntry
Event: TypeAlias = StudentRegistered | CourseTaken | CourseDropped | SeatTaken | SeatFreed


def keys(recorded: RecordedEvent[Event]) -> Iterable[Key]:
    """Returns the document that an event touches: the student's side adds up, the course's side has the
    entries."""
    match recorded.payload:
        case StudentRegistered() | CourseTaken() | CourseDropped():
            return [Key(TIMETABLE, recorded.id)]
        case SeatTaken(student_id=student_id) | SeatFreed(student_id=student_id):
            return [Key(ENTRY, entry_id(student_id, recorded.id))]


def entry_id(student_id: str, course_id: str) -> str:
    """Ids have no line break, so that no two pairs make the same name."""
    return f"{student_id}\n{course_id}"


def evolve(key: Key, document: Document | None, recorded: RecordedEvent[Event]) -> Document | None:
    """Returns what a document becomes."""
    match recorded.payload:
        case StudentRegistered(name=name):
            return Timetable(student_id=key.id, name=name)
        case CourseTaken(credits=stored):
            return _added(document, 1, credits_of(stored))
        case CourseDropped(credits=stored):
            return _added(document, -1, -credits_of(stored))
        case SeatTaken(student_id=student_id, title=title, credits=stored):
            return TimetableEntry(
                student_id=student_id, course_id=recorded.id, title=title, credits=credits_of(stored)
            )
        case SeatFreed():
            return None


def _added(document: Document | None, courses: int, credits: int) -> Timetable:
    timetable = existing(document, Timetable)
    timetable.courses += courses
    timetable.credits += credits
    return timetable


TIMETABLES: View[Document, Event] = View(
    "timetables", {TIMETABLE: Timetable, ENTRY: TimetableEntry}, keys, evolve
)
