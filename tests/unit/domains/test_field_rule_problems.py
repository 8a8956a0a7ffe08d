"""Rules of fields that could not be checked when a request comes are found at the start."""

from typing import Any

from foldlog.v1.options_pb2 import FORMAT_ID, FieldRules, names_new
from foldlog_server.domains.fit import problems
from tests.support.savings.changed import Changed, message
from tests.support.savings.unfit import (
    INT64,
    REPEATED,
    Case,
    all_of,
    check,
    ours,
    parametrized,
    proto,
    with_decider,
)


@parametrized(
    proto(
        "no regular expression",
        lambda file: setattr(file.rules("Open", "owner"), "pattern", "(["),
        "savings.v1.Open.owner has the pattern ([, which is no regular expression: unterminated character set "
        "at position 1.",
    ),
    proto(
        "a format of another release",
        lambda file: setattr(file.rules("Open", "owner"), "format", 99),
        "savings.v1.Open.owner has a `format` 99, which this release does not know.",
    ),
    proto(
        "rules of text for a number",
        lambda file: file.rules("Deposit", "cents").MergeFrom(
            FieldRules(format=FORMAT_ID, pattern="x", max_bytes=3)
        ),
        *(
            f"savings.v1.Deposit.cents has the rule `{rule}`, which is of strings. Remove it there."
            for rule in ("format", "pattern", "max_bytes")
        ),
    ),
    proto(
        "a range of text, which is the wrong way round, and items of no list",
        lambda file: file.rules("Open", "owner").MergeFrom(FieldRules(min=3, max=2, max_items=4)),
        "savings.v1.Open.owner has the rule `max_items`, which is of lists. Remove it there.",
        "savings.v1.Open.owner has the rule `min` or `max`, which is of numbers, of Money and of times. Remove "
        "it there.",
        "savings.v1.Open.owner has a `min` 3 above its `max` 2. Exchange them.",
    ),
    proto(
        "a range of a message, inside another one",
        all_of(
            lambda file: file.add("Open", "former", ".savings.v1.Account"),
            lambda file: file.add("Account", "latest", ".savings.v1.Opened").options.MergeFrom(
                _options_with_range()
            ),
        ),
        "savings.v1.Account.latest has the rule `min` or `max`, which is of numbers, of Money and of times. "
        "Remove it there.",
    ),
)
def test_rules_that_could_not_be_checked_are_found(case: Case) -> None:
    check(case)


def _options_with_range() -> Any:
    changed = Changed()
    changed.rules("Deposit", "cents").max = 5
    return changed.field("Deposit", "cents").options


def test_what_says_that_it_names_something_new_holds_a_name() -> None:
    fields: dict[str, dict[str, Any]] = {
        "text": {},
        "texts": {"label": REPEATED},
        "number": {"type": INT64},
        "command": {"type_name": ".savings.v1.Deposit"},
        "account": {"type_name": ".savings.v1.Account"},
    }
    file = Changed()
    for number, (name, more) in enumerate(fields.items(), 50):
        file.add("Opened", name, number=number, **more).options.Extensions[names_new] = True
    opened = message(file.module(), "Opened")
    decider = with_decider(events=(opened, ours.savings_pb2.Deposited, ours.savings_pb2.Closed))
    assert list(problems([decider])) == [
        f"savings.v1.Opened.{name} has foldlog.v1.names_new, and holds no name. Give it to a string, or to a "
        "message with a field of FORMAT_ID."
        for name in ("number", "account")
    ]
