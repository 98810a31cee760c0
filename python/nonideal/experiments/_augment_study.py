"""Training sets, artificial snapshots and errors of flow-augment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Runner
from nonideal.experiments._flow_cases import Mu, Solved, packed, solve_oseen, stacked, training_set
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import distinct

if TYPE_CHECKING:
    from nonideal.experiments.flow_augment import Config

__all__ = ["MERGED_TWICE", "METHODS", "Row", "Study", "case_rows", "gain", "mode_counts"]


@dataclass(frozen=True)
class Method:
    """How artificial snapshots are made.

    Parameters
    ----------
    words : str
        For figures and tables.
    base : str
        Method of `flow.augment`.
    changes : mapping
        Options that differ from the experiment's.
    viscosity : bool
        Average viscosities instead of parameters.
    """

    words: str
    base: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    viscosity: bool = False


METHODS: Mapping[str, Method] = {
    "none": Method("no augmentation", "none"),
    "linear": Method("linear", "linear"),
    "stream_product": Method("stream product", "stream_product"),
    "geometric_leray": Method("geometric mean + Leray", "geometric_leray"),
    "bracket": Method("bracket", "bracket"),
    "oseen": Method("Oseen", "oseen"),
    "oseen_geometric": Method("Oseen, convected by the geometric mean", "oseen", {"convecting": "geometric"}),
    "oseen_viscosity": Method("Oseen, viscosities averaged", "oseen", viscosity=True),
    "oseen_neighbours": Method("Oseen, neighbours", "oseen", {"pairs": "neighbours"}),
    "oseen_picard2": Method("Oseen, two steps", "oseen", {"picard_steps": 2}),
    "oseen_weights3": Method("Oseen, three weights", "oseen", {"weights": (0.25, 0.5, 0.75)}),
    "navier_stokes": Method("solutions at mid-points", "navier_stokes"),
}

#: Methods that are shown with both merges, where both are asked for.
MERGED_TWICE = ("oseen",)

#: Numbers of modes of the reference figures.
_MODES = {4: (2, 4, 6, 8), 9: (4, 9, 16, 25, 36)}


@dataclass(frozen=True, eq=False)
class Row:
    """Errors of one training set, method and merge."""

    train: str
    method: str
    merge: str
    validation: flow.Validation
    n_full: int
    n_artificial: int
    singular_values: Any

    def at(self, k: int) -> int | None:
        """Return the row of the validation with k modes."""
        return self.validation.n_modes.index(k) if k in self.validation.n_modes else None

    def errors(self, k: int | None = None) -> Any:
        """Return the errors with k modes, or with all, at each test point."""
        index = len(self.validation.n_modes) - 1 if k is None else self.at(k)
        return None if index is None else self.validation.errors[index]

    @property
    def rank(self) -> int:
        """All modes above the cut."""
        return self.validation.n_modes[-1]

    @property
    def cost(self) -> int:
        """Offline linear solves."""
        return self.validation.linear_solves


def mode_counts(n_s: int, asked: Sequence[int] | None, full: int, plain: int | None = None) -> list[int]:
    """Return the numbers of modes to look at: the reference's, those of the solutions alone, and all.

    ``plain`` is how many modes the ``n_s`` solutions have: fewer where some differ by their lifts alone.
    """
    usual = _MODES.get(n_s, (n_s // 2, n_s, 2 * n_s, 4 * n_s))
    wanted = set(usual if asked is None else asked) | {n_s if plain is None else plain, full}
    return sorted(k for k in wanted if 1 <= k <= full)


class Study:
    """Everything that is solved and compared.

    Parameters
    ----------
    config : Config
        Options.
    runner : Runner
        Where shards run.
    plain_sets : bool
        Whether the sets of the curve of error against cost are solved too.
    """

    def __init__(self, config: Config, runner: Runner, *, plain_sets: bool = True) -> None:
        self.config, self._runner, self.out = config, runner, runner.out
        self._shard = config.shard
        self.solved = Solved(runner, self._shard)
        self.problem = self.solved.problem
        assert self.problem.parameters is not None
        self.space: flow.ParameterSpace = self.problem.parameters
        self.tests = self._tests()
        self.sets = {
            name: training_set("train", name, self.space)
            for name in dict.fromkeys((*config.train, *(config.plain_sets if plain_sets else ())))
        }
        self.solved.add([mu for points in self.sets.values() for mu in points], "training snapshots")
        self.solved.add(self.tests, "test points")
        self._bases: dict[tuple[str, str, str], flow.ReducedBasis] = {}
        self._plain_rank: dict[str, int] = {}
        self.reference = [self.solved.solution(mu) for mu in self.tests]

    def _tests(self) -> list[Mu]:
        if self.config.test == "reference":
            return self.space.random(12, seed=7)
        return self.space.random(int(self.config.test), seed=self.config.seed or 0)

    def train(self, name: str) -> flow.Snapshots:
        """Return the solutions of a training set."""
        return self.solved.snapshots(self.sets[name])

    def artificial(self, train: str, method: str) -> flow.Snapshots | None:
        """Return the artificial snapshots of a training set."""
        about, snapshots = METHODS[method], self.train(train)
        if about.base == "none":
            return None
        options = {"pairs": self.config.pairs, "weights": self.config.weights, **about.changes}
        pairing = {"pairs": options["pairs"], "weights": options["weights"]}
        if about.base in ("stream_product", "bracket"):  # they do not depend on the weight
            pairing["weights"] = options["weights"][:1]
        if about.base == "navier_stokes":
            points = flow.augment(snapshots, method="linear", **pairing).parameters
            chosen = [points[index] for index in distinct(points, snapshots.parameters)]
            self.solved.add(chosen, "solutions at mid-points")
            return self.solved.snapshots(chosen, origin="navier_stokes")
        if about.base != "oseen":
            return flow.augment(snapshots, method=about.base, **pairing)
        return self._oseen_snapshots(snapshots, about, pairing, options)

    def _oseen_snapshots(
        self,
        snapshots: flow.Snapshots,
        about: Method,
        pairing: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> flow.Snapshots:
        """Do what `flow.augment` does with Oseen's equation, each solve a shard."""
        geometric = options.get("convecting") == "geometric"
        linear = flow.augment(snapshots, method="linear", **pairing)
        fields = flow.augment(snapshots, method="geometric_leray", **pairing) if geometric else linear
        steps = options.get("picard_steps", self.config.picard_steps)
        shards = [
            {
                **self._shard,
                "mu": mu,
                "viscosity": self._viscosity(snapshots, pair) if about.viscosity else None,
                "picard_steps": steps,
                "convecting": packed(column),
            }
            for mu, pair, column in zip(linear.parameters, linear.pairs, fields.velocity.T, strict=True)
        ]
        parts = self._runner.map(solve_oseen, shards, label="pairs")
        made = stacked(
            self.problem, parts, linear.parameters, origin=["oseen"] * len(parts), pairs=linear.pairs
        )
        made.shared = dict(fields.shared)
        return made

    def _viscosity(self, snapshots: flow.Snapshots, pair: Any) -> float:
        both = [self.problem.setting(snapshots.parameters[index]).viscosity for index in pair]
        return float(np.mean(both))

    def basis(self, train: str, method: str, merge: str) -> tuple[flow.ReducedBasis, int]:
        """Return a basis with all modes above the cut, and how many snapshots are artificial."""
        snapshots, extra = self.train(train), self.artificial(train, method)
        both = snapshots if extra is None else snapshots + extra
        basis = flow.ReducedBasis.fit(both, merge=merge, inner=self.config.inner)
        self._bases[train, method, merge] = basis
        return basis, 0 if extra is None else len(extra)

    def _plain(self, train: str) -> int:
        return flow.ReducedBasis.fit(self.train(train), inner=self.config.inner).n_modes

    def row(self, train: str, method: str, merge: str) -> Row:
        """Return the errors of a training set with a method."""
        basis, n_artificial = self.basis(train, method, merge)
        n_full = len(self.sets[train])
        if train not in self._plain_rank:
            self._plain_rank[train] = self._plain(train)
        plain = self._plain_rank[train]
        counts = mode_counts(n_full, self.config.mode_numbers, basis.n_modes, plain)
        found = flow.validate(
            basis,
            self.problem,
            self.tests,
            n_modes=counts,
            reference=self.reference,
            residuals=False,
            progress=False,
        )
        return Row(train, method, merge, found, n_full, n_artificial, basis.singular_values)

    def rows(self) -> list[Row]:
        """Return everything that is compared: asked sets and methods, and plain sets for their cost."""
        config = self.config
        found = []
        for train in config.train:
            for method in config.methods:
                merges = config.merge if method in MERGED_TWICE else config.merge[:1]
                found += [self.row(train, method, merge) for merge in merges]
        known = {(row.train, row.method) for row in found}
        wanted = [(train, "none") for train in config.plain_sets]
        wanted += [(train, "oseen") for train in config.plain_sets[:-1] if "oseen" in config.methods]
        found += [self.row(*pair, config.merge[0]) for pair in wanted if pair not in known]
        return found

    def map_errors(self, train: str, method: str, points: Sequence[Mu]) -> Any:
        """Return the errors of a basis with all modes at points that are solved."""
        basis = self._bases[train, method, self.config.merge[0]]
        exact = [self.solved.solution(mu) for mu in points]
        return flow.validate(
            basis, self.problem, points, reference=exact, residuals=False, progress=False
        ).errors[0]


def case_rows(config: Config, runner: Runner) -> list[Row]:
    """Return the rows of a further flow, without the plain sets of the curve of error against cost."""
    study = Study(config, runner, plain_sets=False)
    return [study.row(train, method, config.merge[0]) for train in config.train for method in config.methods]


def gain(before: Any, after: Any) -> Estimate:
    """Return by how much a mean error over the same points falls, a factor; its error by the jackknife."""
    n = len(before)
    ratio = float(np.mean(before) / np.mean(after))
    if n < 2:
        return Estimate.exact(ratio)
    left_out = np.array([np.mean(np.delete(before, i)) / np.mean(np.delete(after, i)) for i in range(n)])
    spread = float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)))
    return Estimate(ratio, spread, n)
