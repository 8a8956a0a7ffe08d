"""How the domain refuses: with a reason of its proto, and a sentence that says what to do."""

from foldlog_server.domain import refusals

from enrolment.v1.errors_pb2 import ErrorReason

refuse = refusals(ErrorReason)
