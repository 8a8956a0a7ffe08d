"""The second release over the log of the first: nothing is converted, and nobody waits for it.

The first release is in first_release/, as it was. It serves and is called in processes of its own, for its
messages have the names of ours.
"""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from foldlog.v1.reads_pb2 import WHEN_BEHIND_ANSWER
from foldlog_client import Retry, sync
from foldlog_server import testing

from enrolment.v1 import sync_client
from enrolment.v1.events_pb2 import CourseAnnounced, StudentAdmitted
from enrolment.v1.reasons import Reason
from processes import DOMAIN, SRC, TESTS, foldlog, run, served

pytestmark = pytest.mark.slow

FIRST = TESTS / "first_release"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first release can be imported from."""
    src = tmp_path_factory.mktemp("first") / "src"
    shutil.copytree(FIRST / "src", src)
    generated = foldlog("generate", "--protos", FIRST / "protos", "--out", src)
    assert generated.returncode == 0, generated.stderr
    return src


@pytest.fixture(scope="module")
def log(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server of the first release, after a term of its use."""
    data = tmp_path_factory.mktemp("log") / "data"
    with served(data, path=[first]) as (process, address):
        used = run([FIRST / "term.py", address, ""], [first])
        assert used.returncode == 0, used.stderr
        process.terminate()
        assert process.wait() == 0
    return data


@pytest.fixture
def data(log: Path, tmp_path: Path) -> Path:
    """A copy of that directory, for one test."""
    return shutil.copytree(log, tmp_path / "data")


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file exists, no view is rebuilt."""
    hold = tmp_path / "hold"
    hold.touch()
    monkeypatch.setenv("HOLD", str(hold))
    return hold


@pytest.fixture
def second(data: Path, held: Path) -> Iterator[sync_client.Client]:
    """A client of the second release, served over that directory."""
    with (
        testing.server(data, domains=["held_rebuild:ENROLMENT"], shop=False) as server,
        sync_client.connect(server.address, retry=Retry(attempts=1)) as client,
    ):
        yield client
        held.unlink(missing_ok=True)


def rebuilt(client: sync.Client) -> None:
    """Return when every view is."""
    while any(view.HasField("rebuilding") for view in client.admin.list_views().views):
        pass
    assert not any(view.rebuild_error for view in client.admin.list_views().views)


def test_before_it_is_deployed_it_is_known_to_read_the_log(data: Path) -> None:
    checked = foldlog("check-history", *DOMAIN, "--data", data)
    assert checked.returncode == 0, checked.stdout


def test_a_release_that_forgot_what_was_stored_is_found_before_it_is_deployed(data: Path) -> None:
    forgetful = ("--no-shop", "--domain", "without_upcasters:FORGETFUL")
    checked = foldlog("check-history", *forgetful, "--data", data, "--json", path=[SRC, TESTS])
    assert checked.returncode == 1
    problems = json.loads(checked.stdout)["problems"]
    assert [one["name"] for one in problems] == ["enrolment.v1.StudentAdmitted", "timetables"]


def test_what_was_stored_is_folded_as_what_it_means_today(second: sync_client.Client) -> None:
    ada = second.enrolment.get_student(student_id="ada").student
    assert (ada.max_credits, ada.credits, list(ada.course_ids)) == (15, 5, ["logic"])

    with pytest.raises(sync.Rejected) as refusal:  # bob had one course, and had it
        second.enrolment.enrol(course_id="art", student_id="bob")
    assert refusal.value.reason == Reason.STUDENT_LIMIT
    with pytest.raises(sync.Rejected) as full:
        second.enrolment.enrol(course_id="logic", student_id=registered(second))
    assert full.value.reason == Reason.COURSE_FULL


def registered(client: sync_client.Client) -> str:
    """A student of the second release."""
    return client.enrolment.register_student(name="Cyd", max_credits=30).student.student_id


def test_what_was_stored_is_read_as_it_was_written(second: sync_client.Client) -> None:
    [announced, *_] = second.enrolment.iterate_course_history_entries(course_id="art")
    assert sync.unpack(announced.event) == CourseAnnounced(title="Art", seats=1)
    [admitted, *_] = second.events.read_stream(stream="student-ada")
    assert sync.unpack(admitted) == StudentAdmitted(name="Ada", max_courses=3)


def test_the_former_documents_answer_until_the_new_ones_are_there(
    second: sync_client.Client, held: Path
) -> None:
    course = second.enrolment.get_course(course_id="logic").course
    assert (course.enrolled, course.credits) == (2, 0)
    assert second.enrolment.get_timetable(student_id="ada").timetable.courses == 1
    assert any(view.HasField("rebuilding") for view in second.admin.list_views().views)

    with pytest.raises(sync.Unavailable) as unknown:  # has_room is a column of the new ones alone
        second.enrolment.list_courses(has_room=True)
    assert unknown.value.reason == "VIEW_REBUILDING"

    second.enrolment.withdraw(course_id="logic", student_id="bob")
    former = second.enrolment.get_course(
        course_id="logic", when_behind=WHEN_BEHIND_ANSWER, max_wait=timedelta()
    )
    assert (former.course.enrolled, former.freshness.lag_events) == (2, 2)

    with second.enrolment.watch_courses(has_room=True) as changes, ThreadPoolExecutor() as pool:
        first = pool.submit(next, changes)  # calls again until it is answered
        held.unlink()
        rebuilt(second)
        assert {one.course_id for one in first.result().puts} == {"art", "logic"}
    course = second.enrolment.get_course(course_id="logic").course
    assert (course.enrolled, course.credits, course.has_room) == (1, 5, True)
    assert second.enrolment.get_timetable(student_id="ada").timetable.credits == 5
    assert [one.course_id for one in second.enrolment.iterate_courses(has_room=True)] == ["art", "logic"]


def test_a_client_of_the_first_release_works_with_the_second(first: Path, tmp_path: Path) -> None:
    with served(tmp_path / "data") as (_, address):
        used = run([FIRST / "term.py", address, "old "], [first])
        assert used.returncode == 0, used.stderr
        with sync_client.connect(address) as client:
            ada = client.enrolment.get_student(student_id="old ada").student
            assert (ada.max_credits, ada.credits) == (15, 5)
