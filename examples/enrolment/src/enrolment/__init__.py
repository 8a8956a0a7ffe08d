"""Enrolment: students take courses, which have seats and a waiting list."""
