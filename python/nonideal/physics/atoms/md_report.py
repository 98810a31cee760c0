"""What `validate_md` found: numbers, curves, and a folder with figures."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.physics.atoms.drift import EnergyDrift
from nonideal.physics.atoms.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "MDReport"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A curve of the model and the reference's, on one axis.

    Parameters
    ----------
    x : (n,) float64
    x_label : str
        With its unit.
    model : (n,) float64
    reference : (n,) float64, or None where it has none
    y_label : str
        With its unit.
    """

    x: FloatArray
    x_label: str
    model: FloatArray
    reference: FloatArray | None
    y_label: str

    def draw(self, axes: Axes | None = None) -> Axes:
        """Draw both curves into matplotlib axes (default: of a new figure) and return them."""
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(layout="constrained").subplots()
        if self.reference is not None:
            axes.plot(self.x, self.reference, label="reference", marker="")
        axes.plot(self.x, self.model, label="model", linestyle="--", marker="")
        axes.set_xlabel(self.x_label)
        axes.set_ylabel(self.y_label)
        axes.legend()
        return axes


@dataclass(frozen=True, eq=False)
class MDReport:
    """A model's dynamics beside its reference's; what was not asked for, or has no meaning, is None.

    Parameters
    ----------
    seed : int
        It repeats the comparison.
    temperature : float, K
    timestep : float, fs
    ensemble : str
    bins : int
        Of g(r) and h(r): their errors depend on it.
    failure : str
        Why a simulation of the model ended early; empty where none did.
    trajectory : Trajectory
    reference_trajectory : Trajectory, optional
        None where the reference was frames.
    nve_trajectory : Trajectory, optional
        The model's without thermostat.
    stability_time : float, ps
        See `nonideal.physics.atoms.stability_time`; how far the simulation came where g(r) has no meaning.
    rdf_mae, rdf_floor : float, angstrom
        `nonideal.physics.atoms.rdf_mae` of the two, and of the reference's two halves: a model that is
        perfect shows about the latter, or less.
    hr_mae, hr_floor : float
        The same of the density of all distances up to 10 angstrom.
    diffusion, reference_diffusion : Estimate, m^2/s
    drift : EnergyDrift, meV/atom/ps
        Of the model, without thermostat.
    force_mae : float, eV/angstrom
        Mean absolute difference of force components on the reference's steps.
    curves : mapping of str to Comparison
        ``rdf``, ``distances``, ``msd``, ``vacf``, ``forces_Z`` for each atomic number Z.
    """

    seed: int
    temperature: float
    timestep: float
    ensemble: str
    bins: int
    failure: str
    trajectory: Trajectory
    reference_trajectory: Trajectory | None
    nve_trajectory: Trajectory | None
    stability_time: float
    rdf_mae: float | None = None
    rdf_floor: float | None = None
    hr_mae: float | None = None
    hr_floor: float | None = None
    diffusion: Estimate | None = None
    reference_diffusion: Estimate | None = None
    drift: EnergyDrift | None = None
    force_mae: float | None = None
    curves: Mapping[str, Comparison] = field(default_factory=lambda: MappingProxyType({}))

    def plus(self, curves: Mapping[str, Comparison] | None = None, **values: Any) -> MDReport:
        """Return the report with further values and curves."""
        return replace(self, **values, curves=MappingProxyType({**self.curves, **(curves or {})}))

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers in JSON's types."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Estimate):
                out[item.name] = {**value.as_dict(), "unit": value.unit}
                if isinstance(value, EnergyDrift):
                    out[item.name]["fluctuation"] = value.fluctuation
            elif not isinstance(value, Trajectory | Mapping):
                out[item.name] = value
        return out

    def __str__(self) -> str:
        rows = [
            ("RDF MAE", _beside(self.rdf_mae, self.rdf_floor, f"angstrom, {self.bins} bins")),
            ("h(r) MAE", _beside(self.hr_mae, self.hr_floor, f"{self.bins} bins")),
            ("force MAE", None if self.force_mae is None else f"{1e3 * self.force_mae:.1f} meV/angstrom"),
            ("diffusion", self.diffusion),
            ("  reference", self.reference_diffusion),
            ("drift", self.drift),
            ("stable for", f"{self.stability_time:g} ps"),
            ("failure", self.failure or None),
        ]
        return "\n".join(f"{name:<12}{value}" for name, value in rows if value is not None)

    def save(self, folder: str | os.PathLike[str], *, trajectories: bool = False) -> Path:
        """Write ``report.json``, ``curves.npz`` and a figure for each curve, and return the folder.

        Parameters
        ----------
        folder : path
            Made where it is missing; files of these names are replaced.
        trajectories : bool
            The trajectories, too.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InvalidArgument(f"folder = {folder} is a file")
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_dict(), indent=2, allow_nan=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        arrays: dict[str, Any] = {}
        for name, curve in self.curves.items():
            for part in ("x", "model", "reference"):
                if (values := getattr(curve, part)) is not None:
                    arrays[f"{name}_{part}"] = values
            curve.draw().figure.savefig(folder / f"{name}.svg")  # type: ignore[union-attr]
        with (folder / "curves.npz").open("wb") as file:
            np.savez_compressed(file, **arrays)
        if self.nve_trajectory is not None:
            self.draw_energy().figure.savefig(folder / "energy.svg")  # type: ignore[union-attr]
        if trajectories:
            self.trajectory.save(folder / "model.npz")
            if self.reference_trajectory is not None:
                self.reference_trajectory.save(folder / "reference.npz")
        return folder

    def draw_energy(self, axes: Axes | None = None) -> Axes:
        """Draw the total energy of the model's simulation without thermostat against time."""
        if self.nve_trajectory is None:
            raise InvalidArgument("the report has no simulation without thermostat: observables lack drift")
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(layout="constrained").subplots()
        run = self.nve_trajectory
        energy = 1e3 * (run.total_energy - run.total_energy[0]) / len(run.numbers)
        axes.plot(1e-3 * run.time, energy, marker="")
        axes.set_xlabel("time (ps)")
        axes.set_ylabel("total energy - start (meV/atom)")
        return axes


def _beside(value: float | None, floor: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.4f} (floor {floor:.4f}) {unit}"
