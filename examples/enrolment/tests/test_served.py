"""The domain as clients have it: a server on a free port, and the generated clients."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import foldlog_client
import pytest
from foldlog.v1.reads_pb2 import AsOf
from foldlog_client import sync
from foldlog_server import testing
from google.protobuf.message import Message

from enrolment.v1 import async_client, sync_client
from enrolment.v1.events_pb2 import CourseAnnounced, EnrolmentOpened, SeatTaken
from enrolment.v1.reasons import Reason
from enrolment.v1.types_pb2 import Course


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """One server for all tests: each has courses and students of its own, named by the test."""
    with testing.server(domains=["enrolment.domain:ENROLMENT"], shop=False) as server:
        yield server.address


@pytest.fixture
def client(address: str) -> Iterator[sync_client.Client]:
    with sync_client.connect(address) as client:
        yield client


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """What begins the names of the test's own courses and students."""
    return f"{request.node.name[:40]} "


def opened(client: sync_client.Client, course_id: str, *, seats: int = 1, credits: int = 5) -> str:
    client.enrolment.announce_course(course_id=course_id, title=course_id, seats=seats, credits=credits)
    client.enrolment.open_enrolment(course_id=course_id)
    return course_id


def registered(client: sync_client.Client, student_id: str, *, max_credits: int = 30) -> str:
    client.enrolment.register_student(student_id=student_id, name=student_id, max_credits=max_credits)
    return student_id


def test_an_enrolment_is_stored_on_both_sides(client: sync_client.Client, prefix: str) -> None:
    logic, ada = opened(client, f"{prefix}logic", credits=6), registered(client, f"{prefix}ada")

    reply = client.enrolment.enrol(course_id=logic, student_id=ada, credits=6)

    assert (reply.course.course_id, reply.course.enrolled, reply.course.has_room) == (logic, 1, False)
    assert (list(reply.student.course_ids), reply.student.credits) == ([logic], 6)
    student = client.enrolment.get_student(student_id=ada)
    assert student.student == reply.student
    assert student.freshness.position >= reply.result.position
    assert client.enrolment.get_course(course_id=logic, latest=True).course == reply.course


def test_a_refusal_has_what_the_course_says_and_what_the_student_says(
    client: sync_client.Client, prefix: str
) -> None:
    logic = opened(client, f"{prefix}logic")
    ada, bob = registered(client, f"{prefix}ada"), registered(client, f"{prefix}bob", max_credits=4)
    client.enrolment.enrol(course_id=logic, student_id=ada)

    with pytest.raises(sync.Rejected) as refusal:
        client.enrolment.enrol(course_id=logic, student_id=bob)

    assert refusal.value.reason == Reason.COURSE_FULL
    assert [(one.subject, one.rule) for one in refusal.value.violations] == [
        (logic, Reason.COURSE_FULL),
        (bob, Reason.STUDENT_LIMIT),
    ]


def test_what_one_side_refuses_happens_on_neither(client: sync_client.Client, prefix: str) -> None:
    logic, ada = opened(client, f"{prefix}logic"), registered(client, f"{prefix}ada", max_credits=4)
    with pytest.raises(sync.Rejected, match=Reason.STUDENT_LIMIT):
        client.enrolment.enrol(course_id=logic, student_id=ada)
    with pytest.raises(sync.NotFound, match=Reason.STUDENT_NOT_FOUND):
        client.enrolment.enrol(course_id=logic, student_id=f"{prefix}nobody")
    assert client.enrolment.get_course(course_id=logic, latest=True).course.enrolled == 0


def test_a_request_that_is_repeated_acts_once(client: sync_client.Client, prefix: str) -> None:
    logic, ada = opened(client, f"{prefix}logic"), registered(client, f"{prefix}ada")
    request_id = str(uuid4())
    client.enrolment.enrol(course_id=logic, student_id=ada, request_id=request_id)
    client.enrolment.withdraw(course_id=logic, student_id=ada)

    again = client.enrolment.enrol(course_id=logic, student_id=ada, request_id=request_id)

    assert again.result.replayed
    assert client.enrolment.get_course(course_id=logic, latest=True).course.enrolled == 0


async def test_of_many_who_race_for_the_last_seat_one_gets_it(address: str, prefix: str) -> None:
    async with async_client.connect(address) as client:
        university = client.enrolment
        logic, students = f"{prefix}logic", [f"{prefix}{number}" for number in range(20)]
        await university.announce_course(course_id=logic, title="Logic", seats=1)
        await university.open_enrolment(course_id=logic)
        await asyncio.gather(
            *(university.register_student(student_id=id, name="A", max_credits=5) for id in students)
        )

        async def tries(student_id: str) -> str | foldlog_client.Rejected:
            try:
                return (await university.enrol(course_id=logic, student_id=student_id)).student.student_id
            except foldlog_client.Rejected as refusal:
                return refusal

        outcomes = await asyncio.gather(*map(tries, students))
        refusals = [one for one in outcomes if isinstance(one, foldlog_client.Rejected)]

        assert len(refusals) == len(students) - 1
        assert {one.reason for one in refusals} == {Reason.COURSE_FULL}
        seats = [(await university.get_student(student_id=id)).student.course_ids for id in students]
        assert sum(map(len, seats)) == 1


def test_courses_are_listed_by_whether_they_have_room(client: sync_client.Client, prefix: str) -> None:
    full, free = opened(client, f"{prefix}a"), opened(client, f"{prefix}b", seats=2)
    ada = registered(client, f"{prefix}ada")
    closed = f"{prefix}c"
    client.enrolment.announce_course(course_id=closed, title="Later", seats=1)
    position = client.enrolment.enrol(course_id=full, student_id=ada).result.position

    def listed(*, has_room: bool | None = None, is_open: bool | None = None) -> list[str]:
        courses = client.enrolment.iterate_courses(
            page_size=1, min_position=position, has_room=has_room, is_open=is_open
        )
        return [one.course_id for one in courses if one.course_id.startswith(prefix)]

    assert listed() == [full, free, closed]
    assert listed(has_room=True) == [free, closed]
    assert listed(has_room=False) == [full]
    assert listed(is_open=True, has_room=True) == [free]


def test_a_past_course_and_its_history_are_read_from_the_log(client: sync_client.Client, prefix: str) -> None:
    logic, ada = opened(client, f"{prefix}logic"), registered(client, f"{prefix}ada")
    client.enrolment.enrol(course_id=logic, student_id=ada)

    entries = list(client.enrolment.iterate_course_history_entries(course_id=logic, page_size=2))

    stored: list[Message] = [
        CourseAnnounced(title=logic, seats=1, credits=5),
        EnrolmentOpened(),
        SeatTaken(student_id=ada, title=logic, credits=5),
    ]
    assert [sync.unpack(one.event) for one in entries] == stored
    past = client.enrolment.get_course(course_id=logic, as_of=AsOf(version=2)).course
    assert (past.enrolled, past.is_open, past.version) == (0, True, 2)


def test_a_timetable_comes_with_its_entries(client: sync_client.Client, prefix: str) -> None:
    ada, position = registered(client, f"{prefix}ada"), 0
    courses = [opened(client, f"{prefix}{number}", credits=number) for number in (3, 1, 2)]
    for course_id, credits in zip(courses, (3, 1, 2), strict=True):
        reply = client.enrolment.enrol(course_id=course_id, student_id=ada, credits=credits)
        position = reply.result.position
    position = client.enrolment.withdraw(course_id=courses[1], student_id=ada).result.position

    page = client.enrolment.get_timetable(student_id=ada, page_size=1, min_position=position)

    assert (page.timetable.courses, page.timetable.credits) == (2, 5)
    assert [entry.course_id for entry in page.entries] == [courses[0]]
    entries = client.enrolment.iterate_timetable_entries(student_id=ada, page_size=1)
    assert [(entry.course_id, entry.credits) for entry in entries] == [(courses[0], 3), (courses[2], 2)]
    with pytest.raises(sync.NotFound, match=Reason.STUDENT_NOT_FOUND):
        client.enrolment.get_timetable(student_id=f"{prefix}nobody")


async def test_a_watch_of_courses_with_room_loses_those_that_fill_up(address: str, prefix: str) -> None:
    async with async_client.connect(address) as client:
        university, logic, ada = client.enrolment, f"{prefix}logic", f"{prefix}ada"
        await university.announce_course(course_id=logic, title="Logic", seats=1)
        await university.open_enrolment(course_id=logic)
        position = (
            await university.register_student(student_id=ada, name="Ada", max_credits=5)
        ).result.position
        await university.get_course(course_id=logic, min_position=position)

        seen: dict[str, Course] = {}
        enrolled = asyncio.Event()
        async with university.watch_courses(course_ids=[logic], has_room=True) as changes:
            async for change in changes:
                seen.update({course.course_id: course for course in change.puts})
                if change.snapshot_complete:
                    assert list(seen) == [logic]
                    await university.enrol(course_id=logic, student_id=ada)
                    enrolled.set()
                if logic in change.gone:
                    break
        assert enrolled.is_set()


def test_a_field_that_breaks_its_rule_is_refused(client: sync_client.Client, prefix: str) -> None:
    with pytest.raises(sync.InvalidRequest) as refusal:
        client.enrolment.announce_course(course_id=f"{prefix}logic", title="", seats=0)
    assert [one.subject for one in refusal.value.violations] == ["title", "seats"]
    with suppress(sync.NotFound):
        assert not client.enrolment.get_course(course_id=f"{prefix}logic")
