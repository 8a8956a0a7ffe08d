"""A course: it has seats, and never gives out more than there are. Pure: no clock, no input or output."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from foldlog_server.domain import Decider, Rejected

from enrolment.history import FIRST_CREDITS, credits_of
from enrolment.refusals import refuse
from enrolment.v1.commands_pb2 import (
    AnnounceCourse,
    ChangeSeats,
    CloseEnrolment,
    Enrol,
    JoinWaitingList,
    LeaveWaitingList,
    OpenEnrolment,
    Withdraw,
)
from enrolment.v1.errors_pb2 import ErrorReason
from enrolment.v1.events_pb2 import (
    CourseAnnounced,
    EnrolmentClosed,
    EnrolmentOpened,
    SeatFreed,
    SeatsChanged,
    SeatTaken,
    WaitingListJoined,
    WaitingListLeft,
)
from enrolment.v1.types_pb2 import Course

Command: TypeAlias = (
    AnnounceCourse
    | OpenEnrolment
    | CloseEnrolment
    | ChangeSeats
    | Enrol
    | Withdraw
    | JoinWaitingList
    | LeaveWaitingList
)
Event: TypeAlias = (
    CourseAnnounced
    | EnrolmentOpened
    | EnrolmentClosed
    | SeatsChanged
    | SeatTaken
    | SeatFreed
    | WaitingListJoined
    | WaitingListLeft
)


class State(NamedTuple):
    """What decisions are made on."""

    is_announced: bool = False
    title: str = ""
    seats: int = 0
    credits: int = FIRST_CREDITS
    is_open: bool = False
    enrolled: tuple[str, ...] = ()
    """The students who have a seat, in the order in which they got it."""
    waiting: tuple[str, ...] = ()
    """The students who wait for one, the first of them first."""

    @property
    def free(self) -> int:
        """How many seats nobody has; some of them may be kept for those who wait."""
        return self.seats - len(self.enrolled)

    @property
    def has_room(self) -> bool:
        """A seat is free for somebody who does not wait."""
        return self.free > len(self.waiting)

    def is_seat_for(self, student_id: str) -> bool:
        """A seat is free for this student: the free ones are for those who wait longest."""
        return self.has_room or student_id in self.waiting[: self.free]


def evolve(state: State, event: Event) -> State:
    """Returns the state after an event. It never refuses: an event is a fact."""
    match event:
        case CourseAnnounced(title=title, seats=seats, credits=stored):
            return State(is_announced=True, title=title, seats=seats, credits=credits_of(stored))
        case EnrolmentOpened():
            return state._replace(is_open=True)
        case EnrolmentClosed():
            return state._replace(is_open=False)
        case SeatsChanged(seats=seats):
            return state._replace(seats=seats)
        case SeatTaken(student_id=id):
            return state._replace(enrolled=(*state.enrolled, id), waiting=_without(state.waiting, id))
        case SeatFreed(student_id=id):
            return state._replace(enrolled=_without(state.enrolled, id))
        case WaitingListJoined(student_id=id):
            return state._replace(waiting=(*state.waiting, id))
        case WaitingListLeft(student_id=id):
            return state._replace(waiting=_without(state.waiting, id))


def decide(command: Command, state: State) -> Sequence[Event]:
    """Returns what happens because of a command, or refuses it."""
    match command:
        case AnnounceCourse():
            return _announce(command, state)
        case _ if not state.is_announced:
            raise _not_found(command.course_id)
        case OpenEnrolment():
            return [] if state.is_open else [EnrolmentOpened()]
        case CloseEnrolment():
            return [EnrolmentClosed()] if state.is_open else []
        case ChangeSeats():
            return _change_seats(command, state)
        case Enrol():
            return _enrol(command, state)
        case Withdraw(student_id=id):
            return [SeatFreed(student_id=id)] if id in state.enrolled else []
        case JoinWaitingList():
            return _join_waiting_list(command, state)
        case LeaveWaitingList(student_id=id):
            return [WaitingListLeft(student_id=id)] if id in state.waiting else []


def _announce(command: AnnounceCourse, state: State) -> Sequence[Event]:
    if state.is_announced:
        raise refuse(
            ErrorReason.ERROR_REASON_COURSE_EXISTS,
            f"The course {command.course_id} was announced before. Choose another id.",
            course_id=command.course_id,
        )
    return [CourseAnnounced(title=command.title, seats=command.seats, credits=credits_of(command.credits))]


def _change_seats(command: ChangeSeats, state: State) -> Sequence[Event]:
    if command.seats < len(state.enrolled):
        raise refuse(
            ErrorReason.ERROR_REASON_SEATS_TAKEN,
            f"{len(state.enrolled)} students are enrolled, which are more than {command.seats} seats. "
            "Keep a seat for each.",
            course_id=command.course_id,
            enrolled=len(state.enrolled),
        )
    return [SeatsChanged(seats=command.seats)] if command.seats != state.seats else []


def _enrol(command: Enrol, state: State) -> Sequence[Event]:
    if command.student_id in state.enrolled:
        return []
    if not state.is_open:
        raise _closed(command.course_id)
    if credits_of(command.credits) != state.credits:
        raise refuse(
            ErrorReason.ERROR_REASON_CREDITS_DIFFER,
            f"The course {command.course_id} counts {state.credits} credits, not "
            f"{credits_of(command.credits)}. Send what it counts.",
            course_id=command.course_id,
            credits=state.credits,
        )
    if not state.is_seat_for(command.student_id):
        raise refuse(
            ErrorReason.ERROR_REASON_COURSE_FULL,
            f"The {state.seats} seats of the course {command.course_id} are taken, or kept for those who "
            "wait longer. Join the waiting list.",
            course_id=command.course_id,
            seats=state.seats,
            waiting=len(state.waiting),
        )
    return [SeatTaken(student_id=command.student_id, title=state.title, credits=state.credits)]


def _join_waiting_list(command: JoinWaitingList, state: State) -> Sequence[Event]:
    if command.student_id in state.enrolled or command.student_id in state.waiting:
        return []
    if not state.is_open:
        raise _closed(command.course_id)
    if state.has_room:
        raise refuse(
            ErrorReason.ERROR_REASON_COURSE_HAS_ROOM,
            f"The course {command.course_id} has room. Enrol the student.",
            course_id=command.course_id,
        )
    return [WaitingListJoined(student_id=command.student_id)]


def _not_found(course_id: str) -> Rejected:
    return refuse(
        ErrorReason.ERROR_REASON_COURSE_NOT_FOUND,
        f"There is no course {course_id}. Announce it first.",
        course_id=course_id,
    )


def _closed(course_id: str) -> Rejected:
    return refuse(
        ErrorReason.ERROR_REASON_ENROLMENT_CLOSED,
        f"The course {course_id} takes no students now. Wait until enrolment opens.",
        course_id=course_id,
    )


def _without(students: tuple[str, ...], student_id: str) -> tuple[str, ...]:
    return tuple(id for id in students if id != student_id)


def render(id: str, version: int, state: State) -> Course | None:
    """Returns what replies and queries show."""
    if not state.is_announced:
        return None
    return Course(
        course_id=id,
        title=state.title,
        seats=state.seats,
        enrolled=len(state.enrolled),
        is_open=state.is_open,
        credits=state.credits,
        waiting=len(state.waiting),
        has_room=state.has_room,
        version=version,
    )


COURSE = Decider("course", State(), decide, evolve, render)
