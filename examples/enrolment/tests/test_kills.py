"""What was answered is kept: the server is killed while many enrol, and served again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from foldlog_client import sync

from enrolment.v1 import sync_client
from enrolment.v1.reasons import Reason
from processes import served

pytestmark = pytest.mark.slow

SEATS = 30
STUDENTS = [f"student {number}" for number in range(60)]


def test_seats_that_were_answered_for_are_kept_through_a_kill(tmp_path: Path) -> None:
    """Everybody calls on with the same request id until there is an answer, as the client does by itself."""
    request_ids = {student_id: str(uuid4()) for student_id in STUDENTS}
    with served(tmp_path) as (process, address), sync_client.connect(address, timeout=60) as client:
        client.enrolment.announce_course(course_id="logic", title="Logic", seats=SEATS)
        client.enrolment.open_enrolment(course_id="logic")
        for student_id in STUDENTS:
            client.enrolment.register_student(student_id=student_id, name="A", max_credits=5)

        def enrolled(student_id: str) -> bool:
            try:
                client.enrolment.enrol(
                    course_id="logic", student_id=student_id, request_id=request_ids[student_id]
                )
            except sync.Rejected as full:
                return full.reason != Reason.COURSE_FULL
            return True

        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(enrolled, student_id) for student_id in STUDENTS]
            answers[5].result()
            process.kill()
            process.wait()
            with served(tmp_path, address):
                winners = {id for id, answer in zip(STUDENTS, answers, strict=True) if answer.result()}
                assert len(winners) == SEATS
                assert client.enrolment.get_course(course_id="logic", latest=True).course.enrolled == SEATS
                for student_id in STUDENTS:
                    student = client.enrolment.get_student(student_id=student_id).student
                    assert list(student.course_ids) == (["logic"] if student_id in winners else [])
