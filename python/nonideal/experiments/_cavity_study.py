"""The refinement study of flow-cavity: the classical values at Re 1000, confirmed by meshes of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Runner, Table
from nonideal.physics import flow

__all__ = ["RE", "Limit", "Study", "refine_cavity"]

RE = 1000.0

#: Squares along each side; each mesh halves the cells of the one before, so that orders can be seen.
MESHES = {"quick": (24, 48, 96), "full": (24, 48, 96, 192)}

#: Quantity -> value: O. Botella and R. Peyret, Computers and Fluids 27, 421-433 (1998), Chebyshev polynomials
#: with the corners' singularities subtracted; their signs turned to a lid that moves to the right.
PUBLISHED: Mapping[str, float] = {
    "u(0.5, 0.0547)": -0.1812881,
    "u(0.5, 0.1719)": -0.3885691,
    "lowest u on x = 1/2": -0.3885698,
    "highest v on y = 1/2": 0.3769447,
    "lowest v on y = 1/2": -0.5270771,
}

_LINE_POINTS = 8001
_ORDERS = (1.0, 4.0)  # what functionals of quadratic velocities may have, with and without singular corners


def refine_cavity(shard: Mapping[str, Any]) -> dict[str, float]:
    """Solve the cavity with one lid; return the quantities of the study on this mesh."""
    problem = flow.cases.two_lid_cavity(shard["n"], solver=shard["solver"])
    problem.parameters = None  # the Reynolds number is outside the usual box
    solution = problem.solve({"Re": shard["re"], "a": 0.0})
    line = np.linspace(0.0, 1.0, _LINE_POINTS)
    middle = np.full_like(line, 0.5)
    u = solution.at(np.stack([middle, line], axis=1))[0][:, 0]
    v = solution.at(np.stack([line, middle], axis=1))[0][:, 1]
    points = solution.at([[0.5, 0.0547], [0.5, 0.1719]])[0][:, 0]
    values = (*points, u.min(), v.max(), v.min())
    return {
        "n_dof": problem.n_dof,
        **{name: float(value) for name, value in zip(PUBLISHED, values, strict=True)},
    }


class Limit(NamedTuple):
    """What values on ever finer meshes tend to.

    Parameters
    ----------
    value : float
        Extrapolated where an order is seen, else the finest mesh's.
    error : float
        The last change: where an order is seen, more than what is left.
    order : float or None
        Of the last two changes; None where they differ in sign or the order is not one of these elements.
    """

    value: float
    error: float
    order: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Limit:
        """Return the limit of values whose meshes are halved from one to the next.

        Examples
        --------
        >>> from nonideal.experiments._cavity_study import Limit
        >>> Limit.of([1 + 0.25**k for k in range(3)])  # an error that falls by four tends to 1
        Limit(value=1.0, error=0.1875, order=2.0)
        >>> Limit.of([1.0, 3.0, 2.0])
        Limit(value=2.0, error=1.0, order=None)
        """
        *_, first, second, last = values
        before, after = second - first, last - second
        ratio = before / after if after else 0.0
        order = float(np.log2(ratio)) if ratio > 0 else 0.0
        if not _ORDERS[0] <= order <= _ORDERS[1]:
            return cls(last, abs(after), None)
        return cls(last + after / (ratio - 1), abs(after), order)


@dataclass(frozen=True)
class Study:
    """Values on several meshes.

    Parameters
    ----------
    meshes : tuple of int
        Squares along each side.
    parts : list of mapping
        Results of `refine_cavity`.
    """

    meshes: tuple[int, ...]
    parts: list[Mapping[str, Any]]

    @classmethod
    def run(cls, scale: str, solver: str, runner: Runner) -> Study:
        """Solve on the meshes of a scale."""
        shards = [{"n": n, "re": RE, "solver": solver} for n in MESHES[scale]]
        return cls(MESHES[scale], runner.map(refine_cavity, shards, label="refinement"))

    def limits(self) -> dict[str, Limit]:
        """Return what each quantity tends to."""
        return {name: Limit.of([float(part[name]) for part in self.parts]) for name in PUBLISHED}

    def largest_difference(self) -> float:
        """Return the largest relative difference of a limit from the published value."""
        return max(abs(limit.value / PUBLISHED[name] - 1) for name, limit in self.limits().items())

    def metrics(self) -> dict[str, Estimate]:
        """Return the limits, and how far they are from the published values."""
        keys = ("u_0.0547", "u_0.1719", "lowest_u", "highest_v", "lowest_v")
        found = {
            f"limit_{key}": Estimate.exact(limit.value)
            for key, limit in zip(keys, self.limits().values(), strict=True)
        }
        return {**found, "limit_largest_difference": Estimate.exact(self.largest_difference())}

    def table(self) -> Table:
        """Return the values, orders and limits beside the published ones."""
        rows = []
        for name, limit in self.limits().items():
            order = None if limit.order is None else f"{limit.order:.1f}"
            rows.append(
                (
                    name,
                    *(f"{part[name]:.7f}" for part in self.parts),
                    order,
                    f"{limit.value:.7f}",
                    f"{limit.error:.1e}",
                    f"{PUBLISHED[name]:.7f}",
                    f"{limit.value - PUBLISHED[name]:+.1e}",
                )
            )
        heads = (
            "quantity",
            *(f"n = {n}" for n in self.meshes),
            "order seen",
            "limit",
            "its error",
            "Botella and Peyret",
            "difference",
        )
        note = (
            "Singular lid, bottom at rest. Where the last changes show an order from 1 to 4, the limit is "
            "extrapolated with it; else it is the finest mesh's value. Its error is the last change. Points "
            "lie elsewhere in their cells on each mesh, so few quantities show an order."
        )
        return Table(f"Refinement at Re {RE:g}", heads, tuple(rows), note)
