"""The checker of histories accepts what can have happened, and refuses what cannot, whatever is wrong with it."""

from dataclasses import replace

from foldlog.inventory.v1.commands_pb2 import ReceiveStock, ReservationLine, ReserveStock
from foldlog.inventory.v1.events_pb2 import StockReceived, StockReserved
from tests.support.history import Call, Did, Fact, History, Log, Read, Refused, flaws
from tests.support.log_rules import LogRules

RECEIVE = ReceiveStock(product_id="tea", quantity=5)


def reserve(order_id: str, quantity: int) -> ReserveStock:
    return ReserveStock(order_id=order_id, lines=[ReservationLine(product_id="tea", quantity=quantity)])


def received(position: int, request_id: str, version: int | None = None) -> Fact:
    payload = StockReceived(quantity=5)
    return fact(position, version or position, request_id, payload)


def reserved(position: int, request_id: str, order_id: str, quantity: int) -> Fact:
    return fact(position, position, request_id, StockReserved(order_id=order_id, quantity=quantity))


def fact(position: int, version: int, request_id: str, payload: StockReceived | StockReserved) -> Fact:
    name, data = payload.DESCRIPTOR.full_name, payload.SerializeToString()
    return Fact(position, "stock-tea", version, f"e{position}", request_id, name, data)


def did(*facts: Fact, replayed: bool = False) -> Did:
    last = facts[-1]
    return Did(last.position, ((last.stream, last.version),), facts, replayed)


def insufficient(order_id: str, requested: int, available: int) -> Refused:
    told = {"product_id": "tea", "order_id": order_id, "requested": requested, "available": available}
    return Refused("INSUFFICIENT_STOCK", tuple(sorted((key, str(value)) for key, value in told.items())))


# Two receive, one after the other; a third reserves, is told nothing, and asks again.
FACTS = [received(1, "a"), received(2, "b"), reserved(3, "c", "1", 8)]
A = Call("a", RECEIVE, 1, 2, did(FACTS[0]))
B = Call("b", RECEIVE, 3, 6, did(FACTS[1]))
C_LOST = Call("c", reserve("1", 8), 4)
C_AGAIN = Call("c", reserve("1", 8), 7, 10, did(FACTS[2], replayed=True))
CALLS = [A, B, C_LOST, C_AGAIN]


def found(
    calls: list[Call] | None = None,
    reads: list[Read] | None = None,
    facts: list[Fact] | None = None,
    before: int = 0,
) -> str:
    """What is wrong; empty if nothing is."""
    log = Log(FACTS if facts is None else facts, before)
    history = History(CALLS if calls is None else calls, reads or [])
    return "\n".join(flaws(history, log, LogRules(log)))


def with_call(old: Call, new: Call) -> list[Call]:
    return [new if call is old else call for call in CALLS]


# What can have happened


def test_what_can_have_happened_has_no_flaw() -> None:
    assert found() == ""


def test_nothing_at_all_has_no_flaw() -> None:
    assert found([], [], []) == ""


def test_an_unknown_outcome_may_be_in_the_log_or_not() -> None:
    assert found([A, B, C_LOST]) == ""
    assert found([A, B, C_LOST], facts=FACTS[:2]) == ""


def test_what_was_there_before_needs_nobody_who_asked_for_it() -> None:
    assert found([B, C_LOST, C_AGAIN], before=1) == ""


def test_a_refusal_is_right_at_one_place_between_its_invocation_and_its_answer() -> None:
    for available in (5, 10, 2):
        refusal = Call("d", reserve("2", 11), 5, 8, insufficient("2", 11, available))
        assert found([*CALLS, refusal]) == ""


def test_a_refusal_and_then_success_of_one_request_is_no_contradiction() -> None:
    early = Call("c", reserve("1", 8), 3, 4, insufficient("1", 8, 5))
    assert found([A, B, early, C_LOST, C_AGAIN]) == ""


def test_what_found_nothing_to_do_is_right_where_it_stands() -> None:
    nothing = Call("d", reserve("1", 8), 11, 12, Did(3, (("stock-tea", 3),), ()))
    assert found([*CALLS, nothing]) == ""
    assert found([*CALLS, nothing, replace(nothing, invoked=13, returned=14, answer=nothing_again())]) == ""


def nothing_again() -> Did:
    return Did(3, (("stock-tea", 3),), (), replayed=True)


def test_a_full_disk_needs_no_reason_in_the_log() -> None:
    assert found([*CALLS, Call("d", RECEIVE, 11, 12, Refused("STORE_FULL"))]) == ""


def test_a_read_that_has_seen_what_it_asked_for_has_no_flaw() -> None:
    assert found(reads=[Read("stock-tea", 2, 7, 8, 3, 3), Read("stock-jam", 1, 7, 8, 1, 0)]) == ""


# The log itself


def test_a_gap_in_the_log_is_found() -> None:
    assert "position 2 of the log" in found([A], facts=[FACTS[0], FACTS[2]])


def test_a_version_that_comes_twice_is_found() -> None:
    assert "position 2 of the log" in found([A, B], facts=[FACTS[0], FACTS[1]._replace(version=1)])


def test_an_event_id_that_comes_twice_is_found() -> None:
    twice = FACTS[1]._replace(event_id="e1")
    calls = [A, replace(B, answer=did(twice))]
    assert found(calls, facts=[FACTS[0], twice]) == "an event id is in the log twice"


def test_an_event_that_nobody_asked_for_is_found() -> None:
    assert "nobody asked for" in found([A, B])


# Once, and as acknowledged


def test_what_was_acknowledged_and_is_not_in_the_log_is_found() -> None:
    assert "the answer says otherwise" in found(facts=FACTS[:2])


def test_an_answer_with_another_event_than_the_log_is_found() -> None:
    for other in (
        FACTS[1]._replace(event_id="other"),
        FACTS[1]._replace(payload=StockReceived(quantity=6).SerializeToString()),
        FACTS[1]._replace(position=3),
    ):
        assert "the answer says otherwise" in found(with_call(B, replace(B, answer=did(other))))


def test_a_command_that_acted_twice_is_found() -> None:
    facts = [FACTS[0], received(2, "a")]
    assert "does not come to" in found([replace(A, answer=did(*facts))], facts=facts)


def test_a_command_that_acted_twice_with_others_in_between_is_found() -> None:
    facts = [FACTS[0], FACTS[1], received(3, "a")]
    calls = [Call("a", RECEIVE, 1), B]
    assert "do not follow on each other" in found(calls, facts=facts)


def test_two_first_answers_of_one_command_are_found() -> None:
    again = replace(C_AGAIN, answer=did(FACTS[2]))
    assert "more than once" in found([*with_call(C_AGAIN, again), replace(again, invoked=11, returned=12)])


def test_a_replay_that_differs_from_the_first_answer_is_found() -> None:
    assert isinstance(C_AGAIN.answer, Did)
    other = replace(C_AGAIN, invoked=11, returned=12, answer=C_AGAIN.answer._replace(position=4))
    assert "several outcomes" in found([*CALLS, other])


def test_what_was_refused_and_is_in_the_log_is_found() -> None:
    refusal = Call("c", reserve("1", 8), 4, 5, insufficient("1", 8, 5))
    assert "what was refused is in the log" in found([A, B, refusal])


def test_a_full_disk_that_stored_is_found() -> None:
    refusal = Call("c", reserve("1", 8), 4, 5, Refused("STORE_FULL"))
    assert "what was refused is in the log" in found([A, B, refusal])


def test_a_repeat_that_is_refused_after_it_took_effect_is_found() -> None:
    late = Call("c", reserve("1", 8), 11, 12, insufficient("1", 8, 2))
    assert "it is refused like this" in found([*CALLS, late])


# In real time


def test_an_answer_before_what_it_stands_on_was_asked_for_is_found() -> None:
    calls = [replace(A, invoked=5, returned=6), replace(B, invoked=3, returned=4)]
    assert "came before all that it stands on was asked for" in found(calls, facts=FACTS[:2])


def test_a_command_that_stands_before_one_that_was_answered_before_it_began_is_found() -> None:
    swapped = [replace(A, invoked=7, returned=8), replace(B, invoked=1, returned=6), C_LOST, C_AGAIN]
    assert "had been told when they were first asked for" in found(swapped)


def test_versions_that_are_not_those_of_the_log_are_found() -> None:
    assert isinstance(B.answer, Did)
    wrong = replace(B, answer=B.answer._replace(streams=(("stock-tea", 3),)))
    assert "the log says what was answered" in found(with_call(B, wrong))


def test_a_position_that_is_not_of_the_streams_last_event_is_found() -> None:
    assert isinstance(B.answer, Did)
    wrong = replace(B, answer=B.answer._replace(position=1))
    assert "the log says what was answered" in found(with_call(B, wrong))


# Right on what stood before


def test_an_event_that_its_command_could_not_bring_about_is_found() -> None:
    oversold = [FACTS[0], reserved(2, "c", "1", 8)]
    assert "does not come to" in found([A, C_LOST], facts=oversold)


def test_a_version_that_was_expected_and_not_there_is_found() -> None:
    passed = found(with_call(B, replace(B, expected_version=0)))
    assert "does not come to" in passed
    assert "the log says what was answered" in passed
    assert found(with_call(B, replace(B, expected_version=1))) == ""


def test_a_conflict_with_a_version_that_the_stream_had_not_is_found() -> None:
    for actual, is_right in (("0", False), ("1", True), ("2", True), ("3", True), ("4", False)):
        told = (("actual_version", actual), ("expected_version", "9"), ("stream", "stock-tea"))
        conflict = Call("d", RECEIVE, 3, 8, Refused("VERSION_CONFLICT", told), expected_version=9)
        assert (found([*CALLS, conflict]) == "") is is_right, actual


def test_a_refusal_that_is_right_at_no_place_within_its_time_is_found() -> None:
    never = Call("d", reserve("2", 11), 11, 12, insufficient("2", 11, 5))
    assert "it is refused like this" in found([*CALLS, never])
    not_yet = Call("d", reserve("2", 11), 1, 2, insufficient("2", 11, 10))
    assert "it is refused like this" in found([*CALLS, not_yet])
    another = Call("d", reserve("2", 11), 5, 8, Refused("NO_RESERVATION"))
    assert "it is refused like this" in found([*CALLS, another])


def test_nothing_to_do_where_there_was_something_is_found() -> None:
    nothing = Call("d", RECEIVE, 11, 12, Did(3, (("stock-tea", 3),), ()))
    assert "the log says what was answered" in found([*CALLS, nothing])


def test_nothing_to_do_at_a_version_that_was_long_gone_is_found() -> None:
    facts = [*FACTS, received(4, "x")]
    calls = [*CALLS, Call("x", RECEIVE, 11, 12, did(facts[3]))]
    late = Call("d", reserve("1", 8), 13, 14, Did(3, (("stock-tea", 3),), ()))
    assert "the log says what was answered" in found([*calls, late], facts=facts)


# Reads


def test_a_read_that_has_not_seen_what_it_asked_for_is_found() -> None:
    assert "it has not seen" in found(reads=[Read("stock-tea", 3, 11, 12, 2, 2)])


def test_a_read_whose_document_is_not_that_of_its_position_is_found() -> None:
    assert "the stream had version 3" in found(reads=[Read("stock-tea", 3, 11, 12, 3, 2)])


def test_a_read_that_has_seen_what_nobody_had_asked_for_is_found() -> None:
    assert "what nobody had asked for" in found(reads=[Read("stock-tea", 0, 1, 2, 3, 3)])


def test_a_command_that_lands_before_what_a_read_had_seen_is_found() -> None:
    read = Read("stock-tea", 0, 4, 5, 3, 3)
    late = [A, replace(B, invoked=6, returned=9), C_LOST, C_AGAIN]
    assert "had been told when they were first asked for" in found(late, [read])
