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


# Histories: a copy of the log was put back, so positions of one and the other are told apart by their tokens.


def of(history: str, position: int) -> LogPosition:
    return LogPosition("log-a", position, f"{history}.{position}")


def exactly(session: Session, expected: LogPosition) -> bool:
    return session.token.is_exactly(expected)


def test_a_refused_token_is_removed_and_never_a_newer_one() -> None:
    session = Session(of("lost", 9))
    session.reached(of("lost", 12))
    session.forget(of("lost", 9))
    assert exactly(session, of("lost", 12))
    session.forget(of("lost", 12))
    assert exactly(session, LogPosition())


def test_what_another_session_has_done_in_another_history_is_kept_until_one_of_both_is_refused() -> None:
    session = Session(of("lost", 9))
    session.restore(of("there", 4))
    assert exactly(session, of("lost", 9))
    session.forget(of("lost", 9))
    assert exactly(session, of("there", 4))


def test_a_late_answer_of_a_lost_history_is_not_believed() -> None:
    session = Session(of("lost", 9))
    session.replaced("lost.9", of("there", 5))
    session.reached(of("lost", 10))
    assert exactly(session, of("there", 5))
    session.reached(of("lost", 8))  # which both may have
    assert exactly(session, of("lost", 8))


def test_a_result_replaces_the_token_that_it_was_sent_with_whatever_the_numbers() -> None:
    session = Session(of("lost", 9))
    session.replaced("lost.9", of("there", 5))
    session.replaced("lost.9", of("there", 4))  # sent before, answered later
    assert exactly(session, of("there", 5))
    session.replaced("there.5", of("again", 0))
    assert exactly(session, LogPosition())


def test_a_session_keeps_few_histories() -> None:
    session = Session()
    for number in range(1, 100):
        session.reached(of(f"run {number}", number))
        session.replaced(f"run {number}.{number}", of(f"next {number}", number))
    assert exactly(session, of("next 99", 99))
    assert len(session._seen) == len(session._lost) == 16
