"""Reports the clock of a running server to its operators."""

from collections.abc import Iterator

import foldlog_client
from foldlog.v1.admin_service_pb2 import GetClockResponse


async def ask(address: str) -> GetClockResponse:
    """Ask a server for its clock. Raises the client's `FoldlogError`."""
    # One attempt: an address where nobody answers fails at once.
    async with foldlog_client.connect(address, retry=foldlog_client.Retry(attempts=1)) as client:
        return await client.admin.get_clock()


def lines(clock: GetClockResponse) -> Iterator[str]:
    """The report as lines."""
    yield f"The server's time is {clock.time.ToJsonString()}."
    if clock.HasField("leap"):
        ahead = clock.leap.ahead.ToNanoseconds() / 1e9
        yield (
            f"The machine's clock is off by {ahead:+,.3f} s since {clock.leap.since.ToJsonString()}: "
            "the server's time follows it once it has been steady for 5 minutes."
        )
    ahead = (clock.newest_event_time.ToNanoseconds() - clock.time.ToNanoseconds()) / 1e9
    if ahead > 0:
        yield (
            f"The newest event was recorded {ahead:,.3f} s ahead: "
            "new events are recorded at the same time until the clock has passed it."
        )
