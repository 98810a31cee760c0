"""A result as one page that refers to nothing outside itself: it can be mailed, archived and printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nonideal.report import words
from nonideal.report.result import Result

__all__ = ["Drawing", "render"]


@dataclass(frozen=True)
class Drawing:
    """A figure for the page.

    Parameters
    ----------
    name : str
        Its name among the figures.
    svg : str
        Inline SVG, of `nonideal.report.figures.inline_svg`.
    caption : str
        One sentence below it.
    wide : bool
        Whether it takes the page's whole width.
    """

    name: str
    svg: str
    caption: str = ""
    wide: bool = False


def render(result: Result, *, question: str = "", drawings: Sequence[Drawing] = ()) -> str:
    """Return the page.

    Parameters
    ----------
    result : Result
        What was found.
    question : str
        The experiment's question, the page's title; the experiment's name stands in for it.
    drawings : sequence of Drawing
        Figures, in the order of the page.

    Examples
    --------
    >>> page = render(Result("toy", {}, 1, "It is 3 < pi."), question="How large is pi?")
    >>> "It is 3 &lt; pi." in page
    True
    """
    environment = Environment(
        loader=PackageLoader("nonideal.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        title_words=words.title,
        as_text=words.as_text,
        value=words.value_text,
        error=words.error_text,
        interval=words.interval_text,
        is_number=lambda cell: isinstance(cell, (int, float)) and not isinstance(cell, bool),
        svg=lambda drawing: Markup(drawing.svg),  # made by matplotlib, not by a user
    )
    template = environment.get_template("report.html.jinja")
    return template.render(
        result=result, question=question or words.title(result.experiment), drawings=drawings
    )
