"""Commands of any domain: requests that are the command itself, replies that are shared, commands that
several categories decide."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import grpc
import grpc.aio
import pytest

from foldlog.v1.commands_pb2 import REPLY_RESULT, CommandOptions
from tests.support.commands import HeldStore
from tests.support.enrolment import SEEN, Registrar, message, registrar
from tests.support.wire import refused

A = "01938f3e-7c5a-7000-8000-00000000000a"


@pytest.fixture
async def serving() -> AsyncIterator[Registrar]:
    async with registrar(HeldStore()) as served:
        SEEN.clear()
        yield served


def options(**fields: Any) -> CommandOptions:
    return CommandOptions(**fields)


async def opened(serving: Registrar, seats: int = 2, *students: str) -> None:
    """A course "go" with students who are admitted."""
    await serving.do("Open", message("OpenCourse")(course_id="go", seats=seats))
    for student in students:
        await serving.do("Admit", message("Admit")(student_id=student))


def enrol(student: str = "ada", **fields: Any) -> Any:
    return message("Enrol")(course_id="go", student_id=student, options=options(**fields))


# A request that is the command itself


async def test_a_request_that_is_the_command_is_decided_without_its_options(serving: Registrar) -> None:
    open_course = message("OpenCourse")
    reply = await serving.do("Open", open_course(course_id="go", seats=3, options=options(request_id=A)))
    assert [open_course(course_id="go", seats=3)] == SEEN
    assert reply.result.events[0].metadata.request_id == A
    assert reply.course.course_id == "go"


async def test_it_acts_once_and_is_the_same_command_with_other_options(serving: Registrar) -> None:
    request = message("OpenCourse")(course_id="go", seats=3, options=options(request_id=A))
    await serving.do("Open", request)
    request.options.correlation_id = "again"
    assert (await serving.do("Open", request)).result.replayed
    request.seats = 4
    refusal = await refused(serving.do("Open", request))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_its_request_id_stands_for_the_same_bytes_for_ever(serving: Registrar) -> None:
    """They are stored, as those of a command beside its options are; its options have no part in them."""
    request = message("OpenCourse")(course_id="go", seats=3, options=options(request_id=A, causation_id="x"))
    await serving.do("Open", request)
    [stored] = [append.request for append in serving.store.appends]
    assert stored is not None
    assert stored.fingerprint == sha256(b"enrolment.v1.Registrar.Open\n\n\x0a\x02go\x10\x03").digest()


async def test_its_violations_name_its_fields_as_the_request_has_them(serving: Registrar) -> None:
    await opened(serving)
    admit, enrol_class = message("Admit"), message("EnrolClass")
    assert (await refused(serving.do("Admit", admit()))).violations == [("student_id", "required")]
    unclear = await refused(serving.do("Admit", admit(student_id="a\u200bda")))
    assert unclear.violations == [("student_id", "new_name")]
    twice = enrol_class(course_id="go", student_ids=["ada", "ada"])
    assert (await refused(serving.do("EnrolAll", twice))).violations == [("student_ids[1]", "unique")]
    remarks = {"late": message("Course")(course_id=" go")}
    in_map = enrol_class(course_id="go", student_ids=["ada"], remarks=remarks)
    assert (await refused(serving.do("EnrolAll", in_map))).violations == [("remarks[late].course_id", "id")]


async def test_an_id_that_it_leaves_open_is_made(serving: Registrar) -> None:
    reply = await serving.do("Open", message("OpenCourse")(seats=3))
    assert reply.result.stream == f"course-{reply.course.course_id}"
    assert reply.course.course_id


# Replies


async def test_a_reply_that_has_no_field_for_the_aggregate_has_the_result_alone(serving: Registrar) -> None:
    reply = await serving.do("Admit", message("Admit")(student_id="ada"))
    assert reply.result.stream == "student-ada"
    assert reply == type(reply)(result=reply.result)


async def test_each_aggregate_is_in_the_field_of_its_type(serving: Registrar) -> None:
    await opened(serving, 2, "ada")
    reply = await serving.do("Enrol", enrol())
    assert reply.course == message("Course")(course_id="go", student_ids=["ada"])
    assert reply.student == message("Student")(student_id="ada", course_ids=["go"])
    brief = await serving.do("Enrol", enrol(reply=REPLY_RESULT))
    assert brief == type(brief)(result=brief.result)


async def test_of_several_aggregates_a_field_for_one_has_the_first(serving: Registrar) -> None:
    await opened(serving, 2, "ada", "bob")
    reply = await serving.do("EnrolAll", message("EnrolClass")(course_id="go", student_ids=["bob", "ada"]))
    assert reply.student == message("Student")(student_id="bob", course_ids=["go"])


# Commands that several categories decide


async def test_every_category_decides_the_whole_command_and_all_is_appended_together(
    serving: Registrar,
) -> None:
    await opened(serving, 2, "ada")
    appends = len(serving.store.appends)
    reply = await serving.do("Enrol", enrol())
    assert [(one.stream, one.version) for one in reply.result.streams] == [
        ("course-go", 2),
        ("student-ada", 2),
    ]
    assert serving.streams()[-2:] == ["course-go", "student-ada"]
    assert len(serving.store.appends) == appends + 1
    command = message("Enrol")(course_id="go", student_id="ada")
    assert SEEN[-2:] == [command, command]


async def test_what_one_category_refuses_none_does(serving: Registrar) -> None:
    await opened(serving, 1, "ada", "bob")
    await serving.do("Enrol", enrol("ada"))
    stored = serving.streams()
    for student, said in (
        ("bob", "There is no seat left."),
        ("eve", "There is no seat left. (1 more refused.)"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await serving.do("Enrol", enrol(student))
        assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert raised.value.details() == said
    assert serving.streams() == stored


async def test_a_list_gives_each_stream_its_element_and_other_categories_the_whole_command(
    serving: Registrar,
) -> None:
    await opened(serving, 2, "ada", "bob")
    command = message("EnrolClass")(
        course_id="go",
        student_ids=["ada", "bob"],
        notes=["early", "loud"],
        remarks={"a": message("Course")(course_id="x")},
    )
    reply = await serving.do("EnrolAll", command)
    assert serving.streams()[-4:] == ["student-ada", "student-bob", "course-go", "course-go"]
    assert [one.version for one in reply.result.streams] == [2, 2, 3]
    for_ada, whole = SEEN[-3], SEEN[-1]
    assert whole == command
    command.student_ids[:] = ["ada"]
    assert for_ada == command


async def test_a_repeat_of_it_gets_the_first_answer(serving: Registrar) -> None:
    await opened(serving, 2, "ada", "bob")
    first = await serving.do("Enrol", enrol(request_id=A))
    await serving.do("Enrol", enrol("bob"))
    again = await serving.do("Enrol", enrol(request_id=A))
    assert again.result.replayed
    again.result.replayed = False
    assert again == first


async def test_it_takes_no_expected_version(serving: Registrar) -> None:
    await opened(serving, 2, "ada")
    refusal = await refused(serving.do("Enrol", enrol(expected_version=1)))
    assert refusal.violations == [("options.expected_version", "one_stream")]
