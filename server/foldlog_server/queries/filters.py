"""Reads the filters of a list from the fields of its request, by their options."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from foldlog.v1.options_pb2 import filter as filter_option
from foldlog_server.views.definition import nanoseconds
from foldlog_server.views.read_model import ColumnFilter


def filters_of(request: Descriptor) -> Callable[[Message], list[ColumnFilter]]:
    """Returns a function from a request to the filters that are set in it."""
    filtered = [
        (field.name, field.GetOptions().Extensions[filter_option])
        for field in request.fields
        if field.GetOptions().HasExtension(filter_option)
    ]

    def filters(message: Message) -> list[ColumnFilter]:
        present = {field.name: value for field, value in message.ListFields()}
        return [
            ColumnFilter(option.column, option.comparison, _column_value(present[name]))
            for name, option in filtered
            if name in present
        ]

    return filters


def _column_value(value: Any) -> int | str:
    return nanoseconds(value) if isinstance(value, Timestamp) else value
