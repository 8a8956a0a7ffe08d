"""Whatever keeps a query or a watch from being answered is found before it is served, all of it at once."""

from typing import Any

from foldlog.v1.options_pb2 import Filter, QueryRoute
from foldlog.v1.options_pb2 import filter as filter_option
from tests.support.savings.changed import Changed
from tests.support.savings.unfit import (
    BYTES,
    INT64,
    REPEATED,
    TIMESTAMP,
    Case,
    all_of,
    check,
    parametrized,
    proto,
)

_GET = "savings.v1.Reports.GetAccount"
_LATEST = "savings.v1.Reports.GetLatest"


def _filter(file: Changed, message: str, name: str, column: str, **more: Any) -> None:
    made = file.add(message, name, **more)
    made.options.Extensions[filter_option].CopyFrom(Filter(column=column))


_LIST = "savings.v1.Reports.ListAccounts"
_HISTORY = "savings.v1.Reports.GetHistory"
_OWNER = "savings.v1.Reports.GetOwner"
_NO_FORMER = (
    'no view has a collection "former" (there are: accounts, accounts-of-owners, owners); add a view, or correct the '
    "name."
)
_NO_CARD = 'there is no decider of the category "card" (there are: account); add one, or correct the name.'


@parametrized(
    proto(
        "an id that is a list",
        lambda file: setattr(file.field("GetAccountRequest", "account_id"), "label", REPEATED),
        *(
            f"{method}: savings.v1.GetAccountRequest.account_id is a list, and the query is for one; remove "
            "`repeated`."
            for method in (_GET, _LATEST)
        ),
    ),
    proto(
        "one document in a list",
        lambda file: setattr(file.field("GetAccountReply", "account"), "label", REPEATED),
        *(
            f"{method}: savings.v1.GetAccountReply.account is a list, and holds one; remove `repeated`."
            for method in (_GET, _LATEST)
        ),
    ),
    proto(
        "a past that nobody knows",
        lambda file: file.query("GetAccount").ClearField("aggregate"),
        f"{_GET}: savings.v1.GetAccountRequest.as_of asks for the past, and the present would be answered; let "
        "`aggregate` say which decider knows the past of one document, or remove the field.",
    ),
    proto(
        "a past of a list",
        lambda file: file.add("ListAccountsRequest", "as_of", ".foldlog.v1.AsOf"),
        f"{_LIST}: savings.v1.ListAccountsRequest.as_of asks for the past, and the present would be answered; "
        "let `aggregate` say which decider knows the past of one document, or remove the field.",
    ),
    proto(
        "a past of another kind",
        lambda file: setattr(file.field("GetAccountRequest", "as_of"), "type_name", TIMESTAMP),
        f"{_GET}: savings.v1.GetAccountRequest.as_of is not a foldlog.v1.AsOf; make it one, or rename it.",
        f"{_GET}: savings.v1.GetAccountRequest has no field `foldlog.v1.AsOf as_of`; add it.",
        f"{_LATEST}: savings.v1.GetAccountRequest.as_of is not a foldlog.v1.AsOf; make it one, or rename it.",
    ),
    proto(
        "an owner by no id",
        lambda file: file.query("GetOwner").ClearField("id"),
        f'{_OWNER}: it lists what belongs to one of "owners"; say which field has its id, as in `id: "…_id"`.',
    ),
    proto(
        "an owner whose list is everybody's",
        lambda file: file.field("GetOwnerRequest", "name").options.ClearExtension(filter_option),
        f"{_OWNER}: savings.v1.GetOwnerRequest.name names the owner, and does not restrict the list to it; add "
        '`(foldlog.v1.filter) = {column: "name"}` to it, with the field of the documents that names their owner.',
    ),
    proto(
        "an owner in another view",
        lambda file: setattr(file.query("GetOwner"), "collection", "accounts"),
        f'{_OWNER}: "owners" and "accounts" are of different views, owners and accounts, which are rarely at '
        "one position; keep both in one view.",
    ),
    proto(
        "a list where there is none",
        lambda file: setattr(file.field("GetOwnerReply", "accounts"), "label", 1),
        f"{_OWNER}: savings.v1.GetOwnerReply has no list where the documents go; make its second field a "
        "repeated one.",
    ),
    proto(
        "a history of a collection, an owner, and an order",
        lambda file: file.query("GetHistory").MergeFrom(
            QueryRoute(collection="accounts", aggregate="account", owner="owners", by_id=True)
        ),
        *(
            f"{_HISTORY}: `{name}` has no effect beside the rest of its foldlog.v1.query; remove one or the other."
            for name in ("collection", "aggregate", "owner", "by_id")
        ),
    ),
    proto(
        "an aggregate of a list",
        lambda file: setattr(file.query("ListAccounts"), "aggregate", "account"),
        f"{_LIST}: `aggregate` has no effect beside the rest of its foldlog.v1.query; remove one or the other.",
    ),
    proto(
        "nothing to answer from",
        lambda file: file.query("ListAccounts").Clear(),
        f"{_LIST}: its foldlog.v1.query names nothing to answer from; set `collection`, or `aggregate` for the "
        "state that commands see, or `history` for the events of a stream.",
    ),
    proto(
        "an id that is no field, and one that is no text",
        all_of(
            lambda file: setattr(file.query("GetLatest"), "id", "account"),
            lambda file: setattr(file.query("GetHistory"), "id", "page_size"),
        ),
        f"{_LATEST}: savings.v1.GetAccountRequest has no string account, which `id` names; add it.",
        f"{_HISTORY}: savings.v1.GetHistoryRequest has no string page_size, which `id` names; add it.",
    ),
    proto(
        "collections and deciders that there are none of",
        all_of(
            lambda file: setattr(file.query("GetAccount"), "collection", "former"),
            lambda file: setattr(file.query("GetAccount"), "aggregate", "card"),
            lambda file: setattr(file.query("GetLatest"), "aggregate", "card"),
            lambda file: setattr(file.query("GetHistory"), "history", "card"),
            lambda file: setattr(file.query("GetOwner"), "owner", "nobody"),
            lambda file: setattr(file.query("ListAccounts"), "collection", "former"),
        ),
        f"{_GET}: {_NO_FORMER}",
        f"{_GET}: {_NO_CARD}",
        f"{_LATEST}: {_NO_CARD}",
        f"{_HISTORY}: {_NO_CARD}",
        f"{_LIST}: {_NO_FORMER}",
        f"{_OWNER}: {_NO_FORMER.replace('former', 'nobody')}",
    ),
    proto(
        "another document, and another owner in a list",
        all_of(
            lambda file: setattr(file.field("GetAccountReply", "account"), "type_name", ".savings.v1.Owner"),
            lambda file: setattr(file.field("GetOwnerReply", "owner"), "type_name", ".savings.v1.Account"),
            lambda file: setattr(file.field("GetOwnerReply", "owner"), "label", REPEATED),
            lambda file: setattr(file.field("GetOwnerReply", "accounts"), "type_name", ".savings.v1.Owner"),
        ),
        f'{_GET}: savings.v1.GetAccountReply.account shows documents of "accounts", which are savings.v1.Account; '
        "make it of that type.",
        *(
            f'{method}: savings.v1.GetAccountReply.account shows what the decider "account" renders, which is '
            "savings.v1.Account; make it of that type."
            for method in (_GET, _LATEST)
        ),
        f'{_OWNER}: savings.v1.GetOwnerReply.owner shows documents of "owners", which are savings.v1.Owner; make it '
        "of that type.",
        f"{_OWNER}: savings.v1.GetOwnerReply.owner is a list, and holds one; remove `repeated`.",
        f'{_OWNER}: savings.v1.GetOwnerReply.accounts shows documents of "accounts-of-owners", which are '
        "savings.v1.Account; make it of that type.",
    ),
    proto(
        "a history that cannot be paged",
        all_of(
            lambda file: file.remove("GetHistoryRequest", "page_token"),
            lambda file: setattr(file.field("GetHistoryReply", "next_page_token"), "type", INT64),
        ),
        f"{_HISTORY}: savings.v1.GetHistoryRequest has no field `string page_token`; add it.",
        f"{_HISTORY}: savings.v1.GetHistoryReply has no field `string next_page_token`; add it.",
        "savings.v1.Reports.GetSteps: savings.v1.GetHistoryRequest has no field `string page_token`; add it.",
    ),
    proto(
        "an aggregate without an id",
        lambda file: file.query("GetLatest").ClearField("id"),
        f'{_LATEST}: it asks for one "account"; say in which field its id is, as in `id: "…_id"`.',
    ),
    proto(
        "a history without an id",
        lambda file: file.query("GetHistory").ClearField("id"),
        f'{_HISTORY}: it lists the events of one "account"; say which field has its id, as in `id: "…_id"`.',
    ),
    proto(
        "a history of no events",
        lambda file: setattr(file.field("GetHistoryReply", "entries"), "type_name", ".savings.v1.Account"),
        f"{_HISTORY}: the first field of savings.v1.GetHistoryReply is no list of messages with a foldlog.v1."
        "RecordedEvent; make it one, such as `repeated foldlog.v1.HistoryEntry entries = 1;`.",
    ),
    proto(
        "a token that is a number",
        lambda file: file.add("Step", "token", type=INT64),
        "savings.v1.Reports.GetSteps: savings.v1.Step.token is filled with the token of a position; make it a "
        "string, or rename it.",
    ),
    proto(
        "no freshness, no options",
        all_of(
            lambda file: file.remove("GetHistoryReply", "freshness"),
            lambda file: file.remove("GetOwnerRequest", "options"),
            lambda file: file.remove("GetOwnerRequest", "descending"),
            lambda file: file.remove("GetOwnerReply", "next_page_token"),
        ),
        f"{_HISTORY}: savings.v1.GetHistoryReply has no field `foldlog.v1.Freshness freshness`; add it.",
        f"{_OWNER}: savings.v1.GetOwnerRequest has no field `foldlog.v1.ReadOptions options`; add it.",
        f"{_OWNER}: savings.v1.GetOwnerRequest has no field `bool descending`; add it.",
        f"{_OWNER}: savings.v1.GetOwnerReply has no field `string next_page_token`; add it.",
    ),
    proto(
        "a query that is a stream",
        lambda file: setattr(file.method("GetLatest"), "client_streaming", True),
        f"{_LATEST}: a query is one request; remove `stream` before its request.",
    ),
    proto(
        "documents of another type",
        lambda file: setattr(file.field("ListAccountsReply", "accounts"), "type_name", ".savings.v1.Owner"),
        f'{_LIST}: savings.v1.ListAccountsReply.accounts shows documents of "accounts", which are '
        "savings.v1.Account; make it of that type.",
    ),
)
def test_what_is_wrong_with_a_query_is_said(case: Case) -> None:
    check(case)


@parametrized(
    proto(
        "no such column",
        lambda file: _filter(file, "ListAccountsRequest", "id", "account_id"),
        f"{_LIST}: savings.v1.ListAccountsRequest.id filters by account_id, which is no indexed field of "
        "savings.v1.Account; add `[(foldlog.v1.indexed) = true]` to it there.",
    ),
    proto(
        "a number by text",
        lambda file: _filter(file, "ListAccountsRequest", "exactly", "cents"),
        f"{_LIST}: savings.v1.ListAccountsRequest.exactly filters by cents, which is of another type; make it "
        "that of savings.v1.Account.cents.",
    ),
    proto(
        "text by bytes",
        lambda file: _filter(file, "ListAccountsRequest", "raw", "owner", type=BYTES),
        f"{_LIST}: savings.v1.ListAccountsRequest.raw filters by owner, which is of another type; make it that "
        "of savings.v1.Account.owner.",
    ),
    proto(
        "a time by another message",
        lambda file: _filter(file, "ListAccountsRequest", "since", "opened", type_name=".savings.v1.Opened"),
        f"{_LIST}: savings.v1.ListAccountsRequest.since filters by opened, which is of another type; make it "
        "that of savings.v1.Account.opened.",
    ),
    proto(
        "a time by a time",
        lambda file: _filter(file, "ListAccountsRequest", "since", "opened", type_name=TIMESTAMP),
    ),
    proto(
        "several values",
        lambda file: _filter(file, "WatchAccountsRequest", "owners", "owner", label=REPEATED),
        "savings.v1.Reports.WatchAccounts: savings.v1.WatchAccountsRequest.owners filters by one value, and is "
        "a list; remove `repeated`.",
    ),
    proto(
        "where nothing is filtered",
        all_of(
            lambda file: _filter(file, "GetAccountRequest", "owner", "owner"),
            lambda file: _filter(file, "GetHistoryRequest", "owner", "owner"),
        ),
        f"{_GET}: savings.v1.GetAccountRequest.owner is a filter, and a query for one document has none; remove "
        "its foldlog.v1.filter.",
        f"{_LATEST}: savings.v1.GetAccountRequest.owner is a filter, and a query for one aggregate has none; "
        "remove its foldlog.v1.filter.",
        *(
            f"savings.v1.Reports.{name}: savings.v1.GetHistoryRequest.owner is a filter, and a history has none; "
            "remove its foldlog.v1.filter."
            for name in ("GetHistory", "GetSteps")
        ),
    ),
    proto("in a watch of one", lambda file: _filter(file, "WatchAccountRequest", "owner", "owner")),
)
def test_what_is_wrong_with_a_filter_is_said(case: Case) -> None:
    check(case)


_WATCH = "savings.v1.Reports.WatchAccounts"
_WATCH_ONE = "savings.v1.Reports.WatchAccount"


@parametrized(
    proto(
        "an answer without its parts",
        all_of(
            lambda file: file.remove("WatchAccountsReply", "puts"),
            lambda file: file.remove("WatchAccountsReply", "gone"),
            lambda file: file.remove("WatchAccountsReply", "reset"),
        ),
        *(
            f"{method}: savings.v1.WatchAccountsReply {what}."
            for method in (_WATCH, _WATCH_ONE)
            for what in (
                "has no field `repeated string gone`; add it",
                "has no field `bool reset`; add it",
                "has no repeated field `puts`; add one for the documents",
            )
        ),
    ),
    proto(
        "a token that is a number",
        lambda file: setattr(file.field("WatchAccountsReply", "token"), "type", INT64),
        *(
            f"{method}: savings.v1.WatchAccountsReply.token is filled with the token of a position; make it a "
            "string, or rename it."
            for method in (_WATCH, _WATCH_ONE)
        ),
    ),
    proto(
        "documents of another type",
        lambda file: setattr(file.field("WatchAccountsReply", "puts"), "type_name", ".savings.v1.Owner"),
        *(
            f'{method}: savings.v1.WatchAccountsReply.puts shows documents of "accounts", which are savings.v1.Account; '
            "make it of that type."
            for method in (_WATCH, _WATCH_ONE)
        ),
    ),
    proto(
        "of nothing, by a field that is not there",
        all_of(
            lambda file: file.query("WatchAccounts").Clear(),
            lambda file: file.query("WatchAccount").MergeFrom(QueryRoute(id="ids")),
            lambda file: file.remove("WatchAccountRequest", "resume_token"),
        ),
        f'{_WATCH}: no view has a collection "" (there are: accounts, accounts-of-owners, owners); add a view, or '
        "correct the name.",
        f"{_WATCH_ONE}: savings.v1.WatchAccountRequest has no field `string resume_token`; add it.",
        f"{_WATCH_ONE}: savings.v1.WatchAccountRequest has no string ids, which `id` names; add it.",
    ),
)
def test_what_is_wrong_with_a_watch_is_said(case: Case) -> None:
    check(case)
