# Written by foldlog from the protos; do not edit.
"""Reasons why calls fail: the `reason` of an error whose `domain` is enrolment.v1."""

from enum import StrEnum


class Reason(StrEnum):
    """The values of ErrorReason, without the prefix ERROR_REASON_, to compare with the `reason` of an
    error."""

    COURSE_NOT_FOUND = "COURSE_NOT_FOUND"
    """There is no such course."""
    COURSE_EXISTS = "COURSE_EXISTS"
    """The course exists."""
    STUDENT_NOT_FOUND = "STUDENT_NOT_FOUND"
    """There is no such student."""
    STUDENT_EXISTS = "STUDENT_EXISTS"
    """The student exists."""
    ENROLMENT_CLOSED = "ENROLMENT_CLOSED"
    """The course takes no students now."""
    COURSE_FULL = "COURSE_FULL"
    """No seat is free for this student."""
    STUDENT_LIMIT = "STUDENT_LIMIT"
    """The student would take too much."""
    CREDITS_DIFFER = "CREDITS_DIFFER"
    """The course counts something else. Since the second release."""
    SEATS_TAKEN = "SEATS_TAKEN"
    """There are more students than that. Since the second release."""
    COURSE_HAS_ROOM = "COURSE_HAS_ROOM"
    """There is nothing to wait for. Since the second release."""
