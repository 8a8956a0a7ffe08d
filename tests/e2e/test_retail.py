"""A retailer's file, replayed to a real server, agrees with every read model, whatever comes between."""

import asyncio
import gzip
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import grpc.aio
import pytest

from examples.online_retail import replay as replaying
from examples.online_retail.comparison import Compared, compare
from examples.online_retail.invoices import read_invoices
from examples.online_retail.read_models import ReadModels
from examples.online_retail.replay import Replay, Tally
from examples.online_retail.rows import read_rows
from examples.online_retail.totals import Totals, sum_up
from examples.serving import serve
from foldlog_client import Client, Retry, Unavailable, connect
from tests.support.slow import slow

ROOT = Path(__file__).parents[2]
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
PECULIAR = """\
536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,WHITE HEART,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,WHITE HEART,1,2010-12-01 08:26:00,2.1,17850.0,United Kingdom
536365,85123a,white heart,3,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536366,BANK CHARGES,Bank Charges,5,2010-12-01 09:00:00,0.001,12583.0,France
536367,BANK CHARGES,Bank Charges,15,2010-12-01 09:01:00,0.001,12583.0,France
536368,22752,"SET 7, BABUSHKA",80995,2010-12-01 09:02:00,7.65,,United Kingdom
536369,22139,,56,2010-12-01 09:03:00,0.0,,United Kingdom
536370,22752,"SET 7, BABUSHKA",-3,2010-12-01 09:04:00,7.65,17850.0,United Kingdom
536370,22752,"SET 7, BABUSHKA",4,2010-12-01 09:04:00,7.65,17850.0,United Kingdom
536371,22139,lost,-10,2010-12-01 09:05:00,0.0,,United Kingdom
C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom
A563185,B,Adjust bad debt,1,2010-12-01 14:50:00,11062.06,,United Kingdom
536372,B,bad debt,1,2010-12-02 08:00:00,-11062.06,,United Kingdom
"""

Q = TypeVar("Q")
R = TypeVar("R")


class After(grpc.aio.UnaryUnaryClientInterceptor):
    """Does something once the server has answered so many commands; the answer itself is never seen."""

    def __init__(self, commands: int, act: Callable[[], object]) -> None:
        self._left = commands
        self._act = act

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Q], Awaitable[grpc.aio.UnaryUnaryCall[Q, R]]],
        details: grpc.aio.ClientCallDetails,
        request: Q,
    ) -> grpc.aio.UnaryUnaryCall[Q, R]:
        call = await continuation(details, request)
        self._left -= "CommandService" in str(details.method)
        if self._left == 0:
            await call
            self._act()
            await asyncio.sleep(0)
        return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of a few dozen invoices, peculiar ones among them."""
    plain = "".join(
        f"{537000 + number},{22000 + product},NAME {product},{number + product},"
        f"2010-12-03 10:{number:02}:00,{product}.{number:02},{12000 + number % 4}.0,Germany\n"
        for number in range(20)
        for product in range(1, 2 + number % 9)
    )
    path = tmp_path / "retail.csv"
    path.write_text(HEADER + PECULIAR + plain)
    return path


async def replayed(client: Client, data: Path, *, whole: bool = False) -> Tally:
    tally = Tally()
    await Replay(client, tally, whole=whole, in_flight=8).run(read_invoices(read_rows(data)))
    return tally


async def compared(client: Client, totals: Totals) -> list[Compared]:
    return await compare(client, ReadModels(client, Tally(), in_flight=8), totals)


async def differences(client: Client, data: Path) -> list[str]:
    return [
        f"{one.query} {line}"
        for one in await compared(client, sum_up(read_rows(data)))
        for line in one.differences
    ]


@pytest.mark.parametrize("whole", [False, True], ids=["line by line", "whole"])
async def test_every_read_model_agrees_with_the_file(data: Path, tmp_path: Path, whole: bool) -> None:
    async with serve(tmp_path / "log") as server, connect(server.address) as client:
        tally = await replayed(client, data, whole=whole)
        assert await differences(client, data) == []
    assert tally.found == 0
    assert tally.orders == 26
    assert tally.lines == read_invoices(read_rows(data)).line_count


async def test_a_second_replay_changes_nothing(data: Path, tmp_path: Path) -> None:
    async with serve(tmp_path / "log") as server, connect(server.address) as client:
        await replayed(client, data)
        before = await client.events.head()
        tally = await replayed(client, data)
        other_way = await replayed(client, data, whole=True)
        assert await client.events.head() == before
        assert tally.found == other_way.found == tally.receipts + tally.orders
        assert tally.lines == other_way.lines == read_invoices(read_rows(data)).line_count


@pytest.mark.parametrize("commands", [23, *slow([1, 9, 40, 77])])
async def test_an_interrupted_replay_goes_on_where_it_stood(
    data: Path, tmp_path: Path, commands: int
) -> None:
    async with serve(tmp_path / "log") as server:
        task = asyncio.current_task()
        assert task is not None
        async with connect(server.address, interceptors=[After(commands, task.cancel)]) as client:
            with pytest.raises(asyncio.CancelledError):
                await replayed(client, data)
            task.uncancel()
        async with connect(server.address) as client:
            assert await differences(client, data) != []
            tally = await replayed(client, data)
            assert await differences(client, data) == []
            assert tally.found > 0


@pytest.mark.parametrize("whole", [False, *slow([True])])
async def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(
    data: Path, tmp_path: Path, whole: bool
) -> None:
    async with serve(tmp_path / "log") as server:
        dying = After(50, lambda: server.process.send_signal(signal.SIGKILL))
        once = Retry(attempts=1)
        async with connect(server.address, interceptors=[dying], retry=once) as client:
            with pytest.raises(Unavailable):
                await replayed(client, data)
        assert await server.process.wait() == -signal.SIGKILL
    async with serve(tmp_path / "log") as server, connect(server.address) as client:
        tally = await replayed(client, data, whole=whole)
        assert tally.found > 0
        assert await differences(client, data) == []


def forgotten(*command: object) -> str:
    """A request id that the server has never seen, as after its window."""
    return str(uuid.uuid4())


async def test_nothing_doubles_when_request_ids_are_forgotten(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(tmp_path / "log") as server:
        task = asyncio.current_task()
        assert task is not None
        async with connect(server.address, interceptors=[After(60, task.cancel)]) as client:
            with pytest.raises(asyncio.CancelledError):
                await replayed(client, data)
            task.uncancel()
        monkeypatch.setattr(replaying, "request_id", forgotten)
        async with connect(server.address) as client:
            for _ in range(2):
                await replayed(client, data)
                assert await differences(client, data) == []


@pytest.mark.parametrize("ids", [replaying.request_id, forgotten], ids=["same ids", "ids forgotten"])
async def test_two_replays_at_once_make_one_import(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: Callable[..., str]
) -> None:
    monkeypatch.setattr(replaying, "request_id", ids)
    async with (
        serve(tmp_path / "log") as server,
        connect(server.address) as client,
        connect(server.address) as other,
    ):
        await asyncio.gather(replayed(client, data), replayed(other, data))
        assert await differences(client, data) == []


def one_more_unit_on_hand(totals: Totals) -> None:
    totals.products["BANK CHARGES"].units += 1


def a_tenth_of_a_penny_more(totals: Totals) -> None:
    totals.products["85123a"].value += Fraction(1, 1000)


def a_penny_more_ordered(totals: Totals) -> None:
    totals.customers["17850"].ordered += Fraction(1, 100)


def another_line(totals: Totals) -> None:
    totals.orders["536365"].lines["85123A", Fraction(9)] += 1


def another_order(totals: Totals) -> None:
    totals.orders["536999"] = totals.orders["536368"]


def an_order_less(totals: Totals) -> None:
    del totals.orders["536369"]
    totals.customers["guest"].orders.remove("536369")


@pytest.mark.parametrize(
    ("spoil", "concerned"),
    [
        (one_more_unit_on_hand, {"ListInventory"}),
        *slow(
            [
                (a_tenth_of_a_penny_more, {"ListInventory"}),
                (a_penny_more_ordered, {"ListCustomers"}),
                (another_line, {"ListCurrentOrders", "GetOrder", "GetOrderHistory"}),
            ]
        ),
        (another_order, {"ListCurrentOrders", "GetOrder", "GetOrderHistory"}),
        (an_order_less, {"ListCurrentOrders", "ListCustomers", "GetCustomerOrders"}),
    ],
)
async def test_a_wrong_total_is_told(
    data: Path, tmp_path: Path, spoil: Callable[[Totals], None], concerned: set[str]
) -> None:
    totals = sum_up(read_rows(data))
    async with serve(tmp_path / "log") as server, connect(server.address) as client:
        await replayed(client, data, whole=True)
        spoil(totals)
        found = await compared(client, totals)
    assert {one.query for one in found if one.differences} == concerned


async def started(*arguments: str | Path) -> asyncio.subprocess.Process:
    """The command line, running."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.online_retail", *map(str, arguments)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(*arguments: str | Path) -> tuple[int, str, str]:
    """The exit code of the command line, and what it wrote to stdout and stderr."""
    process = await started(*arguments)
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def packed(data: Path) -> Path:
    """The file as it is published."""
    path = data.with_suffix(".csv.gz")
    path.write_bytes(gzip.compress(data.read_bytes()))
    return path


def falsified(data: Path) -> Path:
    """The file with a unit less of one product."""
    path = data.with_stem("falsified")
    path.write_text(data.read_text().replace(",80995,", ",80994,"))
    return path


@pytest.mark.slow
async def test_the_command_exits_by_the_comparison(data: Path, tmp_path: Path) -> None:
    code, output, _ = await run(packed(data), "--data-dir", tmp_path / "log")
    assert code == 0
    assert output.endswith("Equal to the last unit and penny.\n")

    code, output, _ = await run(falsified(data), "--data-dir", tmp_path / "log")
    assert code == 1
    assert "ListInventory 22752: on hand: expected 80998, found 80999\n" in output
    assert output.endswith("The read models DIFFER.\n")


async def test_a_day_is_replayed_alone(data: Path, tmp_path: Path) -> None:
    async with serve(tmp_path / "log") as server:
        code, output, _ = await run(data, "--day", "2010-12-01", "--whole", "--address", server.address)
    assert code == 0
    assert output.startswith("6 orders with 8 lines and 81,087 units of 5 products for 3 customers: ")
    assert "1 credit notes, 1 adjustments, 1 invoices without a row" in output


@pytest.mark.parametrize("day", ["2010-12", *slow(["yesterday", "20101201", "01/12/2010"])])
async def test_a_day_of_another_form_is_refused_with_the_form(data: Path, day: str) -> None:
    code, output, errors = await run(data, "--day", day)
    assert (code, output) == (2, "")
    assert "is not a day such as 2010-12-01" in " ".join(errors.split())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "a,b\n1,2\n",
            "UnitPrice, CustomerID; it must name InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID.",
        ),
        (
            HEADER + "536365,1,,six,2010-12-01 08:26:00,1.0,,UK\n",
            "Line 2 is no row of the data set: 536365,1,,six,2010-12-01 08:26:00,1.0,,UK",
        ),
        (HEADER, "has no order"),
    ],
)
async def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    code, output, errors = await run(path)
    assert (code, output) == (2, "")
    assert complaint in errors


async def interrupted(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """The exit code after a Ctrl-C, and what was written to stderr."""
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


async def test_ctrl_c_tells_how_to_go_on(data: Path) -> None:
    connected = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        address = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        process = await started(data, "--whole", "--address", address)
        await connected.wait()
        code, errors = await interrupted(process)
    assert code == 130
    assert "Interrupted. products received: 0 of 14, " in errors
    assert f"-m examples.online_retail {data} --whole --address {address}\n" in errors


@pytest.mark.slow
async def test_ctrl_c_ends_the_server_that_was_started(data: Path, tmp_path: Path) -> None:
    process = await started(data, "--data-dir", tmp_path / "log")
    assert process.stderr is not None
    assert (await process.stderr.readline()).startswith(b"Reading ")
    assert (await process.stderr.readline()).startswith(b"A server is started at ")
    code, errors = await interrupted(process)
    assert code == 130
    assert f"--data-dir {tmp_path / 'log'}\n" in errors
    async with serve(tmp_path / "log") as server:  # the directory is free again
        code, _, _ = await run(data, "--address", server.address)
    assert code == 0
