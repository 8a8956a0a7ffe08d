# Written by foldlog from the protos; do not edit.
"""The methods of enrolment.v1."""

import datetime
from collections.abc import Iterator, Iterable, Mapping
from functools import cached_property

import enrolment.v1.commands_pb2
import enrolment.v1.errors_pb2
import enrolment.v1.events_pb2
import enrolment.v1.queries_pb2
import enrolment.v1.types_pb2
import foldlog_client.sync

from enrolment.v1.commands_pb2 import (
    AdmitStudent,
    AnnounceCourse,
    ChangeSeats,
    CloseEnrolment,
    Enrol,
    JoinWaitingList,
    LeaveWaitingList,
    OpenEnrolment,
    RegisterStudent,
    Reply as enrolment_v1_Reply,
    Withdraw,
)
from enrolment.v1.queries_pb2 import (
    GetCourseHistoryReply,
    GetCourseHistoryRequest,
    GetCourseReply,
    GetCourseRequest,
    GetStudentReply,
    GetStudentRequest,
    GetTimetableReply,
    GetTimetableRequest,
    ListCoursesReply,
    ListCoursesRequest,
    WatchCoursesReply,
    WatchCoursesRequest,
)
from enrolment.v1.types_pb2 import (
    Course,
    TimetableEntry,
)
from foldlog.v1.commands_pb2 import (
    CommandOptions,
    Reply,
)
from foldlog.v1.reads_pb2 import (
    AsOf,
    HistoryEntry,
    ReadOptions,
    WhenBehind,
)
from google.protobuf.duration_pb2 import (
    Duration,
)
from foldlog.v1.calling import as_duration, as_timestamp
from foldlog.v1.sync_caller import Caller, Watch


class Enrolment:
    """Commands change courses and students. A command that is answered without an error is durable.

    Queries need no code: each is answered from what its option names.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def announce_course(
        self,
        *,
        title: str,
        seats: int,
        course_id: str = "",
        credits: int | None = None,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """AnnounceCourse begins a course, which is not open yet; one that exists is ALREADY_EXISTS
        (COURSE_EXISTS).

        Args:
            title: What it is called.
            seats: How many students it takes, 1 to 10,000.
            course_id: The course; made by the server if empty.
            credits: What it counts, 1 to 60; 5 if not set, as in the first release. Since the
                second release.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/AnnounceCourse",
            AnnounceCourse(
                title=title,
                seats=seats,
                course_id=course_id,
                credits=credits,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def open_enrolment(
        self,
        *,
        course_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """OpenEnrolment lets students enrol. One that is open stays so.

        Args:
            course_id: The course.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/OpenEnrolment",
            OpenEnrolment(
                course_id=course_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def close_enrolment(
        self,
        *,
        course_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """CloseEnrolment lets no more students enrol; enrolled students stay. One that is closed
        stays so.

        Args:
            course_id: The course.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/CloseEnrolment",
            CloseEnrolment(
                course_id=course_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def change_seats(
        self,
        *,
        course_id: str,
        seats: int,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """ChangeSeats gives a course more or fewer seats; fewer than are taken is
        FAILED_PRECONDITION (SEATS_TAKEN).

        Args:
            course_id: The course.
            seats: How many it takes, 1 to 10,000.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/ChangeSeats",
            ChangeSeats(
                course_id=course_id,
                seats=seats,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def register_student(
        self,
        *,
        name: str,
        max_credits: int,
        student_id: str = "",
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """RegisterStudent begins a student; one who exists is ALREADY_EXISTS (STUDENT_EXISTS).

        Args:
            name: What the student is called.
            max_credits: How many credits the student may take at the same time, 1 to 120.
            student_id: The student; made by the server if empty.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/RegisterStudent",
            RegisterStudent(
                name=name,
                max_credits=max_credits,
                student_id=student_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def admit_student(
        self,
        *,
        name: str,
        max_courses: int,
        student_id: str = "",
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """AdmitStudent is RegisterStudent of the first release, whose clients still call it.

        Args:
            name: What the student is called.
            max_courses: How many courses of 5 credits the student may take at the same time, 1 to
                24.
            student_id: The student; made by the server if empty.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/AdmitStudent",
            AdmitStudent(
                name=name,
                max_courses=max_courses,
                student_id=student_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def enrol(
        self,
        *,
        course_id: str,
        student_id: str,
        credits: int | None = None,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """Enrol gives a student a seat, if both the course and the student allow it: the course can
        be closed (ENROLMENT_CLOSED), full (COURSE_FULL) or count something else
        (CREDITS_DIFFER), and the student can have too many credits (STUDENT_LIMIT). What both
        say comes back. A student who has the seat keeps it.

        Args:
            course_id: The course.
            student_id: The student.
            credits: What the student takes the course to count; 5 if not set, as in the first
                release. Since the second release. The student's limit is judged by it, and the
                course says whether it is right: neither sees the other.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/Enrol",
            Enrol(
                course_id=course_id,
                student_id=student_id,
                credits=credits,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def withdraw(
        self,
        *,
        course_id: str,
        student_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """Withdraw gives a seat back. Nothing happens if the student has none.

        Args:
            course_id: The course.
            student_id: The student.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/Withdraw",
            Withdraw(
                course_id=course_id,
                student_id=student_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def join_waiting_list(
        self,
        *,
        course_id: str,
        student_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """JoinWaitingList puts a student behind all who wait. When a seat becomes free it is kept
        for the first of them, who enrols to take it. A course that has room is
        FAILED_PRECONDITION (COURSE_HAS_ROOM).

        Args:
            course_id: The course.
            student_id: The student.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/JoinWaitingList",
            JoinWaitingList(
                course_id=course_id,
                student_id=student_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def leave_waiting_list(
        self,
        *,
        course_id: str,
        student_id: str,
        request_id: str = "",
        expected_version: int | None = None,
        validate_only: bool = False,
        correlation_id: str = "",
        causation_id: str = "",
        reply: Reply.ValueType = Reply.REPLY_UNSPECIFIED,
        expected_version_token: str = "",
        timeout: float | None = None,
    ) -> enrolment_v1_Reply:
        """LeaveWaitingList takes a student from the waiting list. Nothing happens if the student is
        not there.

        Args:
            course_id: The course.
            student_id: The student.
            request_id: Makes the command act once: the same id and the same command again return
                the first outcome, with `replayed` set, for at least the server's window (24 hours
                by default), also after a crash. If empty, the client makes one.
            expected_version: The version the stream must have; 0 = it must not exist.
            validate_only: Decide and answer, but store nothing.
            correlation_id: Shared by everything that one cause sets in motion; the request id if
                not set.
            causation_id: What directly caused this command, such as the id of an event.
            reply: How much the reply says; everything if not set.
            expected_version_token: Beside `expected_version`: a token of the position at which that
                version was read, such as that of the event or of the answer's freshness.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.command(
            "/enrolment.v1.Commands/LeaveWaitingList",
            LeaveWaitingList(
                course_id=course_id,
                student_id=student_id,
                options=CommandOptions(
                    request_id=request_id,
                    expected_version=expected_version,
                    validate_only=validate_only,
                    correlation_id=correlation_id,
                    causation_id=causation_id,
                    reply=reply,
                    expected_version_token=expected_version_token,
                ),
            ),
            enrolment_v1_Reply,
            within=timeout,
        )

    def get_course(
        self,
        *,
        course_id: str,
        as_of: AsOf | None = None,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetCourseReply:
        """GetCourse gives one course, as it is or as it was.

        Args:
            course_id: The course.
            as_of: A past state instead of the present one.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/enrolment.v1.Queries/GetCourse",
            GetCourseRequest(
                course_id=course_id,
                as_of=as_of,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetCourseReply,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def list_courses(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        is_open: bool | None = None,
        has_room: bool | None = None,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> ListCoursesReply:
        """ListCourses gives courses, page by page, in the order of their ids.

        Args:
            page_size: How many at most: 50 if 0, at most 1,000.
            page_token: `next_page_token` of the page before; empty = the first page.
            descending: From the last to the first.
            is_open: Only courses that are open, or only those that are not.
            has_room: Only courses that have room, or only those that have none. Since the second
                release.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/enrolment.v1.Queries/ListCourses",
            ListCoursesRequest(
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                is_open=is_open,
                has_room=has_room,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            ListCoursesReply,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_courses(
        self,
        *,
        page_size: int = 0,
        descending: bool = False,
        is_open: bool | None = None,
        has_room: bool | None = None,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[Course]:
        """Every item of every page of `list_courses`, page after page. The arguments are the same."""
        page_token = ""
        while True:
            _page = self.list_courses(
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                is_open=is_open,
                has_room=has_room,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.courses:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def watch_courses(
        self,
        *,
        course_ids: Iterable[str] = (),
        resume_token: str = "",
        has_room: bool | None = None,
    ) -> Watch[WatchCoursesReply]:
        """WatchCourses gives courses, and then their changes, for ever.

        Use it in `with`. After a lost connection it reconnects and resumes.

        Args:
            course_ids: Only these courses, at most 100; all if empty.
            resume_token: `resume_token` of the last message handled; empty = begin with all there
                is.
            has_room: Only courses that have room, or only those that have none. Since the second
                release.
        """
        return self._caller.watch(
            "/enrolment.v1.Queries/WatchCourses",
            WatchCoursesRequest(
                course_ids=course_ids,
                resume_token=resume_token,
                has_room=has_room,
            ),
            WatchCoursesReply,
        )

    def get_course_history(
        self,
        *,
        course_id: str,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetCourseHistoryReply:
        """GetCourseHistory gives what happened to one course, page by page, as it was stored.

        Args:
            course_id: The course.
            page_size: How many events at most: 50 if 0, at most 1,000.
            page_token: `next_page_token` of the page before; empty = the first page.
            descending: From the last to the first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/enrolment.v1.Queries/GetCourseHistory",
            GetCourseHistoryRequest(
                course_id=course_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetCourseHistoryReply,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_course_history_entries(
        self,
        *,
        course_id: str,
        page_size: int = 0,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[HistoryEntry]:
        """Every item of every page of `get_course_history`, page after page. The arguments are the
        same.
        """
        page_token = ""
        while True:
            _page = self.get_course_history(
                course_id=course_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.entries:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return

    def get_student(
        self,
        *,
        student_id: str,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetStudentReply:
        """GetStudent gives one student as commands see it: nothing that was acknowledged is
        missing.

        Args:
            student_id: The student.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/enrolment.v1.Queries/GetStudent",
            GetStudentRequest(
                student_id=student_id,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetStudentReply,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def get_timetable(
        self,
        *,
        student_id: str,
        page_size: int = 0,
        page_token: str = "",
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> GetTimetableReply:
        """GetTimetable gives a student's timetable and a page of its entries, both from one
        position.

        Args:
            student_id: The student. The entries are filtered by it, too.
            page_size: How many entries at most: 50 if 0, at most 1,000.
            page_token: `next_page_token` of the page before; empty = the first page.
            descending: From the last that was taken to the first.
            min_position: Wait until the view has seen this position, such as that of a command's
                result; 0 = do not wait. If None: what the session did before.
            log_id: The log that `min_position` belongs to; if set and another, FAILED_PRECONDITION
                (LOG_REPLACED).
            max_wait: How long to wait at most: 2 seconds if not set, at most 30 seconds, 0 = do not
                wait.
            when_behind: What to do when the wait is over and the view is still behind; fail if not
                set.
            min_position_token: Instead of `min_position` and `log_id`: a token of the position that
                the view must have seen, such as that of a command's result.
            latest: As new as now: wait until the view has seen everything that was acknowledged to
                any client before the query arrived.
            timeout: Seconds for all attempts together; None = the client's timeout.
        """
        return self._caller.query(
            "/enrolment.v1.Queries/GetTimetable",
            GetTimetableRequest(
                student_id=student_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                options=ReadOptions(
                    min_position=min_position or 0,
                    log_id=log_id,
                    max_wait=as_duration(max_wait),
                    when_behind=when_behind,
                    min_position_token=min_position_token,
                    latest=latest,
                ),
            ),
            GetTimetableReply,
            own_writes=min_position is None and not min_position_token,
            within=timeout,
        )

    def iterate_timetable_entries(
        self,
        *,
        student_id: str,
        page_size: int = 0,
        descending: bool = False,
        min_position: int | None = None,
        log_id: str = "",
        max_wait: datetime.timedelta | Duration | None = None,
        when_behind: WhenBehind.ValueType = WhenBehind.WHEN_BEHIND_UNSPECIFIED,
        min_position_token: str = "",
        latest: bool = False,
        timeout: float | None = None,
    ) -> Iterator[TimetableEntry]:
        """Every item of every page of `get_timetable`, page after page. The arguments are the same."""
        page_token = ""
        while True:
            _page = self.get_timetable(
                student_id=student_id,
                page_size=page_size,
                page_token=page_token,
                descending=descending,
                min_position=min_position,
                log_id=log_id,
                max_wait=max_wait,
                when_behind=when_behind,
                min_position_token=min_position_token,
                latest=latest,
                timeout=timeout,
            )
            for _item in _page.entries:
                yield _item
            page_token = _page.next_page_token
            if not page_token:
                return


class Client(foldlog_client.sync.Client):
    """A client with the methods of enrolment.v1 as `enrolment`.

    A class that inherits from several such clients has the methods of all their packages.
    """

    @cached_property
    def enrolment(self) -> Enrolment:
        """The methods of enrolment.v1."""
        return Enrolment(self.caller)


connect = Client.connect
