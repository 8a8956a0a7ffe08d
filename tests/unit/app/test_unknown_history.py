"""What this release does not know of a log is named in one line, with what follows."""

from pathlib import Path

from foldlog_server.app.unknown_history import MOST_NAMES, warning

DATA = Path("data")


def line(*types: str, categories: tuple[str, ...] = ()) -> str:
    return warning(types, categories, {"a.Known"}, {"order"}, DATA)


def test_of_a_log_that_is_known_nothing_is_told() -> None:
    assert line("a.Known", categories=("order",)) == line() == ""


def test_types_and_categories_are_named_with_what_follows() -> None:
    assert line("a.Known", "b.New", categories=("order", "payment")) == (
        "The log holds what this release does not know: events b.New; streams of category payment. "
        "Views do not see them, and commands on an aggregate that has such an event fail (EVENT_UNREADABLE); "
        "readers of the log get them. "
        "Run the release that wrote them, or see what would break: foldlog check-history --data data"
    )


def test_a_category_alone_lets_no_command_fail() -> None:
    told = line("a.Known", categories=("payment",))
    assert "payment" in told
    assert "fail" not in told


def test_of_very_many_the_first_are_named() -> None:
    told = line(*(f"b.E{number:02}" for number in range(MOST_NAMES + 3)))
    assert "b.E09 and 3 more." in told
