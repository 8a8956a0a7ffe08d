"""What users of the first release did in a term: logic is full, and a place in art was given back.

python term.py ADDRESS PREFIX, with the first release's generated client on the path.
"""

import sys

from enrolment.v1 import sync_client


def main(address: str, prefix: str) -> None:
    """Two students take two courses, whose names begin with the prefix."""
    with sync_client.connect(address) as client:
        logic, art, ada, bob = (f"{prefix}{name}" for name in ("logic", "art", "ada", "bob"))
        for course_id, seats in ((logic, 2), (art, 1)):
            client.enrolment.announce_course(course_id=course_id, title=course_id.title(), seats=seats)
            client.enrolment.open_enrolment(course_id=course_id)
        client.enrolment.admit_student(student_id=ada, name="Ada", max_courses=3)
        client.enrolment.admit_student(student_id=bob, name="Bob", max_courses=1)
        for course_id, student_id in ((logic, ada), (art, ada), (logic, bob)):
            client.enrolment.enrol(course_id=course_id, student_id=student_id)
        client.enrolment.withdraw(course_id=art, student_id=ada)


main(*sys.argv[1:])
