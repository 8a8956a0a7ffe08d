"""The domain of somebody who forgot what the first release stored."""

from dataclasses import replace

from enrolment.domain import ENROLMENT

FORGETFUL = replace(ENROLMENT, upcasters=())
