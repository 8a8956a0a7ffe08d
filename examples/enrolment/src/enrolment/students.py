"""A student: takes courses up to a limit of credits. Pure: no clock, no input or output."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from foldlog_server.domain import Decider

from enrolment.history import FIRST_CREDITS, credits_of
from enrolment.refusals import refuse
from enrolment.v1.commands_pb2 import AdmitStudent, Enrol, RegisterStudent, Withdraw
from enrolment.v1.errors_pb2 import ErrorReason
from enrolment.v1.events_pb2 import CourseDropped, CourseTaken, StudentRegistered
from enrolment.v1.types_pb2 import Student

Command: TypeAlias = RegisterStudent | AdmitStudent | Enrol | Withdraw
Event: TypeAlias = StudentRegistered | CourseTaken | CourseDropped


class State(NamedTuple):
    """What decisions are made on."""

    is_registered: bool = False
    name: str = ""
    max_credits: int = 0
    courses: Mapping[str, int] = {}
    """The credits of each course, in the order in which they were taken. Never changed in place."""

    @property
    def credits(self) -> int:
        """How many credits all courses count."""
        return sum(self.courses.values())


def evolve(state: State, event: Event) -> State:
    """Returns the state after an event. It never refuses: an event is a fact."""
    match event:
        case StudentRegistered(name=name, max_credits=max_credits):
            return State(is_registered=True, name=name, max_credits=max_credits)
        case CourseTaken(course_id=id, credits=stored):
            return state._replace(courses={**state.courses, id: credits_of(stored)})
        case CourseDropped(course_id=id):
            return state._replace(courses={one: of for one, of in state.courses.items() if one != id})


def decide(command: Command, state: State) -> Sequence[Event]:
    """Returns what happens because of a command, or refuses it."""
    match command:
        case RegisterStudent(max_credits=max_credits):
            return _register(command, max_credits, state)
        case AdmitStudent(max_courses=max_courses):
            return _register(command, max_courses * FIRST_CREDITS, state)
        case _ if not state.is_registered:
            raise refuse(
                ErrorReason.ERROR_REASON_STUDENT_NOT_FOUND,
                f"There is no student {command.student_id}. Register the student first.",
                student_id=command.student_id,
            )
        case Enrol():
            return _take(command, state)
        case Withdraw(course_id=id):
            return [CourseDropped(course_id=id, credits=state.courses[id])] if id in state.courses else []


def _register(command: RegisterStudent | AdmitStudent, max_credits: int, state: State) -> Sequence[Event]:
    if state.is_registered:
        raise refuse(
            ErrorReason.ERROR_REASON_STUDENT_EXISTS,
            f"The student {command.student_id} was registered before. Choose another id.",
            student_id=command.student_id,
        )
    return [StudentRegistered(name=command.name, max_credits=max_credits)]


def _take(command: Enrol, state: State) -> Sequence[Event]:
    if command.course_id in state.courses:
        return []
    credits = credits_of(command.credits)
    if state.credits + credits > state.max_credits:
        raise refuse(
            ErrorReason.ERROR_REASON_STUDENT_LIMIT,
            f"The student takes {state.credits} credits, and {credits} more would exceed "
            f"{state.max_credits}. Withdraw from another course first.",
            student_id=command.student_id,
            credits=state.credits,
            max_credits=state.max_credits,
        )
    return [CourseTaken(course_id=command.course_id, credits=credits)]


def render(id: str, version: int, state: State) -> Student | None:
    """Returns what replies and queries show."""
    if not state.is_registered:
        return None
    return Student(
        student_id=id,
        name=state.name,
        max_credits=state.max_credits,
        credits=state.credits,
        course_ids=state.courses,
        version=version,
    )


STUDENT = Decider("student", State(), decide, evolve, render)
