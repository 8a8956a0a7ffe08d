"""Courses, by example: given what happened, when a command comes, then this happens."""

import pytest
from foldlog_server.domain.testing import given
from google.protobuf.message import Message

from enrolment.courses import COURSE
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

ANNOUNCED = CourseAnnounced(title="Logic", seats=1, credits=6)
OPENED = EnrolmentOpened()
OPEN = (ANNOUNCED, OPENED)


def taken(student_id: str) -> SeatTaken:
    return SeatTaken(student_id=student_id, title="Logic", credits=6)


def enrol(student_id: str, credits: int = 6) -> Enrol:
    return Enrol(course_id="logic", student_id=student_id, credits=credits)


def test_a_course_is_announced_once() -> None:
    announce = AnnounceCourse(course_id="logic", title="Logic", seats=1, credits=6)
    given(COURSE).when(announce).then(ANNOUNCED)
    given(COURSE, ANNOUNCED).when(announce).then_rejected("COURSE_EXISTS", course_id="logic")


def test_a_course_counts_5_credits_unless_it_says_otherwise() -> None:
    given(COURSE).when(AnnounceCourse(title="Logic", seats=1)).then(
        CourseAnnounced(title="Logic", seats=1, credits=5)
    )


@pytest.mark.parametrize(
    "command",
    [OpenEnrolment, CloseEnrolment, ChangeSeats, Enrol, Withdraw, JoinWaitingList, LeaveWaitingList],
)
def test_a_course_that_was_not_announced_does_nothing(command: type[Message]) -> None:
    given(COURSE).when(command(course_id="logic")).then_rejected("COURSE_NOT_FOUND", course_id="logic")


def test_enrolment_opens_and_closes() -> None:
    given(COURSE, ANNOUNCED).when(OpenEnrolment()).then(OPENED)
    given(COURSE, *OPEN).when(OpenEnrolment()).then_nothing()
    given(COURSE, *OPEN).when(CloseEnrolment()).then(EnrolmentClosed())
    given(COURSE, ANNOUNCED).when(CloseEnrolment()).then_nothing()


def test_a_student_gets_a_seat_and_keeps_it() -> None:
    given(COURSE, *OPEN).when(enrol("ada")).then(taken("ada"))
    given(COURSE, *OPEN, taken("ada")).when(enrol("ada")).then_nothing()
    given(COURSE, *OPEN, taken("ada"), EnrolmentClosed()).when(enrol("ada")).then_nothing()


def test_a_course_that_is_closed_takes_nobody() -> None:
    given(COURSE, ANNOUNCED).when(enrol("ada")).then_rejected("ENROLMENT_CLOSED")
    given(COURSE, *OPEN, EnrolmentClosed()).when(enrol("ada")).then_rejected("ENROLMENT_CLOSED")


def test_a_student_knows_what_the_course_counts() -> None:
    given(COURSE, *OPEN).when(enrol("ada", credits=5)).then_rejected("CREDITS_DIFFER", credits=6)
    given(COURSE, *OPEN).when(enrol("ada", credits=0)).then_rejected("CREDITS_DIFFER", credits=6)


def test_no_seat_is_given_twice() -> None:
    full = given(COURSE, *OPEN, taken("ada"))
    full.when(enrol("bob")).then_rejected("COURSE_FULL", course_id="logic", seats=1, waiting=0)


def test_a_seat_that_is_given_back_is_free() -> None:
    given(COURSE, *OPEN, taken("ada")).when(Withdraw(student_id="ada")).then(SeatFreed(student_id="ada"))
    given(COURSE, *OPEN, taken("ada")).when(Withdraw(student_id="bob")).then_nothing()
    given(COURSE, *OPEN, taken("ada"), SeatFreed(student_id="ada")).when(enrol("bob")).then(taken("bob"))


def test_a_seat_is_kept_for_the_one_who_waits_longest() -> None:
    waiting = WaitingListJoined(student_id="bob"), WaitingListJoined(student_id="cyd")
    freed = given(COURSE, *OPEN, taken("ada"), *waiting, SeatFreed(student_id="ada"))
    freed.when(enrol("bob")).then(taken("bob"))
    freed.when(enrol("cyd")).then_rejected("COURSE_FULL", waiting=2)
    freed.when(enrol("dan")).then_rejected("COURSE_FULL", waiting=2)


def test_one_who_gets_a_seat_waits_no_longer() -> None:
    bob = WaitingListJoined(student_id="bob")
    given(COURSE, *OPEN, taken("ada"), bob, SeatFreed(student_id="ada"), taken("bob")).shows(
        Course(
            course_id="logic",
            title="Logic",
            seats=1,
            enrolled=1,
            is_open=True,
            credits=6,
            waiting=0,
            has_room=False,
            version=6,
        ),
        id="logic",
    )


def test_one_waits_only_where_there_is_no_room() -> None:
    join = JoinWaitingList(course_id="logic", student_id="bob")
    given(COURSE, *OPEN, taken("ada")).when(join).then(WaitingListJoined(student_id="bob"))
    given(COURSE, *OPEN, taken("ada"), WaitingListJoined(student_id="bob")).when(join).then_nothing()
    given(COURSE, *OPEN, taken("bob")).when(join).then_nothing()
    given(COURSE, *OPEN).when(join).then_rejected("COURSE_HAS_ROOM", course_id="logic")
    given(COURSE, ANNOUNCED).when(join).then_rejected("ENROLMENT_CLOSED", course_id="logic")


def test_one_who_leaves_the_waiting_list_makes_room_behind() -> None:
    bob = WaitingListJoined(student_id="bob")
    given(COURSE, *OPEN, taken("ada"), bob).when(LeaveWaitingList(student_id="bob")).then(
        WaitingListLeft(student_id="bob")
    )
    given(COURSE, *OPEN).when(LeaveWaitingList(student_id="bob")).then_nothing()
    left = (bob, SeatFreed(student_id="ada"), WaitingListLeft(student_id="bob"))
    given(COURSE, *OPEN, taken("ada"), *left).when(enrol("dan")).then(taken("dan"))


def test_there_are_never_fewer_seats_than_students() -> None:
    two = given(COURSE, *OPEN, SeatsChanged(seats=2), taken("ada"), taken("bob"))
    two.when(ChangeSeats(seats=3)).then(SeatsChanged(seats=3))
    two.when(ChangeSeats(seats=2)).then_nothing()
    two.when(ChangeSeats(course_id="logic", seats=1)).then_rejected("SEATS_TAKEN", enrolled=2)


def test_what_was_not_announced_shows_nothing() -> None:
    given(COURSE).shows(None, id="logic")
