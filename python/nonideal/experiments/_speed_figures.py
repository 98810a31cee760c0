"""The figures of atoms-speed."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from nonideal.physics.atoms.peers import NETWORKS
from nonideal.report import Result
from nonideal.report.figures import COLORS, MUTED, label_decades, new_figure

__all__ = ["draw"]

_FORCES = {"gradient": COLORS[0], "direct": COLORS[1], "none": COLORS[2]}
_WORDS = {"gradient": "gradient forces", "direct": "direct forces", "none": "energy alone"}


def draw(result: Result) -> dict[str, Figure]:
    """Return them by name."""
    return {"times": _times(result), "others": _others(result)}


def _times(result: Result) -> Figure:
    figure, axes = new_figure(
        "Time per atom of the engine against the number of atoms, on the first number of threads (discs) and "
        "the others (squares). Lines: the operations of this algorithm for gradient forces, at the "
        "fastest rate of the engine's own products on one thread, and NumPy's reading of all neighbours' "
        "features.",
        width=7.0,
        height=4.4,
    )
    threads = [int(t) for t in result.config["thread_counts"]]
    for kind, color in _FORCES.items():
        for count in threads:
            plural = "s" * (count > 1)
            _line(
                axes,
                result,
                f"engine {kind} {count}",
                color=color,
                marker="o" if count == threads[0] else "s",
                linestyle="-" if count == threads[0] else "--",
                label=f"{_WORDS[kind]}, {count} thread{plural}",
            )
    styles = iter(("-", "--", ":"))
    for name, curve in result.curves.items():
        if name.startswith("attainable "):
            label = name.removeprefix("attainable ")
            style = next(styles)
            axes.plot(curve.x, curve.y, color=MUTED, marker="", linewidth=1.0, linestyle=style, label=label)
    _finish(axes, "time (us/atom)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _others(result: Result) -> Figure:
    figure, (left, right) = new_figure(
        "Left: plain torch, the same network on one graph made beforehand, steps of training, and other "
        "networks (open) against ours (filled). Right: neighbour lists, one thread.",
        columns=2,
        width=9.4,
        height=4.0,
    )
    first = int(result.config["thread_counts"][0])
    pairs = {
        "gradient forces": (f"engine gradient {first}", f"torch gradient {first}", COLORS[0]),
        "direct forces": (f"engine direct {first}", f"torch direct {first}", COLORS[1]),
        "training step": ("training native", "training torch", COLORS[3]),
    }
    for words, (ours, torch, color) in pairs.items():
        if torch in result.curves:
            _line(left, result, ours, color=color, marker="o", linestyle="-", label=words)
            _line(
                left,
                result,
                torch,
                color=color,
                marker="o",
                linestyle="--",
                markerfacecolor="none",
                label=f"{words}, torch",
            )
    for (peer, (_, _, words)), marker in zip(NETWORKS.items(), ("^", "s"), strict=True):
        style = {"color": COLORS[0], "linestyle": ":", "marker": marker, "markerfacecolor": "none"}
        _line(left, result, f"{peer} gradient {first}", label=words, **style)
    _finish(left, "time (us/atom)")
    for name, color in (("list ours", COLORS[0]), ("list vesin", COLORS[1])):
        _line(right, result, name, color=color, marker="o", label=name.removeprefix("list "))
    _finish(right, "time (us/atom)")
    for axes in (left, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return figure


def _line(axes: Any, result: Result, name: str, **style: Any) -> None:
    curve = result.curves.get(name)
    if curve is not None:
        axes.plot(curve.x, curve.y, **style)


def _finish(axes: Any, label: str) -> None:
    axes.set_xscale("log")
    label_decades(axes)
    axes.set_xlabel("atoms")
    axes.set_ylabel(label)
