"""Arguments that nobody means: an answer without NaN, or one line that says what is wrong with them."""

import numpy as np
import pytest
from ase import Atoms

import odd
from nonideal.physics import atoms
from toys.toy_potentials import Wells

RNG = np.random.default_rng(0)
RUN = atoms.Trajectory(
    numbers=[8, 1, 1, 18],
    time=np.arange(60.0),
    positions=RNG.uniform(0, 5, (60, 4, 3)),
    velocities=RNG.normal(size=(60, 4, 3)),
    forces=RNG.normal(size=(60, 4, 3)),
    cells=5 * np.eye(3),
    pbc=True,
    potential_energy=RNG.normal(size=60),
    kinetic_energy=RNG.random(60),
    masses=[16.0, 1.0, 1.0, 40.0],
)
GAS = Atoms("Ar4", np.diag([4.0] * 4)[:, :3])
CALCULATOR = Wells(GAS.positions, 1.0)
R, G = atoms.radial_distribution(RUN, bins=10)

CALLS = {
    "Trajectory": (
        lambda *a: atoms.Trajectory(*a[:11], seed=a[11]),
        (
            *([8, 1, 1, 18], RUN.time, RUN.positions, RUN.velocities, RUN.forces, 5 * np.eye(3), True),
            *(RUN.potential_energy, RUN.kinetic_energy, RUN.masses, "nve", 1),
        ),
    ),
    "cut": (lambda start, stop: RUN.cut(start, stop), (1, 5)),
    "radial_distribution": (
        lambda t, r_max, bins, pair: atoms.radial_distribution(t, r_max=r_max, bins=bins, pair=pair),
        (RUN.frame(0), 3.0, 10, ("O", "H")),
    ),
    "bond_angle_distribution": (
        lambda t, r_max, bins, triplet: atoms.bond_angle_distribution(
            t, r_max=r_max, bins=bins, triplet=triplet
        ),
        (RUN.frame(0), 5.0, 10, ("H", "O", "H")),
    ),
    "distance_histogram": (
        lambda t, r_max, bins: atoms.distance_histogram(t, r_max=r_max, bins=bins),
        (RUN, 3.0, 10),
    ),
    "rdf_mae": (atoms.rdf_mae, (R, G, G)),
    "force_distribution": (
        lambda t, species, bins, f: atoms.force_distribution(t, species=species, bins=bins, f_max=f),
        (RUN, "O", 10, 1.0),
    ),
    "stability_time": (
        lambda r, g, window, threshold: atoms.stability_time(RUN, (r, g), window=window, threshold=threshold),
        (R, G, 10, 1.0),
    ),
    "mean_squared_displacement": (
        lambda species, drift: atoms.mean_squared_displacement(RUN, species=species, remove_drift=drift),
        ("O", True),
    ),
    "diffusion_coefficient": (
        lambda species, discard, lag, blocks: atoms.diffusion_coefficient(
            RUN, species=species, discard=discard, lag=lag, blocks=blocks
        ),
        ("H", 5.0, 5.0, 4),
    ),
    "velocity_autocorrelation": (lambda s: atoms.velocity_autocorrelation(RUN, species=s), (["H", 8],)),
    "ground_truth": (lambda name: atoms.ground_truth(name) and 0.0, ("copper-emt",)),
    "run_md": (
        lambda system, calculator, temperature, timestep, ensemble, friction, save_every, seed: atoms.run_md(
            system,
            calculator,
            temperature=temperature,
            time=10.0,
            timestep=timestep,
            ensemble=ensemble,
            friction=friction,
            save_every=save_every,
            seed=seed,
        ),
        (GAS, CALCULATOR, 300.0, 2.0, "langevin", 0.01, 2, 1),
    ),
    "sample_frames": (
        lambda generator, system, kelvins, n_frames, timestep, strain, seed, threads: atoms.sample_frames(
            generator,
            system,
            temperatures=kelvins,
            n_frames=n_frames,
            stride=1,
            timestep=timestep,
            equilibration=0.0,
            strain=strain,
            seed=seed,
            num_threads=threads,
        ),
        (CALCULATOR, GAS, [300.0, 400.0], 3, 2.0, 0.0, 1, 1),
    ),
    "equation_of_state": (
        lambda system, calculator, strain, n: atoms.equation_of_state(
            system, calculator, strain=strain, n_points=n
        ),
        (
            Atoms("Cu", cell=2.55 * (np.ones((3, 3)) - np.eye(3)) / np.sqrt(2), pbc=True),
            "copper-emt",
            0.02,
            7,
        ),
    ),
    "vacancy_formation_energy": (
        lambda system, index, relax, f: atoms.vacancy_formation_energy(
            system, "copper-emt", index=index, relax=relax, force_tolerance=f
        ),
        (
            Atoms(
                "Cu4", 1.8 * np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]), cell=[3.6] * 3, pbc=True
            ),
            *(0, False, 0.1),
        ),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments(name):
    function, arguments = CALLS[name]
    odd.walk(function, *arguments)
