"""`python -m bench.compare CHECKOUT`: what this checkout's log takes for an append, against another
checkout's.

Both are measured in turn, in processes of their own and by the time that their processors were busy, so that
neither the disk nor what else the machine does has a part in the ratio. Each append is a command's: one event
in a stream that there is or is not, with a request id; 64 are in flight.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from foldlog_server.log.event_store import Append, NewRequest, RequestKey, StreamAppend
from foldlog_server.log.events import NewEvent
from foldlog_server.stores.sqlite.event_store import SqliteEventStore

HERE = Path(__file__).parent.parent
IN_FLIGHT = 64
EVENTS_OF_A_STREAM = 8


async def append(directory: Path, count: int) -> float:
    """Append so many events; gives the seconds of processor time that it took."""
    store = await SqliteEventStore.open(
        directory, clock=time.time_ns, new_id=lambda: str(uuid.uuid4()), on_failure=_fail
    )
    try:
        began = time.process_time()
        await asyncio.gather(*[_client(store, number, count // IN_FLIGHT) for number in range(IN_FLIGHT)])
        return time.process_time() - began
    finally:
        await store.close()


async def _client(store: SqliteEventStore, client: int, count: int) -> None:
    for number in range(count):
        stream, version = divmod(number, EVENTS_OF_A_STREAM)
        event = NewEvent(str(uuid.uuid4()), "bench.Appended", bytes(300))
        part = StreamAppend(f"append-{client}-{stream}", version, (event,))
        request = NewRequest(RequestKey("bench", str(uuid.uuid4())), bytes(32))
        await store.append(Append((part,), request=request))


def _fail(error: BaseException) -> None:
    raise SystemExit(f"The log cannot be written any more: {error}")


def measured(checkout: Path, count: int) -> float:
    """As `append`, in a process that runs a checkout."""
    paths = os.pathsep.join(str(checkout / part) for part in ("server", "generated"))
    with TemporaryDirectory(prefix="foldlog-bench-") as directory:
        done = subprocess.run(
            [sys.executable, __file__, "--append", directory, str(count)],
            env={**os.environ, "PYTHONPATH": paths},
            check=True,
            capture_output=True,
            text=True,
        )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkout", type=Path, help="the other checkout")
    parser.add_argument("--count", type=int, default=40_000, help="appends of a run")
    parser.add_argument("--runs", type=int, default=8, help="of each of the two")
    wanted = parser.parse_args()
    ratios = []
    for run in range(wanted.runs):
        here, there = HERE, wanted.checkout.absolute()
        order = (here, there) if run % 2 else (there, here)
        seconds = {checkout: measured(checkout, wanted.count) for checkout in order}
        ratios.append(seconds[here] / seconds[there])
        print(f"{seconds[here]:.2f} s here, {seconds[there]:.2f} s there: {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--append"]:
        print(asyncio.run(append(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
