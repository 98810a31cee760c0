"""The figures of mechanics-lbeam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nonideal.experiments._noisy_search import TRANSLATIONS, shots_words
from nonideal.physics import mechanics
from nonideal.report import Curve, Result
from nonideal.report.figures import (
    COLORS,
    INK,
    MARKERS,
    MUTED,
    RULE,
    draw_curve,
    label_decades,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw"]

_WIDE = 11.0  # inch
_STRAIN = (0.006, -0.004, 0.005)  # macro strain of the stress field that is shown
_WORDS = {"raw": "raw", "zne": "ZNE"}
_METHOD_COLORS = {"swap": COLORS[1], "hadamard": COLORS[0]}
_STYLES: dict[str, dict[str, Any]] = {
    "raw": {"linestyle": "--", "markerfacecolor": "none"},
    "zne": {"linestyle": "-"},
}
_FIELD_MAP, _DIFFERENCE_MAP, _WRONG_MAP = "cividis", "RdBu_r", "inferno_r"


def draw(result: Result, cell: mechanics.UnitCell) -> dict[str, Figure]:
    """Return all figures of a result; the cell is that of its config."""
    return {
        "cell": _draw_cell(result, cell),
        "fields": _draw_fields(result),
        "wrong-neighbours": _draw_wrong(result),
        "iterations": _draw_iterations(result),
        "where": _draw_where(result),
        "convergence": _draw_convergence(result),
    }


def _shown(result: Result, prefix: str) -> list[tuple[str, str]]:
    """Return (method, mitigation) of the variants whose fields a result holds."""
    names = [name.removeprefix(prefix) for name in result.curves if name.startswith(prefix)]
    pairs = [tuple(name.rsplit("_", 1)) for name in names]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _draw_cell(result: Result, cell: mechanics.UnitCell) -> Figure:
    figure, grid = new_figure(
        "The representative cell: its mesh; the von Mises stress under the macro strain E11 = 0.6 %, "
        "E22 = -0.4 %, sqrt(2) E12 = 0.5 %; macro stress against macro strain, with the linear composite "
        "(dotted) and the matrix alone (dashed); and the strains of the data base, those that the classical "
        "solution uses in colour: most of a regular grid is never looked at.",
        rows=2,
        columns=2,
        width=_WIDE,
        height=8.6,
    )
    structure = cell.structure
    corners = structure.nodes[structure.cells]
    in_fibre = cell.phase.reshape(len(corners), -1)[:, 0] == 1
    s11, s22, s12 = (cell.homogenize(_STRAIN).stress_field / [1.0, 1.0, np.sqrt(2.0)]).T
    mises = np.sqrt(s11**2 + s22**2 - s11 * s22 + 3 * s12**2)

    mesh, stress, curves = grid[0, 0], grid[0, 1], grid[1, 0]
    mesh.add_collection(
        PolyCollection(
            list(corners),
            facecolors=np.where(in_fibre, COLORS[0], COLORS[4]),
            edgecolors="#ffffff",
            linewidths=0.8,
            alpha=0.85,
        )
    )
    for label, place, color in (("fibre", (0.0, 0.0), COLORS[0]), ("matrix", (0.0, 0.43), COLORS[4])):
        box = {"facecolor": color, "edgecolor": "none", "pad": 2.0}
        mesh.text(*place, label, color="#ffffff", ha="center", va="center", bbox=box)
    mesh.set_title(f"mesh: {len(corners)} elements of nine nodes")
    drawn = PolyCollection(_tiles(structure), array=mises, cmap=_FIELD_MAP, edgecolors="face", linewidths=0.3)
    stress.add_collection(drawn)
    stress.set_title("stress field")
    figure.colorbar(drawn, ax=stress, label="von Mises stress (MPa)", shrink=0.9)
    for axes in (mesh, stress):
        axes.set_xlim(-0.5, 0.5)
        axes.set_ylim(-0.5, 0.5)
        axes.set_aspect("equal")
        axes.set_axis_off()

    for name, color, label in (("axial", COLORS[0], "S11 under E11"), ("shear", COLORS[1], "S12 under E12")):
        for kind, style in (("composite", "-"), ("linear", ":"), ("matrix", "--")):
            curve = result.curves[f"cell_{name}_{kind}"]
            text = label if kind == "composite" else None
            curves.plot(100 * np.array(curve.x), curve.y, color=color, linestyle=style, marker="", label=text)
    curves.set_title("homogenised law")
    curves.set_xlabel("macro strain (%)")
    curves.set_ylabel("macro stress (MPa)")
    handles, _ = curves.get_legend_handles_labels()
    handles += [
        Line2D([], [], color=MUTED, linestyle=":", marker="", label="linear composite"),
        Line2D([], [], color=MUTED, linestyle="--", marker="", label="matrix alone"),
    ]
    curves.legend(handles=handles)

    grid[1, 1].remove()
    space: Any = figure.add_subplot(2, 2, 4, projection="3d")
    looks: dict[str, dict[str, Any]] = {
        "unused": {"color": MUTED, "s": 4, "alpha": 0.45, "linewidths": 0},
        "used": {"cmap": _FIELD_MAP, "s": 14, "linewidths": 0.2, "edgecolors": INK},
    }
    for kind, look in looks.items():
        plane, shear = (result.curves[f"database_{kind}_{what}"] for what in ("plane", "shear"))
        colors = {"c": shear.y} if kind == "used" else {}
        points = space.scatter(
            *(100 * np.array(values) for values in (plane.x, plane.y, shear.x)),
            depthshade=False,
            **look,
            **colors,
        )
    figure.colorbar(points, ax=space, label="von Mises stress (MPa)", shrink=0.75, pad=0.1)
    space.set_title("strains of the data base", loc="left")
    space.set_box_aspect((1, 1, 0.8), zoom=1.05)
    space.set_xlabel("E11 (%)")
    space.set_ylabel("E22 (%)")
    space.set_zlabel("E12 (%)")
    space.view_init(elev=22, azim=-58)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
        axis.set_major_locator(MaxNLocator(4))
        axis._axinfo["grid"]["color"] = RULE
    return figure


def _tiles(structure: mechanics.Structure) -> Any:
    """Return a quadrilateral (4, 2) around each integration point: a third of its element each way."""
    corners = structure.nodes[structure.cells]  # counter-clockwise from the local origin
    low = np.floor(3 * np.asarray(structure.basis.X)).T / 3  # local coordinates in [0, 1]^2
    local = low[:, None, :] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) / 3
    s, t = local[..., 0], local[..., 1]
    shape = np.stack([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t], axis=-1)
    return np.einsum("qvn,enk->eqvk", shape, corners).reshape(-1, 4, 2)


class _Map:
    """The beam's elements as a picture."""

    def __init__(self, result: Result) -> None:
        centres = result.curves["element_centres"]
        x, y = np.array(centres.x), np.array(centres.y)
        self.size = float(np.min(np.diff(np.unique(x.round(6)))))
        self.column = np.floor(x / self.size).astype(int)
        self.row = np.floor(y / self.size).astype(int)

    def draw(self, axes: Any, values: Any, **options: Any) -> Any:
        count = self.column.max() + 1
        picture = np.full((count, count), np.nan)
        picture[self.row, self.column] = values
        edges = self.size * np.arange(count + 1)
        drawn = axes.pcolormesh(edges, edges, picture, edgecolors="face", lw=0.2, **options)
        axes.set_aspect("equal")
        axes.set_axis_off()
        return drawn


def _draw_fields(result: Result) -> Figure:
    shown = [pair for pair in _shown(result, "mises_") if f"wrong_at_{'_'.join(pair)}" in result.curves]
    method = shown[0][0]
    names = ["reference", "classical", f"{method}_raw", f"{method}_zne"]
    titles = ["Newton, smooth law", "data-driven, exact", f"{method}, raw", f"{method}, ZNE"]
    fields = [np.array(result.curves[f"mises_{name}"].y) for name in names]
    figure, grid = new_figure(
        "Von Mises stress in the beam (clamped at the top, pulled down at the right end), and what each "
        f"solution differs by from the one that it should be; searches by circuits: {_setting(result)}.",
        rows=2,
        columns=4,
        width=_WIDE,
        height=6.2,
    )
    picture = _Map(result)
    largest = max(field.max() for field in fields)
    for axes, title, field in zip(grid[0], titles, fields, strict=True):
        top = picture.draw(axes, field, cmap=_FIELD_MAP, vmin=0.0, vmax=largest)
        axes.set_title(title)
    figure.colorbar(top, ax=grid[0].tolist(), label="von Mises (MPa)", shrink=0.85, aspect=18)
    differences = [fields[1] - fields[0], fields[2] - fields[1], fields[3] - fields[1]]
    wide = max(np.abs(difference).max() for difference in differences) or 1.0
    _draw_load(grid[1, 0], picture, result.config["total_force"])
    words = ["exact − Newton", "raw − exact", "ZNE − exact"]
    for axes, title, field in zip(grid[1, 1:], words, differences, strict=True):
        bottom = picture.draw(axes, field, cmap=_DIFFERENCE_MAP, vmin=-wide, vmax=wide)
        axes.set_title(title)
    figure.colorbar(bottom, ax=grid[1].tolist(), label="difference (MPa)", shrink=0.85, aspect=18)
    return figure


def _draw_load(axes: Any, picture: _Map, total_force: float) -> None:
    """Sketch mesh, clamp and load."""
    size, high = picture.size, picture.size * (picture.column.max() + 1)
    width = size * (picture.column[picture.row == picture.row.max()].max() + 1)
    corners = np.stack([picture.column, picture.row], axis=-1)[:, None, :] + [[0, 0], [1, 0], [1, 1], [0, 1]]
    axes.add_collection(
        PolyCollection(list(size * corners), facecolors="none", edgecolors=MUTED, linewidths=0.6)
    )
    axes.fill_between([0, width], high, high + 6, facecolor="none", edgecolor=INK, hatch="////", linewidth=0)
    axes.plot([0, width], [high, high], color=INK, linewidth=2, marker="")
    for y in np.linspace(0.1, 0.9, 4) * width:
        axes.annotate(
            "",
            (high + 5, y - 6),
            (high + 5, y + 6),
            arrowprops={"arrowstyle": "-|>", "color": COLORS[1], "linewidth": 1.4},
        )
    axes.text(high + 5, 1.14 * width, f"{total_force:g} N", color=COLORS[1], ha="center")
    axes.set_xlim(0, high + 14)
    axes.set_ylim(-4, high + 7)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _setting(result: Result) -> str:
    """Return what the noisy solutions that maps show were made with."""
    shots, translation = min(result.config["shots"]), result.config["translation"][0]
    how = shots_words(shots) + (" (first run)" if shots else "")
    return f"{how}, p2 = {_lead(result)}, {TRANSLATIONS[translation]}"


def _draw_where(result: Result) -> Figure:
    shown = _shown(result, "wrong_at_")
    figure, grid = new_figure(
        f"Where in the beam neighbours go wrong: share of the searches of each element, {_setting(result)}.",
        columns=len(shown),
        width=_WIDE,
        height=3.3,
        squeeze=False,
    )
    picture = _Map(result)
    fields = [100 * np.array(result.curves[f"wrong_at_{'_'.join(pair)}"].y) for pair in shown]
    largest = max(1.0, *(field.max() for field in fields))
    for axes, (method, mitigation), field in zip(grid[0], shown, fields, strict=True):
        drawn = picture.draw(axes, field, cmap=_WRONG_MAP, vmin=0.0, vmax=largest)
        axes.set_title(f"{method}, {_WORDS[mitigation]}: {field.mean():.2g} %")
    figure.colorbar(drawn, ax=grid[0].tolist(), label="wrong neighbours (%)", shrink=0.9, aspect=18)
    return figure


def _shots(result: Result) -> list[int]:
    """Return the shots in the order of the figures: exact probabilities last."""
    shots = result.config["shots"]
    return [number for number in shots if number] + [number for number in shots if not number]


def _shot_words(number: int) -> str:
    return f"{number:,}" if number else "exact"


def _errors(result: Result) -> list[str]:
    names = [name for name in result.curves if name.startswith("wrong_against_shots_")]
    return list(dict.fromkeys(name.rpartition("_p")[2] for name in names))


def _draw_wrong(result: Result) -> Figure:
    errors, translations = _errors(result), result.config["translation"]
    figure, grid = new_figure(
        "Wrong neighbours against shots, by two-qubit error p2 (columns) and translation (rows); dashed: "
        "raw, solid: after zero-noise extrapolation. Mitigation helps where the solid line is below.",
        rows=len(translations),
        columns=len(errors),
        width=_WIDE if len(errors) > 1 else 5.6,
        height=0.9 + 2.7 * len(translations),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    ticks = [_shot_words(number) for number in _shots(result)]
    for row, translation in zip(grid, translations, strict=True):
        for axes, error in zip(row, errors, strict=True):
            for method in result.config["methods"]:
                for mitigation, style in _STYLES.items():
                    curve = result.curves[f"wrong_against_shots_{method}_{mitigation}_{translation}_p{error}"]
                    color, marker = _METHOD_COLORS[method], MARKERS[list(_METHOD_COLORS).index(method)]
                    draw_curve(
                        axes,
                        curve,
                        label=f"{method}, {_WORDS[mitigation]}",
                        color=color,
                        marker=marker,
                        markersize=7,
                        **style,
                    )
            axes.set_title(f"p2 = {error}, {TRANSLATIONS[translation]}")
            axes.set_xlabel("")
            axes.set_ylabel("")
            axes.set_xticks(range(len(ticks)), ticks)
            axes.margins(x=0.12)
            axes.set_ylim(bottom=-0.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    for axes in grid[-1]:
        axes.set_xlabel("shots per circuit")
    for axes in grid[:, 0]:
        axes.set_ylabel("wrong neighbours")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_iterations(result: Result) -> Figure:
    method, shots = result.config["methods"][-1], _shots(result)
    lead = _lead(result)
    figure, grid = new_figure(
        f"Penalty and fraction of points that change against the iteration, {method} circuits at "
        f"p2 = {lead}; grey: exact search.",
        rows=2,
        columns=len(shots),
        width=_WIDE if len(shots) > 1 else 5.6,
        height=5.6,
        sharex="col",
        sharey="row",
        squeeze=False,
    )
    for column, number in enumerate(shots):
        tag = f"{number}_shots" if number else "exact"
        for row, what in enumerate(("penalty", "changed")):
            axes = grid[row, column]
            classical = result.curves[f"{what}_classical"]
            axes.plot(
                classical.x,
                classical.y,
                color=COLORS[5],
                marker="s",
                linewidth=3,
                alpha=0.6,
                label="exact search",
            )
            for mitigation, color in (("raw", COLORS[1]), ("zne", COLORS[0])):
                for translation in result.config["translation"]:
                    curve = result.curves[f"{what}_{method}_{mitigation}_{translation}_p{lead}_{tag}"]
                    axes.plot(
                        curve.x,
                        curve.y,
                        color=color,
                        linestyle="-" if translation == "none" else "--",
                        marker="o" if translation == "none" else "^",
                        markersize=4,
                        label=f"{_WORDS[mitigation]}, {TRANSLATIONS[translation]}",
                    )
        grid[0, column].set_title(shots_words(number))
        label_decades(grid[0, column])
        grid[1, column].set_xlabel("iteration")
        grid[1, column].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        grid[1, column].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    grid[0, 0].set_ylabel(result.curves["penalty_classical"].y_label)
    grid[1, 0].set_ylabel("points that change")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _lead(result: Result) -> str:
    """Return the error rate whose histories a result holds, as it is written in names."""
    start = f"penalty_{result.config['methods'][-1]}_raw_{result.config['translation'][0]}_p"
    name = next(name for name in result.curves if name.startswith(start))
    return name.removeprefix(start).partition("_")[0]


def _draw_convergence(result: Result) -> Figure:
    figure, axes = new_figure(
        "Error of the classical data-driven solution against the size of the data base; dotted: N^(-1/3). "
        "Other local solutions may have a smaller error; they are not what the exact search finds from zero."
    )
    for field, color in (("strain", COLORS[0]), ("stress", COLORS[1])):
        curve: Curve = result.curves[f"{field}_error"]
        slope = result.metrics[f"{field}_error_slope"].value
        draw_curve(axes, curve, label=f"{field}, slope {slope:.2f}".replace("-", "−"), color=color)
    n = np.array(result.curves["strain_error"].x)
    middle = np.sqrt(np.prod([result.curves[f"{field}_error"].y[0] for field in ("strain", "stress")]))
    axes.plot(n, middle * (n / n[0]) ** (-1 / 3), color=MUTED, linestyle=":", marker="", label="slope −1/3")
    axes.set_xscale("log")
    label_decades(axes)
    axes.legend()
    return figure
