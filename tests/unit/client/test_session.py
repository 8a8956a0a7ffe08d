"""What a session remembers."""

import pytest

from foldlog_client import LogPosition, Session


def test_a_session_remembers_the_latest_position() -> None:
    session = Session()
    for position in (3, 9, 7, 0):
        session.reached(LogPosition("log-a", position))
    assert session.token == LogPosition("log-a", 9)


def test_a_log_that_is_gone_is_forgotten_once() -> None:
    session = Session(LogPosition("log-a", 9))
    session.reached(LogPosition("log-b", 1))
    session.forget(LogPosition("log-a", 9))
    assert session.token == LogPosition("log-b", 1)
    session.forget(LogPosition("log-b", 1))
    assert session.token == LogPosition()


@pytest.mark.parametrize("text", ["", "9", "log-a:", "log-a:nine", "log-a:-1", "log-a:²"])
def test_only_the_text_of_a_token_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="a colon and a position"):
        LogPosition.parse(text)


@pytest.mark.parametrize("position", [str(2**63), "9" * 30, "9" * 5_000])
def test_a_position_that_no_log_has_is_refused(position: str) -> None:
    assert LogPosition.parse(f"log:{2**63 - 1}").position == 2**63 - 1
    with pytest.raises(ValueError, match="is not a log id, a colon and a position"):
        LogPosition.parse(f"log:{position}")
