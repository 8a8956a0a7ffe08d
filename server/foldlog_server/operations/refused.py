"""The error of an operation that cannot be done."""


class Refused(Exception):
    """One line for people: what was expected, what was found, what to do. Nothing was changed."""
