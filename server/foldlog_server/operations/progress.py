"""Shows the progress of long operations: bars on a terminal, a line every few seconds elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from foldlog_server.printable import printable

LINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of one part of an operation."""

    name: str
    position: int
    target: int
    """0 while it waits for its turn."""
    is_over: bool = False
    error: str = ""


def progress_text(step: Step) -> str:
    """The progress in words."""
    if step.error:
        return f"failed: {step.error}"
    if step.is_over:
        return "done"
    return f"{step.position:,} of {step.target:,}" if step.target else "waits for its turn"


async def shown(steps: AsyncIterator[Step], print_line: Callable[[str], None]) -> list[str]:
    """Show steps as they come; returns the names of those that failed."""
    failed: list[str] = []
    console = Console(stderr=True)
    with ExitStack() as stack:
        show = stack.enter_context(_Bars(console)) if console.is_terminal else _Lines(print_line)
        async for step in steps:
            show(step)
            if step.is_over:
                print_line(f"{step.name}: {printable(progress_text(step))}")
            failed += [step.name] if step.error else []
            await asyncio.sleep(0)  # else Ctrl-C does not interrupt work that never waits
    return failed


class _Bars:
    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        self._progress = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, step: Step) -> None:
        if step.name not in self._tasks:
            self._tasks[step.name] = self._progress.add_task(step.name, text="")
        task = self._tasks[step.name]
        self._progress.update(
            task, completed=step.position, total=step.target or None, text=printable(progress_text(step))
        )


class _Lines:
    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._printed: dict[str, float] = {}
        """When a line was last printed for each step."""

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.target and not step.is_over and now - self._printed.get(step.name, 0.0) >= LINE_SECONDS:
            self._printed[step.name] = now
            self._print_line(f"{step.name}: {progress_text(step)}")
