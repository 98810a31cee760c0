"""Artificial snapshots of a flow: what each kind adds to a reduced basis, and what it costs.

Few solutions of the Navier-Stokes equations train a reduced basis; pairs of them make artificial snapshots
that are linear combinations, conserve mass alone, or solve Oseen's equations. Errors at unseen parameters are
compared at equal numbers of modes and against the number of linear solves that the training cost.

Full scale takes the cavity on 66 x 66 squares, and the cavity up to Re 1000, the jet, the cylinder and the
step in a table of their own: about 5 minutes of CPU.

Source of the idea: A. Muixi, S. Zlotnik, M. Giacomini, P. Diez, arXiv 2312.14756. Its test cases and formulas
were not to be had in full: the mass-only methods are reconstructions, the flows are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import (
    Comparison,
    Grid,
    Result,
    Runner,
    Table,
    make_result,
    option,
)
from nonideal.experiments._augment_curves import curves
from nonideal.experiments._augment_study import METHODS, Row, Study, case_rows, gain
from nonideal.experiments._augment_tables import (
    agreement,
    case_table,
    cost_table,
    error_table,
    figure,
    losses,
    losses_table,
    merge_table,
    modes_table,
    reference_table,
)
from nonideal.experiments._flow_cases import CASES, ranges_of, training_set
from nonideal.experiments._flow_options import FlowConfig
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import MASS_ONLY
from nonideal.physics.flow.offline import INNER, MERGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Does an artificial snapshot that respects momentum buy accuracy more cheaply than a real one?"
QUICK_TIME = "25 s"
EXTRAS: tuple[str, ...] = ()

#: Training sets of the curve of error against cost, by the number of parameters; the last and largest one
#: without artificial snapshots.
_PLAIN_SETS = {2: ("2x2", "2x2+centre", "3x3", "4x4", "5x5"), 1: ("2", "3", "4", "5", "7")}

_PLANE = tuple(name for name, case in CASES.items() if case.dim == 2)

#: Further flows, and the methods that are compared on them.
FURTHER: Mapping[str, Mapping[str, Any]] = {
    "two-lid-1000": {"case": "two-lid", "re": "100:1000"},
    "jet": {"case": "jet", "re": None},
    "cylinder": {"case": "cylinder", "re": None},
    "step": {"case": "step", "re": None},
}
_QUICK_FURTHER = ("jet", "cylinder", "step")
_CASE_METHODS = ("none", *MASS_ONLY, "oseen", "navier_stokes")

#: Methods whose errors are single figures of the page; all are in the tables.
_LEADS = ("none", "oseen", "navier_stokes")


@dataclass(frozen=True, kw_only=True)
class Config(FlowConfig):
    """Options of the experiment."""

    case: str = option("two-lid", help="which flow", choices=_PLANE)
    mesh: int | None = option(
        None,
        help="cells across; 20 (two-lid) or 8 at quick scale, 66 or 16 at full scale",
        minimum=2,
        maximum=200,
    )
    re: Grid | None = option(
        None,
        help="range of the Reynolds number; the case's own unless given, 100:400 for two-lid",
        above=0,
        maximum=5000,
    )
    train: tuple[str, ...] = option(
        "2x2,3x3", help="training sets: grids of parameters, perhaps with +centre"
    )
    methods: tuple[str, ...] = option(
        tuple(METHODS), help="how artificial snapshots are made", choices=tuple(METHODS)
    )
    pairs: str = option("all", help="which snapshots are combined", choices=("all", "neighbours"))
    weights: tuple[float, ...] = option(
        "0.5", help="weights of the second snapshot of a pair", above=0, below=1
    )
    picard_steps: int = option(1, help="Oseen solves for each artificial snapshot", minimum=1, maximum=20)
    merge: tuple[str, ...] = option(
        "concatenate,nested",
        help="how artificial snapshots join; the second way is shown for Oseen alone",
        choices=MERGES,
    )
    inner: str = option("l2", help="inner product of the decomposition", choices=INNER)
    test: str = option(
        "reference", help="test points: the 12 reference ones, or a number drawn with the seed"
    )
    modes: str = option(
        "auto",
        help="numbers of modes, a,b,...; auto: 2,4,6,8 (4 snapshots), 4,9,16,25,36 (9), else around theirs",
    )
    also: tuple[str, ...] = option(
        "auto",
        help="further flows, in a table of their own; auto: jet, cylinder and step, at full scale all",
        choices=("auto", "none", *FURTHER),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train", "methods", "weights", "merge"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        space = flow.ParameterSpace(**{name: (low, high) for name, (low, high) in self.ranges.items()})
        for text in self.train:
            training_set("train", text, space)
        if "none" not in self.methods:
            object.__setattr__(self, "methods", ("none", *self.methods))
        if self.test != "reference" and not (self.test.isdecimal() and 2 <= int(self.test) <= 1000):
            raise InvalidArgument(f"test = {self.test!r} is neither 'reference' nor a number in [2, 1000]")
        numbers = self.modes.split(",")
        if self.modes != "auto" and not all(text.isdecimal() and int(text) > 0 for text in numbers):
            raise InvalidArgument(f"modes = {self.modes!r} is neither 'auto' nor numbers of modes >= 1")

    @property
    def further(self) -> dict[str, Config]:
        """Options of the further flows, by name."""
        names = self.also
        if names == ("auto",):
            names = tuple(FURTHER) if self.scale == "full" else _QUICK_FURTHER
        methods = tuple(name for name in _CASE_METHODS if name in self.methods)
        return {
            name: replace(
                self, **FURTHER[name], mesh=None, methods=methods, merge=self.merge[:1], also=("none",)
            )
            for name in names
            if name in FURTHER and (FURTHER[name]["case"], FURTHER[name]["re"]) != (self.case, None)
        }

    @property
    def ranges(self) -> dict[str, list[float]]:
        """The box of parameters."""
        return ranges_of(self.case, re=self.re)

    @property
    def n(self) -> int:
        """Cells across."""
        return CASES[self.case].mesh[self.scale] if self.mesh is None else self.mesh

    @property
    def shard(self) -> dict[str, Any]:
        """What a shard needs to build the problem."""
        return {"case": self.case, "mesh": self.n, "ranges": self.ranges, "solver": self.solver}

    @property
    def mode_numbers(self) -> list[int] | None:
        """Numbers of modes; None: as usual."""
        return None if self.modes == "auto" else [int(text) for text in self.modes.split(",")]

    @property
    def plain_sets(self) -> tuple[str, ...]:
        """Training sets of the curve of error against cost."""
        return _PLAIN_SETS[len(self.ranges)]

    @property
    def range_text(self) -> str:
        """The range of the Reynolds number, low:high; empty where it is no parameter."""
        return ":".join(f"{end:g}" for end in self.ranges.get("Re", ()))

    @property
    def is_reference(self) -> bool:
        """Whether the known figures were made with these options."""
        return (self.case, self.n, self.test, self.pairs) == ("two-lid", 20, "reference", "all") and (
            self.weights,
            self.picard_steps,
            self.inner,
        ) == ((0.5,), 1, "l2")


def run(config: Config, runner: Runner | None = None) -> Result:
    """Solve at training and test parameters, make artificial snapshots, and compare reduced bases.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, the fields of one pair go there as VTU files.

    Returns
    -------
    Result
        Errors of every training set and method against modes and cost, and where Oseen's snapshots lose.
    """
    config = config.with_seed()
    runner = runner or Runner()
    study = Study(config, runner)
    rows = study.rows()
    tables: dict[str, Table] = {"losses": losses_table(config, rows)}
    further = {name: case_rows(options, runner) for name, options in config.further.items()}
    if further:
        tables["cases"] = case_table({_label(config): rows, **further}, config.merge[0])
    tables |= {f"errors_{train}": error_table(config, rows, train) for train in config.train}
    tables["cost"] = cost_table(config, rows)
    for name, table in (("merge", merge_table(config, rows)), ("reference", reference_table(config, rows))):
        if table is not None:
            tables[name] = table
    tables["error_vs_modes"] = modes_table(rows)
    return make_result(
        __name__,
        config,
        answer=_answer(config, rows, further),
        metrics=_metrics(config, rows),
        curves=curves(study, rows),
        comparison=_comparison(config, rows),
        tables=tables,
        limits=_limits(config),
    )


def _label(config: Config) -> str:
    return f"{config.case} {config.range_text}".strip()


def _find(config: Config, rows: Sequence[Row], train: str, method: str) -> Row | None:
    for row in rows:
        if (row.train, row.method, row.merge) == (train, method, config.merge[0]):
            return row
    return None


def _metrics(config: Config, rows: Sequence[Row]) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for row in rows:
        if row.merge == config.merge[0] and row.train in config.train and row.method in _LEADS:
            errors = 100 * row.errors()
            found[f"error_{row.train}_{row.method}"] = Estimate.from_samples(errors.tolist(), unit="%")
    for train in config.train:
        plain, oseen = (_find(config, rows, train, method) for method in ("none", "oseen"))
        if plain is None or oseen is None:
            continue
        same = oseen.errors(plain.rank)
        if same is not None:
            found[f"gain_equal_modes_{train}"] = gain(plain.errors(plain.rank), same)
        found[f"gain_all_modes_{train}"] = gain(plain.errors(), oseen.errors())
    known = agreement(config, rows)
    if known:
        off = [abs(now / then - 1) / within for _, _, _, then, now, within in known]
        found["known_figures"] = Estimate.exact(len(known))
        found["known_figures_within_tolerance"] = Estimate.exact(int(np.sum(np.array(off) <= 1)))
    return found


def _answer(config: Config, rows: Sequence[Row], further: Mapping[str, Sequence[Row]]) -> str:
    parts = []
    for train in config.train:
        plain, oseen = (_find(config, rows, train, method) for method in ("none", "oseen"))
        if plain is None or oseen is None:
            continue
        k = plain.rank
        before, same = plain.errors(k), oseen.errors(k)
        text = f"{train}: {oseen.cost - plain.cost} more linear solves than {plain.cost} "
        if same is not None:
            text += (
                f"take the mean error with {k} modes from {figure(100 * before.mean())} to "
                f"{figure(100 * same.mean())} %, and "
            )
        text += f"with all {oseen.rank} modes to {figure(100 * oseen.errors().mean())} %"
        parts.append(text)
    if not parts:
        return "Oseen's snapshots were not asked for (--methods oseen,...); the tables compare what was."
    lost = list(losses(config, rows))
    equal = sum(why.startswith("plain snapshots, equal modes: mean") for why, *_ in lost)
    cheaper = [(row, other) for why, row, _, other in lost if why.startswith("a few more")]
    gains = [
        gain(plain.errors(), oseen.errors()).value
        for train in config.train
        if (plain := _find(config, rows, train, "none")) and (oseen := _find(config, rows, train, "oseen"))
    ]
    verdict = "Yes" if all(value > 1 for value in gains) and not cheaper else "Mostly"
    if not any(value > 1 for value in gains):
        verdict = "No"
    text = f"{verdict}, in the {CASES[config.case].words}: {'; '.join(parts)}"
    if cheaper:
        row, other = cheaper[0]
        text += (
            f"; but Oseen from {row.train} ({row.cost} solves, {figure(100 * row.errors().mean())} %) loses "
            f"to the plain set {other.train} ({other.cost} solves, {figure(100 * other.errors().mean())} %)"
        )
    if equal:
        text += f"; at equal numbers of modes plain snapshots are better in {equal} place{'s' * (equal > 1)}"
    return f"{text}.{_elsewhere(config, further)}"


def _elsewhere(config: Config, further: Mapping[str, Sequence[Row]]) -> str:
    """Return where Oseen's snapshots do not pay in further flows."""
    worse: dict[str, list[str]] = {"at equal numbers of modes": [], "with all modes": []}
    count = 0
    for name, rows in further.items():
        for train in config.train:
            plain, oseen = (_find(config, rows, train, method) for method in ("none", "oseen"))
            if plain is None or oseen is None:
                continue
            count += 1
            same = oseen.errors(plain.rank)
            if same is not None and same.mean() > plain.errors().mean():
                worse["at equal numbers of modes"].append(f"{name} {train}")
            if oseen.errors().mean() > plain.errors().mean():
                worse["with all modes"].append(f"{name} {train}")
    if not count:
        return ""
    parts = [f"{how} in {', '.join(names)}" for how, names in worse.items() if names]
    if not parts:
        return f" In {count} more settings of other flows they always help."
    return f" In {count} more settings of other flows they make it worse {' and '.join(parts)}."


def _comparison(config: Config, rows: Sequence[Row]) -> list[Comparison]:
    source = "arXiv 2312.14756, abstract"
    found = []
    for train in config.train:
        plain = _find(config, rows, train, "none")
        if plain is None:
            continue
        k = plain.rank
        mass = [row for method in MASS_ONLY if (row := _find(config, rows, train, method))]
        if mass:
            same = [gain(plain.errors(k), row.errors(k)).value for row in mass if row.errors(k) is not None]
            full = [gain(plain.errors(), row.errors()).value for row in mass]
            found.append(
                Comparison(
                    f"mass-only snapshots, {train}",
                    f"no significant added value beyond linear combinations ({source})",
                    f"error falls by a factor {_span(same)} with {k} modes, {_span(full)} with all",
                    "three reconstructions of a combination whose formula we do not have: with few modes "
                    "they take them for directions that matter less, with all they may add some",
                )
            )
        oseen = _find(config, rows, train, "oseen")
        if oseen is not None and oseen.errors(k) is not None:
            found.append(
                Comparison(
                    f"Oseen snapshots, {train}",
                    f"improve the basis ({source})",
                    f"error falls by a factor {gain(plain.errors(k), oseen.errors(k)).value:.2g} with {k} "
                    f"modes, {gain(plain.errors(), oseen.errors()).value:.2g} with all",
                    "agrees in sign; the published sizes are for other flows and were not to be had",
                )
            )
    order = _ordering(config, rows)
    if order:
        found.append(
            Comparison(
                "order of the methods",
                f"Oseen before mass-only and linear ({source})",
                order,
                "by the mean error with as many modes as solutions",
            )
        )
    return found


def _ordering(config: Config, rows: Sequence[Row]) -> str:
    texts = []
    for train in config.train:
        plain = _find(config, rows, train, "none")
        if plain is None:
            continue
        kept = [
            row
            for method in ("linear", *MASS_ONLY, "oseen", "navier_stokes")
            if (row := _find(config, rows, train, method)) and row.errors(plain.rank) is not None
        ]
        kept.sort(key=lambda row: float(row.errors(plain.rank).mean()))
        names = [
            f"{METHODS[row.method].words} {figure(100 * row.errors(plain.rank).mean())} %" for row in kept
        ]
        if names:
            texts.append(f"{train}: {', '.join(names)}")
    return "; ".join(texts)


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values, default=0):.2g}", f"{max(values, default=0):.2g}"
    return low if low == high else f"{low}–{high}"


def _limits(config: Config) -> list[str]:
    count = 12 if config.test == "reference" else int(config.test)
    return [
        f"One mesh, one flow and {count} test points: factors are trends, not constants.",
        "Mass-only methods are reconstructions: the published average's formula was not to be had.",
        "Errors are against the same mesh's own solutions: the mesh's error is not in them.",
        "A linear solve counts one whatever it costs; decompositions and reduced operators are not counted.",
        (
            "Galerkin solutions can be several times worse than the best approximation in their space; both "
            "are given, and more modes are not always better."
        ),
    ]


def figures(result: Result) -> dict[str, Figure]:
    """Draw errors against cost and modes, singular values, the error's map, and the fields of one pair."""
    from nonideal.experiments._augment_figures import draw

    return draw(result, Config.from_dict(result.config))
