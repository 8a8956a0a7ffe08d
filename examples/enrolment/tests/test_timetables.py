"""Timetables, by example: given what happened, this is what they say."""

from foldlog_server.domain.testing import ViewScenario

from enrolment.timetables import ENTRY, TIMETABLE, TIMETABLES, entry_id
from enrolment.v1.events_pb2 import CourseDropped, CourseTaken, SeatFreed, SeatTaken, StudentRegistered
from enrolment.v1.types_pb2 import Timetable, TimetableEntry


def enrolled() -> ViewScenario:
    """Ada takes logic, as a command stores it: both sides."""
    view = ViewScenario(TIMETABLES)
    view.given("student-ada", StudentRegistered(name="Ada", max_credits=12))
    view.given("course-logic", SeatTaken(student_id="ada", title="Logic", credits=6))
    view.given("student-ada", CourseTaken(course_id="logic", credits=6))
    return view


def test_a_timetable_begins_empty() -> None:
    view = ViewScenario(TIMETABLES)
    view.given("student-ada", StudentRegistered(name="Ada", max_credits=12))
    assert view.document(TIMETABLE, "ada") == Timetable(student_id="ada", name="Ada")
    assert view.ids(ENTRY) == []


def test_a_course_is_an_entry_and_adds_up() -> None:
    view = enrolled()
    assert view.document(TIMETABLE, "ada") == Timetable(student_id="ada", name="Ada", courses=1, credits=6)
    assert view.document(ENTRY, entry_id("ada", "logic")) == TimetableEntry(
        student_id="ada", course_id="logic", title="Logic", credits=6
    )


def test_a_course_that_is_dropped_is_gone() -> None:
    view = enrolled()
    view.given("course-logic", SeatFreed(student_id="ada"))
    view.given("student-ada", CourseDropped(course_id="logic", credits=6))
    assert view.document(TIMETABLE, "ada") == Timetable(student_id="ada", name="Ada")
    assert view.ids(ENTRY) == []


def test_what_was_stored_by_the_first_release_counts_5() -> None:
    view = enrolled()
    view.given("course-art", SeatTaken(student_id="ada", title="Art"))
    view.given("student-ada", CourseTaken(course_id="art"))
    assert view.document(TIMETABLE, "ada") == Timetable(student_id="ada", name="Ada", courses=2, credits=11)
    view.given("student-ada", CourseDropped(course_id="art"))
    assert view.document(TIMETABLE, "ada") == Timetable(student_id="ada", name="Ada", courses=1, credits=6)


def test_no_two_pairs_of_ids_make_one_entry() -> None:
    assert entry_id("a-b", "c") != entry_id("a", "b-c")
