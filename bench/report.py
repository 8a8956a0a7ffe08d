"""Reports a run: a table for people, and every window for programs."""

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import h2load
from bench.h2load import SHAPES
from bench.machine import NOT_DISKS
from bench.rows import NOISY_SPREAD, Gate, Row
from bench.shop import Window
from bench.stand import ECHO_BYTES, Sizes

_HEAD = (
    ("what", "a second", "÷ echo", "min … max", "p50 / p99 ms", "server µs", "must", "aim", "verdict"),
    ("---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    machine: Mapping[str, str]
    command: str
    seed: int
    repetitions: int
    seconds: float
    sizes: Sizes
    rows: Sequence[Row]

    def markdown(self) -> str:
        """Return the table, with the machine and how it was measured."""
        return "\n".join([*self._table(), "", *self._notes(), "", *self._machine(), ""])

    def json(self) -> str:
        """Return every window as JSON."""
        return json.dumps(self._everything(), indent=2, ensure_ascii=False) + "\n"

    def write(self, directory: Path) -> None:
        """Write `latest.md` and `latest.json`."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "latest.md").write_text(self.markdown())
        (directory / "latest.json").write_text(self.json())

    def _table(self) -> list[str]:
        lines = ["# Speed, against the limit of gRPC in Python", ""]
        lines += [_line(cells) for cells in _HEAD]
        lines += [_line(_echo_cells(in_flight, self.rows)) for in_flight in SHAPES]
        lines += [_line(_cells(row)) for row in self.rows]
        return lines

    def _notes(self) -> list[str]:
        notes = [
            f"The echo is a bare `grpc.aio` unary call of {ECHO_BYTES} bytes on the same event loop and "
            f"version. Each row was measured {self.repetitions} times, in random order, each time "
            "between two runs of the echo: `÷ echo` is the median of the ratios to the two, with the least "
            "and the greatest. Everything else is the median of its windows, and is not to be compared with "
            "another table.",
            "Commands are `CreateOrder` without ids; the clock stops when all are durable and every view has "
            f"seen them{_lag(self.rows)}. A run counts only if the log grew by exactly as many events. "
            f"Request ids are not sent, because h2load sends one body.{_commits(self.rows)}",
            f"Group commit alone is a server that appends an event of {ECHO_BYTES} bytes for each call, with "
            "the store and the gathering of Foldlog's, and answers when it is durable: nothing is decided, "
            "and no view follows. A run counts only if each call stored its event in a stream of its own. "
            "The rest of a command's time goes to protobuf, the decision, a longer answer, and the views.",
            "Queries are `GetOrder` of one order with three lines, which the server has in memory after the "
            "first; a run counts only if all answers together have the size that they must have, and the "
            "order is the same before and after.",
            "A subscriber is a `grpc.aio` client that keeps the bytes, and looks into them when the clock "
            f"has stopped: all {self.sizes.history:,} events must be there, once and in order.",
            f"A rebuild is the server's own projector on a log of {self.sizes.history:,} events with no view "
            "files, in a process of its own; events that a view skips count. Its gate is in events a "
            "second.",
            _gate_note(self.rows),
            f"Noisy is a window where one of the two echoes around it was more than {NOISY_SPREAD:g} times "
            "as fast as the other, so other programs were running: "
            f"{sum(row.noisy() for row in self.rows)} of {sum(len(row.measured) for row in self.rows)} here.",
        ]
        if self.machine["file system"] in NOT_DISKS:
            notes.insert(0, f"Nothing here was durable: the data was on {self.machine['file system']}.")
        return [f"- {note}" for note in notes]

    def _machine(self) -> list[str]:
        load = [f"    {line}" for line in self._h2load_lines()]
        facts = [f"{name}: {value}" for name, value in self.machine.items()]
        return [
            f"Made by `{self.command}` with seed {self.seed} in {self.seconds:.0f} seconds; the load by",
            "",
            *load,
            "",
            f"Measured on: {'; '.join(facts)}.",
        ]

    def _h2load_lines(self) -> Iterable[str]:
        for in_flight, shape in SHAPES.items():
            line = h2load.command_line(
                self.sizes.calls[in_flight], shape, "http://ADDRESS/SERVICE/METHOD", "BODY", "LOG"
            )
            yield " ".join(f"'{word}'" if " " in word else word for word in line)

    def _everything(self) -> dict[str, Any]:
        return {
            "command": self.command,
            "seed": self.seed,
            "repetitions": self.repetitions,
            "seconds": round(self.seconds, 1),
            "machine": dict(self.machine),
            "calls": {str(in_flight): calls for in_flight, calls in self.sizes.calls.items()},
            "history_events": self.sizes.history,
            "rows": [_row_in_json(row) for row in self.rows],
        }


def _row_in_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "unit": row.unit,
        "echo_in_flight": row.echo_in_flight,
        "per_second": _rounded(row.per_second()),
        "ratio": _rounded(statistics.median(row.ratios())),
        "ratio_min": _rounded(min(row.ratios())),
        "ratio_max": _rounded(max(row.ratios())),
        "gate": row.gate._asdict() if row.gate else None,
        "verdict": row.verdict(),
        "windows": [
            {
                "ratio": _rounded(one.ratio),
                "noisy": one.is_noisy,
                "echo_before": _window(one.before),
                "measured": _window(one.window),
                "echo_after": _window(one.after),
            }
            for one in row.measured
        ],
    }


def _window(window: Window) -> dict[str, float]:
    return {name: _rounded(value) for name, value in window._asdict().items() if value is not None}


def _rounded(value: float) -> float:
    return round(value, 1) if value >= 100 else round(value, 4)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _echo_cells(in_flight: int, rows: Sequence[Row]) -> list[str]:
    measured = [one for row in rows if row.echo_in_flight == in_flight for one in row.measured]
    windows = [echo for one in measured for echo in (one.before, one.after)]
    rate = statistics.median(window.per_second for window in windows)
    return [
        f"bare echo, {in_flight} in flight",
        f"{rate:,.0f}",
        "1",
        f"{min(w.per_second for w in windows) / rate:.2f} … {max(w.per_second for w in windows) / rate:.2f}",
        _latency(windows),
        _cpu(windows),
        *("", "", ""),
    ]


def _cells(row: Row) -> list[str]:
    windows, ratios = [one.window for one in row.measured], row.ratios()
    return [
        row.name,
        f"{row.per_second():,.0f}",
        f"**{_ratio(statistics.median(ratios))}**",
        f"{_ratio(min(ratios))} … {_ratio(max(ratios))}",
        _latency(windows),
        _cpu(windows),
        *(_bounds(row.gate) if row.gate else ("", "")),
        _remarks(row),
    ]


def _remarks(row: Row) -> str:
    noisy = f"{row.noisy()} of {len(row.measured)} noisy" if row.noisy() else ""
    return ", ".join(filter(None, (row.verdict(), noisy)))


def _bounds(gate: Gate) -> tuple[str, str]:
    return f"{gate.must:,g}", f"{gate.aim:,g}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _latency(windows: Sequence[Window]) -> str:
    p50 = _median(windows, lambda window: window.p50_ms)
    p99 = _median(windows, lambda window: window.p99_ms)
    return "" if p50 is None or p99 is None else f"{p50:.2f} / {p99:.2f}"


def _cpu(windows: Sequence[Window]) -> str:
    used = _median(windows, lambda window: window.server_us)
    return f"{used:,.3g}" if used else ""


def _median(windows: Sequence[Window], value: Callable[[Window], float | None]) -> float | None:
    values = [found for window in windows if (found := value(window)) is not None]
    return statistics.median(values) if values else None


def _lag(rows: Sequence[Row]) -> str:
    """Return the share of the time that was spent waiting for the views, if there is a wait."""
    all_windows = [one.window for row in rows for one in row.measured]
    windows = [window for window in all_windows if window.answered_per_second]
    lags = [1 - window.per_second / (window.answered_per_second or 1) for window in windows]
    return f" (a median of {statistics.median(lags):.1%} of the time is that wait)" if lags else ""


def _commits(rows: Sequence[Row]) -> str:
    """Return how many calls a commit stored, by row."""
    stored = [
        f"{count:.3g} ({row.name})"
        for row in rows
        if (count := _median([one.window for one in row.measured], lambda window: window.per_commit))
    ]
    return f" A commit stored on average {', '.join(stored)} (the median of the windows)." if stored else ""


def _gate_note(rows: Sequence[Row]) -> str:
    floors = [f"{row.name} {row.gate.floor:g}" for row in rows if row.gate and row.gate.floor]
    return f"The verdict is the best that is met of aim, must and floor; the floors: {', '.join(floors)}."
