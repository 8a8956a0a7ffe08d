"""A bounded map drops what was not used recently."""

from foldlog_server.stores.recent import Recent


def test_what_was_put_is_found_with_its_last_value() -> None:
    recent: Recent[str, int] = Recent(4)
    recent.put("a", 1)
    recent.put("a", 2)

    assert recent.get("a") == 2
    assert recent.get("b") is None


def test_it_holds_at_most_twice_its_size() -> None:
    recent: Recent[int, int] = Recent(4)
    for number in range(100):
        recent.put(number, number)

    assert recent.get(100 - 8 - 1) is None
    assert [recent.get(number) for number in range(96, 100)] == [96, 97, 98, 99]


def test_what_is_used_stays() -> None:
    recent: Recent[int, int] = Recent(4)
    recent.put(-1, 7)
    for number in range(100):
        recent.put(number, number)
        assert recent.get(-1) == 7


def test_a_value_put_again_hides_the_older_one() -> None:
    recent: Recent[int, int] = Recent(2)
    recent.put(1, 1)
    recent.put(2, 2)
    recent.put(1, 10)

    assert recent.get(1) == 10


def test_what_is_forgotten_is_not_found_wherever_it_was() -> None:
    recent: Recent[str, int] = Recent(1)
    recent.put("old", 1)
    recent.put("young", 2)

    for key in ("old", "young", "never there"):
        recent.forget(key)
        assert recent.get(key) is None
