"""Figures in the house style: readable in print, on light and on dark pages, and by colour-blind readers.

Everything is drawn with matplotlib's own objects (`matplotlib.figure.Figure`), never with pyplot's global
state. An experiment's ``figures(result)`` runs inside `house_style`, uses `new_figure` and `draw_curve`, and
is free to do anything else with the axes:

>>> from nonideal.report import Curve
>>> from nonideal.report.figures import draw_curve, house_style, new_figure
>>> with house_style():
...     figure, axes = new_figure("Accuracy falls where gates err more often than once in a million.")
...     curve = Curve((1e-6, 1e-4), "gate error rate", (0.9, 0.7), "accuracy", (0.01, 0.02), 4)
...     lines = draw_curve(axes, curve, label="tree")
...     axes.set_xscale("log")
>>> to_svg(figure).startswith("<svg")
True
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nonideal.estimate import confidence_factor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nonideal.report.result import Curve

__all__ = [
    "COLORS",
    "WIDE_FIGURE",
    "draw_band",
    "draw_curve",
    "house_style",
    "inline_svg",
    "label_decades",
    "new_figure",
    "to_png",
    "to_svg",
]

# After Okabe and Ito (2008), "Color universal design", distinct in the common kinds of colour blindness.
# Their yellow and light blue are left out, and orange and purple are darker: each colour has a contrast of
# 3:1 or more on the white AND on the dark page.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#b5609a", "#a87900", "#767676")
MARKERS = ("o", "s", "^", "D", "v", "P")

#: Figures that are wider, in inch, take the whole width of the report's page.
WIDE_FIGURE = 7.5

# Structural colours, each used for nothing else: inside a page they become the page's own ink (see `to_svg`).
INK = "#1b1f25"
MUTED = "#5c6670"
RULE = "#d5dae0"
PAPER = "#fffffe"

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLORS) + cycler(marker=MARKERS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "errorbar.capsize": 3,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 10,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.facecolor": "auto",
    "svg.fonttype": "path",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside a ``with`` block, or in a function under ``@house_style()``."""
    with mpl.rc_context(STYLE):
        yield


def new_figure(
    caption: str, *, rows: int = 1, columns: int = 1, width: float = 5.6, height: float = 3.7, **subplots: Any
) -> tuple[Figure, Any]:
    """Return a figure and its axes.

    Parameters
    ----------
    caption : str
        One sentence that says what is to be seen; the report prints it below the figure.
    rows, columns : int
        Number of axes.
    width, height : float
        Size, inch; two figures of the default width stand beside each other on a wide page, one that is
        wider than ``WIDE_FIGURE`` stands alone.
    **subplots
        Passed on to `matplotlib.figure.Figure.subplots` (``sharex``, ``width_ratios``, ...).

    Returns
    -------
    figure : Figure
    axes : Axes, or an array of them if there are several
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.set_label(caption)
    return figure, figure.subplots(rows, columns, **subplots)


def draw_curve(axes: Axes, curve: Curve, *, label: str = "", confidence: float = 0.95, **line: Any) -> Any:
    """Draw a curve with error bars of a confidence level, and its axis labels.

    Parameters
    ----------
    axes : Axes
        Where.
    curve : Curve
        Points with standard errors; bars are left out where all of them are zero.
    label : str
        For the legend.
    confidence : float
        The bars' two-sided confidence level (Student's t for ``curve.samples``).
    **line
        Passed on to `matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ErrorbarContainer
    """
    half = _half_widths(curve, confidence)
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel(curve.y_label)
    return axes.errorbar(curve.x, curve.y, yerr=half if any(half) else None, label=label or None, **line)


def draw_band(axes: Axes, curve: Curve, *, label: str = "", confidence: float = 0.95, **line: Any) -> Any:
    """Draw a curve as a line in a band of a confidence level: for many points, where bars would clutter.

    Parameters are those of `draw_curve`; returns the line.
    """
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel(curve.y_label)
    (drawn,) = axes.plot(curve.x, curve.y, label=label or None, **{"marker": "", **line})
    half = _half_widths(curve, confidence)
    low = [y - h for y, h in zip(curve.y, half, strict=True)]
    high = [y + h for y, h in zip(curve.y, half, strict=True)]
    axes.fill_between(curve.x, low, high, color=drawn.get_color(), alpha=0.22, linewidth=0)
    return drawn


def label_decades(axes: Axes) -> None:
    """Make the y axis logarithmic, with labels at 1, 2 and 5 of each decade: for a few decades."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def to_png(figure: Figure, *, dpi: int = 200) -> bytes:
    """Return the figure as a PNG file on white."""
    return _saved(figure, "png", dpi=dpi, metadata={"Software": None})


def to_svg(figure: Figure, *, name: str = "figure") -> str:
    """Return the figure as an SVG file on white; the same figure gives the same text.

    Parameters
    ----------
    figure : Figure
        What to draw.
    name : str
        Prefix of all identifiers inside, so that several figures can stand in one page.
    """
    with mpl.rc_context({"svg.hashsalt": name}):
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        text = _saved(figure, "svg", metadata=metadata).decode("utf-8")
    text = text[text.index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)


def inline_svg(text: str) -> str:
    """Return the inside of an HTML page for the SVG of `to_svg`.

    It has no background and names no host; its ink is the page's (``currentColor``, ``--muted``, ``--rule``).
    """
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text)  # HTML needs no namespaces
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", text, count=1)  # the page decides on the size
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    for color, ink in (
        (PAPER, "none"),
        (INK, "currentColor"),
        ("#000000", "currentColor"),
        (MUTED, "var(--muted)"),
        (RULE, "var(--rule)"),
    ):
        text = text.replace(color, ink)
    return text


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _half_widths(curve: Curve, confidence: float) -> list[float]:
    factor = confidence_factor(confidence, curve.samples)
    return [factor * error if error else 0.0 for error in curve.standard_error]
