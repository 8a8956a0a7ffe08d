"""Logs that are copied, and how a copy is compared with what it is of."""

import sqlite3
from contextlib import closing
from pathlib import Path

from foldlog.orders.v1.commands_pb2 import AddItem
from foldlog.orders.v1.queries_pb2 import GetOrderRequest, ListCurrentOrdersRequest
from foldlog.v1.reads_pb2 import ReadOptions
from tests.format.log_file import Log, read
from tests.support.order_stories import line, money
from tests.support.processes import Ended, foldlog
from tests.support.server import Server


def log_in(directory: Path) -> Log:
    return read(directory / "log.db")


def rows(directory: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{(directory / 'log.db').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


async def backed_up(data: Path, destination: Path) -> Ended:
    ended = await foldlog("backup", destination, "--data", data)
    assert (ended.code, ended.errors) == (0, ""), ended
    return ended


async def restored(backup: Path, data: Path, *arguments: object) -> Ended:
    ended = await foldlog("restore", backup, "--data", data, *arguments)
    assert (ended.code, ended.errors) == (0, ""), ended
    return ended


async def answers(server: Server) -> list[bytes]:
    """What is answered of every order, without what tells of the log and the moment."""
    seen = ReadOptions(min_position=(await server.head()).position)
    listed = await server.ask(ListCurrentOrdersRequest(page_size=100, options=seen))
    found = [
        await server.ask(GetOrderRequest(order_id=each.order_id, options=seen)) for each in listed.orders
    ]
    return [message.SerializeToString() for message in listed.orders] + [
        answer.order.SerializeToString() for answer in found
    ]


def add(order_id: str) -> AddItem:
    return AddItem(order_id=order_id, line=line("tea", 1, money("3.5")))
