"""Whether two problems are the same: mesh, prescribed nodes, and their data at a few parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.boundary import words

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["Fingerprint"]

#: Relative difference of data that another machine's functions may leave.
_ROUNDING = 1e-9

#: Parameters at which data are compared.
_PLACES = 3

# Irrational, so that neither places in the box nor weights of entries repeat.
_STEPS = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])


@dataclass(frozen=True)
class Fingerprint:
    """What tells a problem from another one.

    Data are functions of the user's, which cannot be compared but where they are evaluated: at three points
    inside the box of parameters, or of the snapshots' own where there is no box. Of boundary data and loads
    the length and two weighted sums are kept.

    Parameters
    ----------
    mesh, constrained : str
        Digests of the mesh and of the nodes where the velocity is prescribed.
    parameters : list of dict
        Where the data were evaluated.
    numbers : list of (list of float)
        Of the data at each of them.
    """

    mesh: str
    constrained: str
    parameters: list[dict[str, float]]
    numbers: list[list[float]]

    @classmethod
    def of(cls, problem: NavierStokes, own: Sequence[Mapping[str, float]]) -> Fingerprint:
        """Return a problem's fingerprint; ``own`` are the parameters of its snapshots."""
        places = _places(problem, own)
        return cls(
            _digest(problem.mesh.points, problem.mesh.cells),
            _digest(problem.constrained),
            places,
            [_numbers(problem, mu) for mu in places],
        )

    def differences(self, problem: NavierStokes) -> str:
        """Return what a problem differs in, as a message says it; nothing where it is the same."""
        if _digest(problem.mesh.points, problem.mesh.cells) != self.mesh:
            return "meshes differ"
        if _digest(problem.constrained) != self.constrained:
            return "boundary parts with prescribed velocity differ"
        for mu, expected in zip(self.parameters, self.numbers, strict=True):
            try:
                checked = mu if problem.parameters is None else problem.parameters.checked(mu)
                found = _numbers(problem, checked)
            except InvalidArgument as refusal:
                return f"parameters do not fit ({refusal})"
            for what, part in _PARTS.items():
                one, two = np.array(found[part]), np.array(expected[part])
                # The first of each is a length, of which weighted sums are no more than a multiple.
                if np.abs(one - two).max() > _ROUNDING * max(one[0], two[0]):
                    return f"{what} at {words(mu)} differ"
        return ""

    def text(self) -> str:
        """Return it as a file holds it."""
        return json.dumps([self.mesh, self.constrained, self.parameters, self.numbers])

    @classmethod
    def from_text(cls, text: str) -> Fingerprint:
        """Return what `text` wrote; a ValueError or TypeError where it is something else."""
        return cls(*json.loads(text))


#: Where the numbers of `_numbers` stand.
_PARTS = {"viscosities": slice(0, 1), "boundary data": slice(1, 4), "loads": slice(4, 7)}


def _places(problem: NavierStokes, own: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    space = problem.parameters
    if space is None:
        chosen = np.linspace(0, len(own) - 1, min(_PLACES, len(own))).round().astype(int)
        return [dict(own[index]) for index in chosen]
    low, high = space.bounds.T
    steps = np.resize(_STEPS, len(space.names))
    unit = np.modf(np.outer(np.arange(1, _PLACES + 1), steps))[0]
    return space.from_array(low + unit * (high - low))


def _numbers(problem: NavierStokes, mu: Mapping[str, float]) -> list[float]:
    setting = problem.setting(mu, flux=False)
    found = [setting.viscosity]
    for values in (setting.boundary.ravel(), setting.load.ravel()):
        found += [float(np.linalg.norm(values)), *(_weights(len(values)) @ values).tolist()]
    return found


def _weights(n: int) -> FloatArray:
    """Return two rows of weights of mean square one."""
    fractions = np.modf(np.outer(_STEPS[:2], np.arange(1, n + 1)))[0]
    return np.asarray(np.sqrt(12.0) * (fractions - 0.5))


def _digest(*arrays: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(np.shape(array)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
