"""A domain's refusals have a reason of its catalogue, which is looked at when the function is made."""

from types import SimpleNamespace
from typing import Any

import pytest

from foldlog.v1.options_pb2 import Code
from foldlog.v1.options_pb2 import error as error_option
from foldlog_server.domain import Rejected, refusals
from tests.support.savings.changed import Changed
from tests.support.savings.unfit import ours

pb: Any = ours.savings_pb2


def test_a_refusal_has_its_reason_and_its_metadata_as_text() -> None:
    refused = refusals(pb.ErrorReason)(pb.ErrorReason.ERROR_REASON_NOT_EMPTY, "Empty it.", cents=5, id=None)
    assert isinstance(refused, Rejected)
    assert (refused.reason.domain, refused.reason.name) == ("savings.v1", "NOT_EMPTY")
    assert (refused.reason.code, refused.reason.retry) == (Code.CODE_FAILED_PRECONDITION, False)
    assert (refused.message, refused.metadata) == ("Empty it.", {"cents": "5", "id": "None"})


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["code"], "its code"),
        (["cause"], "its cause"),
        (["action", "cause"], "its cause, its action"),
        (["code", "cause", "action"], "its code, its cause, its action"),
    ],
)
def test_half_an_entry_is_refused(missing: Any, said: str) -> None:
    file = Changed()
    for name in missing:
        file.proto.enum_type[0].value[3].options.Extensions[error_option].ClearField(name)
    enum: Any = SimpleNamespace(DESCRIPTOR=file.built().enum_types_by_name["ErrorReason"])
    with pytest.raises(ValueError, match="ERROR_REASON_NOT_EMPTY lacks") as refused:
        refusals(enum)
    assert f"lacks {said}: give it an option such as [(foldlog.v1.error) = {{code:" in str(refused.value)


def test_a_number_that_is_no_reason_is_an_error() -> None:
    with pytest.raises(KeyError):
        refusals(pb.ErrorReason)(0, "Nothing.")
