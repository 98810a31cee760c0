"""A progress bar with rate and time left: on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(label: str, total: int, *, done: int = 0, show: bool = True) -> Iterator[Callable[[], None]]:
    """Show on stderr how far a loop is; nothing where stderr is not a terminal or ``show`` is False.

    Parameters
    ----------
    label : str
        What is going on.
    total : int
        Number of steps.
    done : int
        Steps that were finished before (they do not count for the rate).
    show : bool
        False for a quiet loop.

    Yields
    ------
    callable
        To be called once per finished step.

    Examples
    --------
    >>> with progress_bar("sampling", 3) as advance:
    ...     for _ in range(3):
    ...         advance()
    """
    if not (show and total and sys.stderr.isatty()):
        yield lambda: None
        return
    # Here and not above: `import nonideal` stays light.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("", style="progress.data.speed")
            text = f"{speed:.3g}/s" if speed >= 1 else f"{1 / speed:.3g} s each"
            return Text(text, style="progress.data.speed")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
        speed_estimate_period=600.0,  # shards may take minutes; rich forgets after 30 s
    )
    with bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda: bar.advance(task)
