"""The clock of a running server, for its operators."""

from collections.abc import Iterator

import foldlog_client
from foldlog.v1.admin_service_pb2 import GetClockResponse


async def ask(address: str) -> GetClockResponse:
    """What a server says of its clock. Raises a `FoldlogError` of the client's."""
    # An address where nobody answers is told at once.
    async with foldlog_client.connect(address, retry=foldlog_client.Retry(attempts=1)) as client:
        return await client.admin.get_clock()


def lines(clock: GetClockResponse) -> Iterator[str]:
    """What operators read."""
    yield f"The server's time is {clock.time.ToJsonString()}."
    if clock.HasField("leap"):
        ahead = clock.leap.ahead.ToNanoseconds() / 1e9
        yield (
            f"The machine's clock is off by {ahead:+,.3f} s since {clock.leap.since.ToJsonString()}: "
            "it is followed when it has been steady for 5 minutes."
        )
    ahead = (clock.newest_event_time.ToNanoseconds() - clock.time.ToNanoseconds()) / 1e9
    if ahead > 0:
        yield (
            f"The newest event was recorded {ahead:,.3f} s ahead: "
            "what comes is recorded at the same time until the clock has passed it."
        )
