"""Reports the scrub of a running server's log to its operators."""

from collections.abc import Iterator

import foldlog_client
from foldlog.v1.admin_service_pb2 import GetScrubResponse


async def ask(address: str) -> GetScrubResponse:
    """Ask a server for its scrub. Raises the client's `FoldlogError`."""
    # One attempt: an address where nobody answers fails at once.
    async with foldlog_client.connect(address, retry=foldlog_client.Retry(attempts=1)) as client:
        return await client.admin.get_scrub()


def lines(scrub: GetScrubResponse) -> Iterator[str]:
    """The report as lines."""
    if not scrub.HasField("begin_time"):
        yield "The log has not been scrubbed since the server was started: that begins some minutes later."
        return
    checked = f"{scrub.done:,} of {scrub.total:,} rows and entries"
    began = scrub.begin_time.ToJsonString()
    if scrub.HasField("end_time"):
        yield f"The log was scrubbed from {began} to {scrub.end_time.ToJsonString()}: {checked}."
    else:
        yield f"A scrub of the log began at {began}: {checked} so far; now {scrub.part or 'nothing'}."
    if not scrub.damages:
        yield "Nothing is damaged so far."
        return
    yield from scrub.damages
    if scrub.damage_count > len(scrub.damages):
        yield f"{scrub.damage_count - len(scrub.damages):,} more are not listed."
    yield (
        "Commands are refused. `foldlog verify` lists all damage; `foldlog backup` and `restore` rebuild all "
        "indexes."
    )
