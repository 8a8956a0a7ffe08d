"""The domain as a whole: nothing is missing in it, and nothing that was ever stored is lost."""

from pathlib import Path

from foldlog_server.domain.testing import (
    check,
    check_decisions,
    check_events,
    check_golden_events,
    check_imports,
    check_reasons,
)

from enrolment.domain import ENROLMENT
from enrolment.history import UPCASTERS
from enrolment.v1.events_pb2 import StudentAdmitted, StudentRegistered
from enrolment.v1.reasons import Reason

TESTS = Path(__file__).parent


def test_it_can_be_served() -> None:
    check(ENROLMENT)


def test_every_command_is_decided_and_every_event_known() -> None:
    check_decisions(ENROLMENT)
    check_events(ENROLMENT)


def test_nothing_in_it_has_a_clock_chance_input_or_output() -> None:
    check_imports(ENROLMENT)


def test_every_reason_is_provoked_by_a_test() -> None:
    specified = "".join((TESTS / name).read_text() for name in ("test_courses.py", "test_students.py"))
    check_reasons(ENROLMENT, [reason for reason in Reason if f'"{reason}"' in specified])


def test_what_was_ever_stored_can_be_read() -> None:
    check_golden_events(TESTS / "golden", ENROLMENT)


def test_a_limit_of_courses_is_one_of_credits() -> None:
    [admitted] = UPCASTERS
    old = StudentAdmitted(name="Ada", max_courses=3)
    assert admitted.upcast(old) == StudentRegistered(name="Ada", max_credits=15)
