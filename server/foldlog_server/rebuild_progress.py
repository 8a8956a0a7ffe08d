"""How far rebuilds are: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from foldlog_server.printable import printable
from foldlog_server.views import Step, told

LINE_SECONDS = 2.0


async def shown(steps: AsyncIterator[Step], print_line: Callable[[str], None]) -> list[str]:
    """Show steps as they come; gives the views that failed."""
    failed: list[str] = []
    console = Console(stderr=True)
    with ExitStack() as stack:
        tell = stack.enter_context(_Bars(console)) if console.is_terminal else _Lines(print_line)
        async for step in steps:
            tell(step)
            if step.is_over:
                print_line(f"{step.view}: {printable(told(step))}")
            failed += [step.view] if step.error else []
    return failed


class _Bars:
    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        self._progress = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, step: Step) -> None:
        if step.view not in self._tasks:
            self._tasks[step.view] = self._progress.add_task(step.view, told="")
        task = self._tasks[step.view]
        self._progress.update(
            task, completed=step.position, total=step.target or None, told=printable(told(step))
        )


class _Lines:
    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._told: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.target and not step.is_over and now - self._told.get(step.view, 0.0) >= LINE_SECONDS:
            self._told[step.view] = now
            self._print_line(f"{step.view}: {told(step)}")
