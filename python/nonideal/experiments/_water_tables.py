"""What atoms-water found, in numbers and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Comparison, Curve, Table
from nonideal.experiments._atoms_shards import G_PER_CM3
from nonideal.experiments._atoms_tables import (
    ABOUT_FLOORS,
    drift_of,
    dynamics_curves,
    ends_of,
    energy_errors,
    energy_range,
    estimate_of,
    force_error,
    learning_curves,
    number,
    parity_curves,
)
from nonideal.experiments._water_shards import (
    BINS,
    BONDED,
    MARGIN,
    NUMBERS,
    PAIRS,
    R_MAX,
    SPECIES,
    THRESHOLD,
    WINDOW,
)
from nonideal.physics import atoms

if TYPE_CHECKING:
    from nonideal.experiments.atoms_water import Config

__all__ = ["MODEL", "REFERENCE", "Findings", "answer", "comparison", "curves", "metrics", "tables"]

REFERENCE, MODEL = "reference", "model"

_BLOCKS = 5


@dataclass(frozen=True)
class Findings:
    """Results of the shards, and what they were made with.

    ``liquid`` is the simulation with a thermostat, of ``md_time`` ps, ``free`` the one without.
    """

    frames: Mapping[str, Any]
    model: Mapping[str, Any]
    liquid: Mapping[str, Any]
    free: Mapping[str, Any]
    config: Config
    md_time: float

    @property
    def moved(self) -> dict[str, Any]:
        """What both simulations show together."""
        return {**self.liquid, "energy": self.free["energy"], "drift": self.free["drift"]}

    @property
    def distances(self) -> list[tuple[str, str, int, tuple[float, float, float]]]:
        """Key, words, bins, and areas between curves: model and frames, halves of frames, halves of the run.

        Empty where the run failed early.
        """
        if not self.liquid["r"].size:
            return []
        found = []
        for pair in PAIRS:
            r, key = self.frames["r"], pair.replace("-", "_")
            areas = self._areas(f"rdf {pair}", r)
            found.append((f"rdf_{key}", f"g(r), {pair}", len(r), areas))
        for name, words in (("g", "g(r), all atoms"), ("h", "h(r), all atoms, no images")):
            areas = self._areas(name, _middles(name))
            found.append((f"{'rdf_all' if name == 'g' else 'h'}_{BINS}", words, BINS, areas))
        return found

    def _areas(self, name: str, r: Any) -> tuple[float, float, float]:
        truth, own = self.frames[name], self.liquid[name]
        return (
            atoms.rdf_mae(r, own[0], truth[0]),
            atoms.rdf_mae(r, truth[1], truth[2]),
            atoms.rdf_mae(r, own[1], own[2]),
        )

    @property
    def temperature(self) -> Estimate | None:
        """Of the simulation with a thermostat: five parts of it are the samples."""
        values = self.liquid["temperature"]
        if len(values) < 2 * _BLOCKS:
            return None
        return Estimate.from_samples([part.mean() for part in np.array_split(values, _BLOCKS)], unit="K")

    @property
    def frames_temperature(self) -> Estimate | None:
        """Of the frames that are tested on: of their forces, and of the model's curvature there."""
        return estimate_of(self.model["frames_temperature"], "K")

    @property
    def shares(self) -> tuple[float, float] | None:
        """Mean and smallest share of molecules that are whole."""
        shares = self.liquid["whole"][1]
        return (float(shares.mean()), float(shares.min())) if shares.size else None

    @property
    def odd_contacts(self) -> dict[str, float]:
        """Shares of steps with a pair of atoms that is closer than any in the frames, by pair."""
        closest = self.liquid["closest"]
        if not len(closest):
            return {}
        shares = (closest < self.frames["closest"] - MARGIN).mean(axis=0)
        return dict(zip(PAIRS, shares.tolist(), strict=True))

    @property
    def diffusion(self) -> Estimate | None:
        """Of all atoms, with a thermostat."""
        return estimate_of(self.liquid["diffusion"], "m^2/s")

    def error_of(self, species: str) -> Estimate:
        """Of the forces on one element, meV/angstrom."""
        errors = 1e3 * self.model[f"force_errors_test_{NUMBERS[species]}"]
        return Estimate.from_samples(errors.tolist(), unit="meV/angstrom")

    @property
    def energy_error(self) -> Estimate:
        """Mean absolute error, meV/atom; frames are its samples."""
        return Estimate.from_samples(np.abs(energy_errors(self.model, "test")).tolist(), unit="meV/atom")


def _middles(name: str) -> Any:
    return (np.arange(BINS) + 0.5) * (R_MAX[name] / BINS)


def metrics(findings: Findings) -> dict[str, Estimate]:
    """Return errors, distances from the frames' structure with their floors, and how the liquid went."""
    out = {"force_error": force_error(findings.model, "test")}
    out |= {f"force_error_{species}": findings.error_of(species) for species in SPECIES}
    out["energy_error"] = findings.energy_error
    for key, _, _, (model, floor, own) in findings.distances:
        unit = "1" if key.startswith("h") else "angstrom"
        before, _, after = key.partition("_")
        out[f"{before}_mae_{after}_{MODEL}"] = Estimate.exact(model, unit=unit)
        out[f"{before}_floor_{after}"] = Estimate.exact(floor, unit=unit)
        out[f"{before}_halves_{after}_{MODEL}"] = Estimate.exact(own, unit=unit)
    out["stability_time"] = Estimate.exact(float(findings.liquid["stable"]), unit="ps")
    if findings.shares is not None:
        out["whole_molecules"] = Estimate.exact(findings.shares[0])
    for pair, share in findings.odd_contacts.items():
        out[f"odd_contacts_{pair.replace('-', '_')}"] = Estimate.exact(share)
    for name, found in (
        ("temperature", findings.temperature),
        ("frames_temperature", findings.frames_temperature),
        ("drift", drift_of(findings.free)),
        ("diffusion", findings.diffusion),
    ):
        if found is not None:
            out[name] = found
    out["steps"] = Estimate.exact(int(findings.model["steps"]))
    return out


def curves(findings: Findings) -> dict[str, Curve]:
    """Return the lines of the figures by what they show and of whom."""
    both = {REFERENCE: findings.frames, MODEL: findings.moved}
    out = {
        **dynamics_curves(both, pairs=PAIRS, species=SPECIES),
        **learning_curves({MODEL: findings.model}),
        **parity_curves({MODEL: findings.model}, ("test",)),
    }
    numbers = findings.model["force_numbers_test"]
    for species in SPECIES:
        truth, model = findings.model["forces_test"][numbers == NUMBERS[species]].T
        out[f"forces_test {species}"] = Curve(
            tuple(truth), "frame's force (eV/angstrom)", tuple(model), "model's force (eV/angstrom)"
        )
    for name, label in (("g", "g(r)"), ("h", "h(r) (1/angstrom)")):
        for who, found in both.items():
            if found[name].size:
                out[f"{name} {who}"] = Curve(
                    tuple(_middles(name)), "r (angstrom)", tuple(found[name][0]), label
                )
    if findings.liquid["windows"].size:
        time, errors = findings.liquid["windows"]
        out[f"windows {MODEL}"] = Curve(
            tuple(time), "time (ps)", tuple(errors), "RDF MAE of a window (angstrom)"
        )
    return out


def tables(findings: Findings) -> dict[str, Table]:
    """Return errors, structure and dynamics."""
    return {
        "errors": _errors(findings),
        "structure": _structure(findings),
        "dynamics": _dynamics(findings),
    }


def _errors(findings: Findings) -> Table:
    rms = dict(zip(SPECIES, findings.frames["force_rms"], strict=True))
    rows: list[tuple[Any, ...]] = []
    for species in SPECIES:
        error = findings.error_of(species)
        rows.append((f"force on {species} (meV/angstrom)", _bare(error), 1e3 * float(rms[species])))
    weights = np.array([1.0, 2.0]) / 3.0  # an O, two H
    everyone = 1e3 * float(np.sqrt(weights @ np.array(findings.frames["force_rms"]) ** 2))
    rows.append(("force, all (meV/angstrom)", _bare(force_error(findings.model, "test")), everyone))
    spread = 1e3 * float(findings.model["energies_test"][:, 0].std())
    rows.append(("energy (meV/atom)", _bare(findings.energy_error), spread))
    model = findings.model
    return Table(
        "Errors on frames that were not learnt from",
        ("quantity", "mean absolute error", "spread in the frames (rms)"),
        tuple(rows),
        f"{int(model['n_parameters'])} parameters, {int(model['steps'])} steps, "
        f"{float(model['training_cpu_seconds']):.0f} CPU s of training on "
        f"{int(findings.frames['n_learnt'])} frames (those to validate with included); "
        f"{int(findings.frames['n_tested'])} frames to test on. Published energies are float32: rounded to "
        "0.01 meV/atom.",
    )


def _bare(estimate: Estimate) -> Estimate:
    """Return it without its unit, which stands in the row's head."""
    return replace(estimate, unit="")


def _structure(findings: Findings) -> Table:
    rows = [(words, bins, *areas) for _, words, bins, areas in findings.distances]
    return Table(
        f"How far the liquid's structure at {findings.config.temperature:g} K is from the frames'",
        ("distribution", "bins", "model against frames", "floor: halves of the frames", "halves of the run"),
        tuple(rows),
        "Areas between curves, without sign: angstrom for g(r), a pure number for h(r). "
        f"{ABOUT_FLOORS} Floors fall with wider bins and more frames; the run's steps, 0.05 ps apart, are "
        "not independent. Atoms are put inside the cell before h(r).",
    )


def _dynamics(findings: Findings) -> Table:
    liquid, free, config = findings.liquid, findings.free, findings.config
    lasted, shares, drift = float(liquid["lasted"]), findings.shares, drift_of(findings.free)
    moved, cost = energy_range(free), number(liquid["cost"])
    rows: list[tuple[Any, ...]] = [
        ("with a thermostat (ps)", lasted),
        ("of which stable (ps)", float(liquid["stable"])),
        ("went", ends_of(liquid)[0] or "to its end"),
        ("molecules that are whole, mean", None if shares is None else f"{shares[0]:.3%}"),
        ("molecules that are whole, least", None if shares is None else f"{shares[1]:.1%}"),
        *(
            (f"steps with {pair} closer than in any frame", f"{share:.2%}")
            for pair, share in findings.odd_contacts.items()
        ),
        (f"temperature, set to {config.temperature:g} K", findings.temperature),
        ("temperature of the frames", findings.frames_temperature),
        ("density (g/cm^3), fixed", G_PER_CM3 * float(findings.frames["density"])),
        ("diffusion coefficient, all atoms", findings.diffusion),
        ("without a thermostat", ends_of(free)[1] or "to its end"),
        ("drift of the total energy", drift),
        ("range of the total energy (meV/atom)", moved),
        ("CPU time per atom and step (us)", cost),
    ]
    return Table(
        f"The dynamics, {config.timestep:g} fs a step",
        ("quantity", "value"),
        tuple(rows),
        f"Stable: until a window of {WINDOW} saved steps (1 ps) is more than {THRESHOLD:g} angstrom from the "
        f"frames' g(r) of all atoms, {BINS} bins. Whole: an oxygen with two hydrogens within {BONDED:g} "
        f"angstrom that are no other's. Closer: by more than {MARGIN:g} angstrom than the closest pair of "
        "all frames, where the model was taught nothing and its energy may have a hole. The frames' "
        "temperature is kT = <F^2>/<Laplacian of E>, with their forces and the model's Laplacian: files "
        "don't tell it. Diffusion has no reference; friction of"
        f" {config.thermostat_friction:g} / fs lowers it somewhat, a small cell too.",
    )


def comparison(findings: Findings) -> list[Comparison]:
    """Return published figures beside ours."""
    areas = {key: area for key, _, _, area in findings.distances}
    config = findings.config
    other = (
        "theirs is another set of water, whose size and functional are not known to us, at 300 K, with 9.4 "
        "million parameters, direct forces and a friction of 0.79 / fs; ours has 64 molecules at "
        f"{config.temperature:g} K, {int(findings.model['n_parameters'])} parameters, gradient forces and a "
        f"friction of {config.thermostat_friction:g} / fs"
    )
    stable, lasted = float(findings.liquid["stable"]), float(findings.liquid["lasted"])
    source = "(saved output of the authors' notebook, v1)"
    return [
        Comparison(
            f"RDF MAE, all atoms, {BINS} bins (angstrom)",
            f"0.190 {source}",
            _with_floor(areas.get(f"rdf_all_{BINS}")),
            "half of the frames against the other: the floor is noise alone, and grows with narrower bins "
            f"and fewer frames (the number of theirs is not known to us); {other}",
        ),
        Comparison(
            f"h(r) MAE, {BINS} bins",
            f"0.0214 {source}",
            _with_floor(areas.get(f"h_{BINS}")),
            "the same; which images of the atoms they took is not known to us, ours are put inside the cell",
        ),
        Comparison(
            "stability time (ps)",
            f"50 of 50 {source}",
            f"{stable:.3g} of {lasted:.3g}",
            "the same rule; the paper's friction leaves atoms little motion of their own",
        ),
        Comparison(
            "force MAE (meV/angstrom)",
            "not established",
            force_error(findings.model, "test"),
            "the paper's tables were not to be had",
        ),
    ]


def _with_floor(areas: tuple[float, float, float] | None) -> str:
    return "none: the run failed" if areas is None else f"{areas[0]:.3g} (floor {areas[1]:.3g})"


def answer(findings: Findings) -> str:
    """Return what came out."""
    model, liquid, config = findings.model, findings.liquid, findings.config
    effort = f"{float(model['training_cpu_seconds']):.0f} CPU s of training"
    error = force_error(model, "test")
    text = (
        f"After {effort} the forces on {int(findings.frames['n_tested'])} unseen frames are off by "
        f"{error.value:.1f} meV/angstrom ({findings.error_of('O').value:.0f} on O, "
        f"{findings.error_of('H').value:.0f} on H)"
    )
    stable, lasted = float(liquid["stable"]), float(liquid["lasted"])
    went = "the whole" if stable >= lasted and not bool(liquid["failed"]) else f"{stable:.3g} of"
    text += f"; at {config.temperature:g} K the liquid is stable for {went} {findings.md_time:.3g} ps"
    for key, _, _, (area, floor, _) in findings.distances[:1]:
        text += (
            f", its {key[4:].replace('_', '-')} g(r) {area:.3f} angstrom from the frames' "
            f"(floor, their halves: {floor:.3f})"
        )
    odd = [pair for pair, share in findings.odd_contacts.items() if share > 0]
    if odd:
        text += f", but {' and '.join(odd)} come closer than in any frame"
    drift = drift_of(findings.free)
    without = ends_of(findings.free)[1]
    if without:
        text += f"; without a thermostat it {without}"
    elif drift is not None:
        text += f"; without a thermostat energy drifts by {drift}"
    return text + "."
