"""Students, by example: given what happened, when a command comes, then this happens."""

import pytest
from foldlog_server.domain.testing import given
from google.protobuf.message import Message

from enrolment.students import STUDENT
from enrolment.v1.commands_pb2 import AdmitStudent, Enrol, RegisterStudent, Withdraw
from enrolment.v1.events_pb2 import CourseDropped, CourseTaken, StudentRegistered
from enrolment.v1.types_pb2 import Student

REGISTERED = StudentRegistered(name="Ada", max_credits=12)
LOGIC = CourseTaken(course_id="logic", credits=6)


def test_a_student_is_registered_once() -> None:
    register = RegisterStudent(student_id="ada", name="Ada", max_credits=12)
    given(STUDENT).when(register).then(REGISTERED)
    given(STUDENT, REGISTERED).when(register).then_rejected("STUDENT_EXISTS", student_id="ada")


def test_a_client_of_the_first_release_counts_courses() -> None:
    admit = AdmitStudent(student_id="ada", name="Ada", max_courses=3)
    given(STUDENT).when(admit).then(StudentRegistered(name="Ada", max_credits=15))
    given(STUDENT, REGISTERED).when(admit).then_rejected("STUDENT_EXISTS", student_id="ada")


@pytest.mark.parametrize("command", [Enrol, Withdraw])
def test_a_student_who_is_not_registered_takes_nothing(command: type[Message]) -> None:
    given(STUDENT).when(command(student_id="ada")).then_rejected("STUDENT_NOT_FOUND", student_id="ada")


def test_courses_are_taken_up_to_the_limit() -> None:
    given(STUDENT, REGISTERED, LOGIC).when(Enrol(course_id="art", credits=6)).then(
        CourseTaken(course_id="art", credits=6)
    )
    given(STUDENT, REGISTERED, LOGIC).when(Enrol(course_id="art", credits=7)).then_rejected(
        "STUDENT_LIMIT", credits=6, max_credits=12
    )


def test_what_says_nothing_of_credits_is_of_the_first_release() -> None:
    given(STUDENT, REGISTERED).when(Enrol(course_id="art")).then(CourseTaken(course_id="art", credits=5))
    given(STUDENT, REGISTERED, CourseTaken(course_id="art")).when(Withdraw(course_id="art")).then(
        CourseDropped(course_id="art", credits=5)
    )


def test_a_course_is_taken_once() -> None:
    given(STUDENT, REGISTERED, LOGIC).when(Enrol(course_id="logic", credits=6)).then_nothing()


def test_a_course_that_is_dropped_counts_no_more() -> None:
    dropped = CourseDropped(course_id="logic", credits=6)
    given(STUDENT, REGISTERED, LOGIC).when(Withdraw(course_id="logic")).then(dropped)
    given(STUDENT, REGISTERED).when(Withdraw(course_id="logic")).then_nothing()
    given(STUDENT, REGISTERED, LOGIC, dropped).when(Enrol(course_id="art", credits=12)).then(
        CourseTaken(course_id="art", credits=12)
    )


def test_a_student_shows_what_is_taken_in_order() -> None:
    art = CourseTaken(course_id="art", credits=3)
    given(STUDENT, REGISTERED, LOGIC, art).shows(
        Student(
            student_id="ada",
            name="Ada",
            max_credits=12,
            credits=9,
            course_ids=["logic", "art"],
            version=3,
        ),
        id="ada",
    )
    given(STUDENT).shows(None, id="ada")
