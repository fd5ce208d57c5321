"""Shows how far a long command is: a bar on a terminal, a line a step elsewhere; always on stderr."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Meter:
    """`with Meter() as meter: meter.show("reading", 3, 10)`. Quiet when `is_quiet`."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._is_quiet = is_quiet
        self._step: str | None = None
        self._task: TaskID | None = None
        self._bar: Progress | None = None
        if console.is_terminal and not is_quiet:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: str, done: int, total: int) -> None:
        """Say that of `step`, `done` of `total` is behind us."""
        is_new, self._step = step != self._step, step
        if self._bar is None:
            if is_new and not self._is_quiet:
                print(f"{step} ...", file=sys.stderr, flush=True)
            return
        if self._task is None or is_new:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(step, total=total)
        self._bar.update(self._task, completed=done, total=total)
