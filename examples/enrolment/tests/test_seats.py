"""Whatever is asked in whatever order: no seat is given twice, nobody overtakes, and both sides agree."""

from collections import defaultdict
from collections.abc import Sequence

from foldlog_server.domain import Rejected
from foldlog_server.domain.testing import after
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from enrolment import courses, students
from enrolment.courses import COURSE
from enrolment.students import STUDENT
from enrolment.v1.commands_pb2 import ChangeSeats, Enrol, JoinWaitingList, LeaveWaitingList, Withdraw
from enrolment.v1.events_pb2 import CourseAnnounced, EnrolmentOpened, StudentRegistered

COURSES = {"art": 4, "logic": 6}
STUDENTS = ("ada", "bob", "cyd", "dan")
MAX_CREDITS = 9
"""Either course, but not both."""

Joint = Enrol | Withdraw


class Register:
    """The streams of some courses and students, decided as the server decides them: one command after
    another, and one on both sides all or none."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Message]] = defaultdict(list)
        for id, credits in COURSES.items():
            announced = CourseAnnounced(title=id, seats=1, credits=credits)
            self.streams[f"course-{id}"] += [announced, EnrolmentOpened()]
        for id in STUDENTS:
            self.streams[f"student-{id}"] += [StudentRegistered(name=id, max_credits=MAX_CREDITS)]

    def course(self, id: str) -> courses.State:
        return after(COURSE, self.streams[f"course-{id}"])

    def student(self, id: str) -> students.State:
        return after(STUDENT, self.streams[f"student-{id}"])

    def do(self, command: courses.Command) -> bool:
        """Store what happens because of a command; False if it is refused."""
        happened: dict[str, Sequence[Message]] = {}
        try:
            course_id = command.course_id
            happened[f"course-{course_id}"] = COURSE.decide(command, self.course(course_id))
            if isinstance(command, Joint):
                id = command.student_id
                happened[f"student-{id}"] = STUDENT.decide(command, self.student(id))
        except Rejected:
            return False
        for stream, events in happened.items():
            self.streams[stream] += events
        return True


def commands(ids: Sequence[str] = tuple(COURSES)) -> st.SearchStrategy[courses.Command]:
    course, student = st.sampled_from(ids), st.sampled_from(STUDENTS)
    enrol = st.builds(
        lambda course, student: Enrol(course_id=course, student_id=student, credits=COURSES[course]),
        course,
        student,
    )
    others = [
        st.builds(one, course_id=course, student_id=student)
        for one in (Withdraw, JoinWaitingList, LeaveWaitingList)
    ]
    seats = st.builds(ChangeSeats, course_id=course, seats=st.integers(1, 3))
    return st.one_of(enrol, *others, seats)


@given(st.lists(commands(), max_size=30))
def test_seats_are_never_oversold_and_both_sides_agree(asked: list[courses.Command]) -> None:
    register = Register()
    for command in asked:
        register.do(command)
        for id in COURSES:
            course = register.course(id)
            assert len(course.enrolled) <= course.seats
            assert len({*course.enrolled, *course.waiting}) == len(course.enrolled) + len(course.waiting)
            assert set(course.enrolled) == {one for one in STUDENTS if id in register.student(one).courses}
        assert all(register.student(id).credits <= MAX_CREDITS for id in STUDENTS)


@given(st.lists(commands(["logic"]), min_size=10, max_size=30))
def test_the_one_who_waits_longest_is_overtaken_by_nobody(asked: list[courses.Command]) -> None:
    register = Register()
    for command in asked:
        before = register.course(command.course_id)
        if register.do(command) and isinstance(command, Enrol):
            id, waiting = command.student_id, before.waiting
            ahead = waiting[: waiting.index(id)] if id in waiting else waiting
            assert id in before.enrolled or len(ahead) < before.free
