"""What differs is told, subject by subject and fact by fact."""

from examples.online_retail.comparison import differences
from examples.online_retail.read_models import ReadModel


def test_what_is_equal_is_not_told() -> None:
    assert list(differences({"1": {"units": 3}}, {"1": {"units": 3}})) == []


def test_each_differing_fact_is_a_line() -> None:
    expected: ReadModel = {"1": {"units": 3, "status": "SUBMITTED", "lines": 1}}
    found: ReadModel = {"1": {"units": 4, "status": "DRAFT", "lines": 1}}
    assert list(differences(expected, found)) == [
        "1: status: expected SUBMITTED, found DRAFT",
        "1: units: expected 3, found 4",
    ]


def test_a_fact_on_one_side_only_differs() -> None:
    assert list(differences({"1": {"a": 1}}, {"1": {"b": 2}})) == [
        "1: a: expected 1, found None",
        "1: b: expected None, found 2",
    ]


def test_what_is_missing_or_too_much_is_told() -> None:
    assert list(differences({"1": {}, "2": {}}, {"2": {}, "3": {}})) == [
        "1: expected, not found",
        "3: found, not expected",
    ]


def test_of_a_list_only_what_the_other_lacks_is_shown() -> None:
    assert list(differences({"1": {"lines": ["a", "b"]}}, {"1": {"lines": ["b", "c", "d"]}})) == [
        "1: lines: expected ['a'], found ['c', 'd']"
    ]


def test_a_list_that_holds_the_same_differs_by_its_length() -> None:
    assert list(differences({"1": {"events": ["a"]}}, {"1": {"events": ["a", "a"]}})) == [
        "1: events: expected 1 of these, found 2 of these"
    ]
