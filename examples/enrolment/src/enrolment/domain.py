"""Courses and students, who decide together what is taken: the domain as one value, which is served."""

from foldlog_server.domain import Domain, latest

from enrolment.courses import COURSE
from enrolment.history import UPCASTERS
from enrolment.students import STUDENT
from enrolment.timetables import TIMETABLES
from enrolment.v1 import commands_pb2, queries_pb2

ENROLMENT = Domain(
    "enrolment",
    protos=(commands_pb2, queries_pb2),
    deciders=(COURSE, STUDENT),
    views=(latest("courses", COURSE), TIMETABLES),
    upcasters=UPCASTERS,
)
