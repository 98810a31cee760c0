"""Does the dynamics of a model hold? A model and its reference side by side, from the same start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nonideal.checks import FloatArray, check_choice, check_integer, check_iterable, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.ase_systems import as_atoms, as_calculator
from nonideal.physics.atoms.correlations import (
    cut_blocks,
    diffusion_coefficient,
    mean_squared_displacement,
    velocity_autocorrelation,
)
from nonideal.physics.atoms.distributions import (
    distance_counts,
    force_distribution,
    radial_distribution,
    rdf_mae,
    stability_time,
)
from nonideal.physics.atoms.drift import energy_drift
from nonideal.physics.atoms.dynamics import Plan, UnstableDynamics, equilibrate, simulate, started
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.md_report import Comparison, MDReport
from nonideal.physics.atoms.trajectory import Trajectory
from nonideal.seeds import derive_seed, resolve_seed

__all__ = ["OBSERVABLES", "validate_md"]

#: What `validate_md` can look at.
OBSERVABLES = ("rdf", "msd", "vacf", "forces", "drift")


def validate_md(
    model: Any,
    *,
    reference: Any,
    system: Any,
    temperature: float,
    time: float,
    timestep: float,
    ensemble: str = "langevin",
    observables: Sequence[str] = OBSERVABLES,
    friction: float = 0.01,
    save_every: int = 10,
    equilibration: float = 2000.0,
    r_max: float = 6.0,
    bins: int = 100,
    species: Any = None,
    discard: float | None = None,
    lag: float | None = None,
    drift_time: float | None = None,
    n_force_frames: int = 50,
    seed: int | None = None,
    progress: bool = True,
) -> MDReport:
    """Simulate with a model and with its reference, and compare what is seen.

    Parameters
    ----------
    model, reference : ASE calculator, generator's name, or model
        A name is one of `GENERATORS`; a path or a network stands for its `LeignnCalculator`. The reference
        may also be a sequence of frames at this temperature, of atoms in this order: nothing is simulated
        with it then, and what needs its motion, or h(r) in a periodic cell, is left out.
    system : ase.Atoms or Frame
        Where the reference's equilibration starts; both simulations go on from its end, with the same
        positions and velocities, and with other random numbers in the thermostat: their difference has the
        sampling error of two independent simulations, which the floors beside the errors tell.
    temperature : float, K
    time, timestep : float, fs
        Of each of the two simulations.
    ensemble : {"langevin", "nve", "nose-hoover"}
        Of both.
    observables : sequence of {"rdf", "msd", "vacf", "forces", "drift"}
        Pair distances, displacements and diffusion, velocities' memory, forces, conservation of energy.
    friction : float, 1/fs
        Of the thermostat: see `run_md`.
    save_every : int
        Steps between those that are looked at.
    equilibration : float, fs
        Under the reference; under the model where the reference is frames.
    r_max : float, angstrom
        Of g(r).
    bins : int
        Of g(r) and h(r).
    species : str or int, or a sequence of them, optional
        Whose displacements and velocities; default: all atoms.
    discard, lag : float, fs, optional
        As in `diffusion_coefficient`; default of ``discard``: a tenth of the time, at most 5 ps.
    drift_time : float, fs, optional
        Of the model's simulation without thermostat; default: ``time``, at most 10 ps. In ``"nve"`` the
        simulation itself is judged.
    n_force_frames : int
        Steps of the reference's simulation (or of its frames), evenly spaced, on which forces are compared
        atom by atom.
    seed : int, optional
        In [0, 2^64).
    progress : bool
        Bars on a terminal.

    Returns
    -------
    MDReport
        A simulation of the model that fails does not end the comparison: it is judged as far as it went, and
        ``failure`` says why.

    Raises
    ------
    InvalidArgument
        If an argument is out of range.
    UnstableDynamics
        If the equilibration or the reference's simulation fails, or the model has no forces at the start.

    Examples
    --------
    A Lennard-Jones potential that was never fitted to copper, against effective medium theory:

    >>> from ase.build import bulk
    >>> from ase.calculators.lj import LennardJones
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", cubic=True) * (2, 2, 2)
    >>> report = atoms.validate_md(LennardJones(sigma=2.27, epsilon=0.6, rc=5.0), reference="copper-emt",
    ...     system=copper, temperature=300, time=800, timestep=4, equilibration=200, save_every=2, seed=1)
    >>> report.rdf_mae > report.rdf_floor, report.force_mae > 0.1
    (True, True)
    """
    plan = Plan.checked(temperature, time, timestep, ensemble, friction, save_every, equilibration)
    wanted = tuple(check_iterable("observables", observables))
    for name in wanted:
        check_choice("observables", name, OBSERVABLES)
    n_force_frames = check_integer("n_force_frames", n_force_frames, 1, 31)
    if drift_time is None:
        drift_time = min(float(time), 10_000.0)
    drift_time = check_positive("drift_time", drift_time)
    drift_plan = Plan.checked(temperature, drift_time, timestep, "nve", friction, save_every, 0.0)
    n_saved = plan.n_steps // plan.save_every
    if n_saved < 40:
        raise InvalidArgument(f"time = {time:g} fs: {n_saved} saved steps are fewer than 40")
    discard = min(5000.0, 0.1 * float(time)) if discard is None else discard
    if "msd" in wanted:  # before hours of simulation
        cut_blocks(n_saved + 1, plan.timestep * plan.save_every, discard, lag, 5)
    check_positive("r_max", r_max)
    seed = resolve_seed(seed)
    candidate = as_calculator("model", model)
    frames = _as_frames(reference, system)
    teacher = candidate if frames else as_calculator("reference", reference)
    probe = as_atoms(system)
    probe.calc = candidate
    # What the model refuses, it refuses before the reference's hours.
    if not np.isfinite([*probe.get_forces().ravel(), probe.get_potential_energy()]).all():
        raise UnstableDynamics("model: forces on the system, or its energy, are not finite")

    atoms = started(system, teacher, temperature=plan.temperature, seed=seed)
    equilibrate(atoms, plan, seed=seed, progress=progress)
    start = atoms.copy()
    truth = frames or simulate(atoms, plan, seed=seed, progress=progress, label="reference")
    run = _attempt(candidate, start, plan, derive_seed(seed, 3), progress, "model")
    nve = run
    if "drift" in wanted and ensemble != "nve":
        nve = _attempt(
            candidate, start, drift_plan, derive_seed(seed, 4), progress, "model without thermostat"
        )

    report = MDReport(
        seed=seed,
        temperature=plan.temperature,
        timestep=plan.timestep,
        ensemble=ensemble,
        bins=bins,
        failure=run.failure or nve.failure,
        trajectory=run.trajectory,
        reference_trajectory=truth if isinstance(truth, Trajectory) else None,
        nve_trajectory=nve.trajectory if "drift" in wanted else None,
        stability_time=float(run.trajectory.time[-1] - run.trajectory.time[0]) * 1e-3,
    )
    if "rdf" in wanted:
        report = _with_distances(report, truth, r_max, bins)
    if "msd" in wanted:
        report = _with_displacements(report, species, discard, lag)
    if "vacf" in wanted:
        report = _with_velocities(report, species)
    if "forces" in wanted:
        report = _with_forces(report, truth, candidate, n_force_frames)
    if "drift" in wanted and len(nve.trajectory) >= 10:
        report = report.plus(drift=energy_drift(nve.trajectory))
    return report


class _Run(NamedTuple):
    trajectory: Trajectory
    failure: str


_Truth: TypeAlias = Trajectory | list[Frame]


def _attempt(calculator: Any, start: Any, plan: Plan, seed: int, progress: bool, label: str) -> _Run:
    atoms = start.copy()
    atoms.calc = calculator
    try:
        return _Run(simulate(atoms, plan, seed=seed, progress=progress, label=label), "")
    except UnstableDynamics as problem:
        if problem.trajectory is None:
            raise
        return _Run(problem.trajectory, f"{label}: {problem}")


def _as_frames(reference: Any, system: Any) -> list[Frame]:
    """Return the reference's frames, none where it is something to simulate with."""
    if isinstance(reference, Trajectory):
        frames = [reference.frame(step) for step in range(len(reference))]
    elif isinstance(reference, list | tuple):
        frames = [f if isinstance(f, Frame) else Frame.from_ase(f) for f in reference]
    else:
        return []
    if len(frames) < 2:
        raise InvalidArgument(f"reference: {len(frames)} frames are fewer than 2")
    for index, frame in enumerate(frames):
        if not np.array_equal(frame.numbers, system.numbers):
            raise InvalidArgument(
                f"reference[{index}]: its atoms are not those of the system, in their order"
            )
    return frames


def _halves(truth: _Truth) -> tuple[_Truth, _Truth]:
    half = len(truth) // 2
    if isinstance(truth, Trajectory):
        return truth.cut(0, half), truth.cut(half)
    return truth[:half], truth[half:]


def _with_distances(report: MDReport, truth: _Truth, r_max: float, bins: int) -> MDReport:
    run = report.trajectory
    if run.pbc.all():
        r, g, g0, *halves = _four(radial_distribution, run, truth, bins=bins, r_max=r_max)
        report = report.plus(
            {"rdf": Comparison(r, "r (angstrom)", g, g0, "g(r)")},
            rdf_mae=rdf_mae(r, g, g0),
            rdf_floor=rdf_mae(r, *halves),
        )
        if len(run) >= 40:
            report = report.plus(stability_time=stability_time(run, (r, g0)))
        if not isinstance(truth, Trajectory):
            return report  # frames may have been wrapped: distances without images mean nothing
    r, h, h0, *halves = _four(_density, run, truth, bins=bins)
    if not h0.any():
        return report
    return report.plus(
        {"distances": Comparison(r, "r (angstrom)", h, h0, "h(r) (1/angstrom)")},
        hr_mae=rdf_mae(r, h, h0),
        hr_floor=rdf_mae(r, *halves),
    )


def _density(part: _Truth, *, bins: int) -> tuple[FloatArray, FloatArray]:
    """Return h(r), zeros where all atoms flew off."""
    r, counts = distance_counts(part, r_max=10.0, bins=bins)
    return r, counts / ((counts.sum() or 1.0) * 10.0 / bins)


def _four(observe: Any, run: Trajectory, truth: _Truth, **options: Any) -> list[FloatArray]:
    """Return r, and what is observed in the run, the truth, and the truth's two halves."""
    found = [observe(part, **options) for part in (run, truth, *_halves(truth))]
    return [found[0][0], *(values for _, values in found)]


def _with_displacements(report: MDReport, species: Any, discard: float, lag: float | None) -> MDReport:
    run, truth = report.trajectory, report.reference_trajectory
    options: dict[str, Any] = {"species": species, "discard": discard, "lag": lag}
    if truth is not None:
        report = report.plus(reference_diffusion=diffusion_coefficient(truth, **options))
    if len(run) < 2:
        return report
    if not report.failure.startswith("model:"):
        report = report.plus(diffusion=diffusion_coefficient(run, **options))
    lags, msd = mean_squared_displacement(run, species=species)
    shown = max(len(lags) // 2, 2)  # longer lags rest on few starting points
    reference = None
    if truth is not None:
        reference = mean_squared_displacement(truth, species=species)[1][:shown]
    curve = Comparison(1e-3 * lags[:shown], "lag (ps)", msd[:shown], reference, "MSD (angstrom^2)")
    return report.plus({"msd": curve})


def _with_velocities(report: MDReport, species: Any) -> MDReport:
    run, truth = report.trajectory, report.reference_trajectory
    if len(run) < 2:
        return report
    lags, found = velocity_autocorrelation(run, species=species)
    # Velocities forget within some vibrations; later there is noise to be seen.
    shown = max(min(len(found) // 2, int(np.searchsorted(lags, 1000.0)) + 1), 2)
    expected = None if truth is None else velocity_autocorrelation(truth, species=species)[1][:shown]
    curve = Comparison(lags[:shown], "lag (fs)", found[:shown], expected, "velocity autocorrelation")
    return report.plus({"vacf": curve})


def _with_forces(report: MDReport, truth: _Truth, calculator: Any, n_frames: int) -> MDReport:
    run = report.trajectory
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(n_frames, len(truth))).round().astype(int))
    if isinstance(truth, Trajectory):
        frames = [truth.frame(int(step)) for step in chosen]
    else:
        frames = [truth[step] for step in chosen if truth[step].forces is not None]
    if not frames:
        return report
    errors = []
    for frame in frames:
        atoms = as_atoms(frame)
        atoms.calc = calculator
        errors.append(np.abs(atoms.get_forces() - frame.forces).mean())
    curves = {}
    whole = truth if isinstance(truth, Trajectory) else frames
    for number in sorted(set(run.numbers.tolist())):
        f, _ = force_distribution(whole, species=number, bins=100)
        limit = float(f[-1] + f[0])
        (f, density), (_, expected) = (
            force_distribution(t, species=number, bins=100, f_max=limit) for t in (run, whole)
        )
        curves[f"forces_{number}"] = Comparison(
            f, "force (eV/angstrom)", density, expected, "density (angstrom/eV)"
        )
    return report.plus(curves, force_mae=float(np.mean(errors)))
