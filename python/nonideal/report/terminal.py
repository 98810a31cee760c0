"""A result as tables in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from nonideal.report import words
from nonideal.report.result import Result

__all__ = ["print_result", "print_summary"]


def print_summary(result: Result, console: Console, *, question: str = "") -> None:
    """Print question, answer and metrics."""
    if question:
        console.print(Text(question, style="bold"))
    console.print(Text(result.answer))
    if result.metrics:
        table = _table("quantity", "value", "standard error", "samples", right=(1, 2, 3))
        for name, estimate in result.metrics.items():
            cells = (words.value_text(estimate), words.error_text(estimate), words.as_text(estimate.samples))
            table.add_row(Text(words.title(name)), *(Text(cell) for cell in cells))
        console.print(table)


def print_result(result: Result, console: Console, *, question: str = "") -> None:
    """Print everything but the curves: summary, comparison, tables, limits, command."""
    print_summary(result, console, question=question)
    console.print()
    if result.comparison:
        table = _table("quantity", "published", "ours", "why they differ")
        for row in result.comparison:
            published = words.as_text(row.published) or "not published"
            table.add_row(Text(row.quantity), Text(published), Text(words.as_text(row.ours)), Text(row.why))
        console.print(table, "")
    for content in result.tables.values():
        console.print(Text(content.title, style="bold"))
        numbers = [
            index
            for index, cell in enumerate(content.rows[0] if content.rows else ())
            if isinstance(cell, (int, float))
        ]
        table = _table(*content.columns, right=tuple(numbers))
        for cells in content.rows:
            table.add_row(*(Text(words.as_text(cell)) for cell in cells))
        console.print(table)
        if content.note:
            console.print(Text(content.note, style="dim"))
        console.print()
    if result.limits:
        console.print(Text("What the model leaves out", style="bold"))
        for limit in result.limits:
            console.print(Text(f"- {limit}"))
        console.print()
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    console.print(Text(f"seed {result.seed}; {versions}", style="dim"))
    if result.command:
        console.print(Text(result.command), soft_wrap=True)


def _table(*heads: str, right: tuple[int, ...] = ()) -> RichTable:
    table = RichTable(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for index, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if index in right else "left", vertical="top")
    return table
