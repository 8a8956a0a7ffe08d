"""What the first release stored, as what it means today.

In the first release every course counted the same, and a student could take so many courses. Since the second
one, courses have credits, and students a limit of credits.
"""

from foldlog_server.domain import Upcaster

from enrolment.v1.events_pb2 import StudentAdmitted, StudentRegistered

FIRST_CREDITS = 5
"""What every course of the first release counts, and whatever says nothing of credits."""


def credits_of(stored: int) -> int:
    """The credits of an event or a command; 0 is what the first release says."""
    return stored or FIRST_CREDITS


def _registered(old: StudentAdmitted) -> StudentRegistered:
    return StudentRegistered(name=old.name, max_credits=old.max_courses * FIRST_CREDITS)


UPCASTERS = (Upcaster(StudentAdmitted, StudentRegistered, _registered),)
