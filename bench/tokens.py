"""`python -m bench.tokens`: measures what a token beside every position costs.

It measures where tokens are made, in one process and in turns with the same work without tokens: a batch of a
read or subscription, and the result of a command of one event.
"""

import time
from collections.abc import Callable
from statistics import median
from uuid import UUID

from foldlog.v1.commands_pb2 import CommandResult
from foldlog_server.log.events import EncodedEvent
from foldlog_server.log.lineage import Lineage, Opening
from foldlog_server.log.record import repeated, repeated_text

EVENTS = 1_000
RECORD_BYTES = 250
RESULTS = 20_000
TURNS = 41

_EVENTS_TAG, _TOKENS_TAG = b"\x0a", b"\x12"


def main() -> None:
    """Measure, and print a table."""
    lineage = Lineage(str(UUID(int=1)), [Opening(0, bytes(range(8)), 0)])
    events = [EncodedEvent(1_000_000 + number, bytes(RECORD_BYTES)) for number in range(EVENTS)]

    def batch() -> int:
        return len(repeated(_EVENTS_TAG, events))

    def batch_with_tokens() -> int:
        tokens = [lineage.token(event.position) for event in events]
        return len(repeated(_EVENTS_TAG, events) + repeated_text(_TOKENS_TAG, tokens))

    def results() -> int:
        return sum(len(_result(number).SerializeToString()) for number in range(RESULTS)) // RESULTS

    def results_with_tokens() -> int:
        size = 0
        for number in range(RESULTS):
            result = _result(number)
            result.token = lineage.token(number)
            result.event_tokens.append(lineage.token(number))
            size += len(result.SerializeToString())
        return size // RESULTS

    print("| what | without: µs | with: µs | without: bytes | with: bytes |\n|---|---|---|---|---|")
    _row(f"an event of {RECORD_BYTES} bytes, of {EVENTS:,} in a batch", EVENTS, batch, batch_with_tokens)
    _row("a result of one event", RESULTS, results, results_with_tokens, per=1)


def _result(number: int) -> CommandResult:
    result = CommandResult()
    result.log_id = "01a22694-42f7-76b2-b104-33d1ed40e783"
    result.stream = "order-536365"
    result.version = 1
    result.position = number
    result.streams.add(stream="order-536365", version=1)
    return result


def _row(
    what: str, count: int, without: Callable[[], int], with_: Callable[[], int], *, per: int | None = None
) -> None:
    """One line of the table: medians over turns, one after the other; `per` divides the bytes."""
    seconds: dict[Callable[[], int], list[float]] = {without: [], with_: []}
    for _ in range(TURNS):
        for work in (without, with_):
            began = time.perf_counter()
            work()
            seconds[work].append(time.perf_counter() - began)
    times = [f"{median(seconds[work]) / count * 1e6:.2f}" for work in (without, with_)]
    sizes = [f"{work() / (per or count):.0f}" for work in (without, with_)]
    print(f"| {what} | {' | '.join([*times, *sizes])} |")


if __name__ == "__main__":
    main()
