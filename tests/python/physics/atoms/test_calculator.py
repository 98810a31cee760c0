"""The calculator of ASE: names, units, signs and order as ASE has them; committees."""

import copy
import multiprocessing
import pickle

import ase
import ase.build
import ase.calculators.fd
import ase.md.verlet
import ase.units
import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError

from nonideal.errors import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import architecture
from nonideal.physics.atoms.ase_systems import as_calculator
from nonideal.physics.atoms.model_file import ModelFile


class Network(ModelFile):
    def save(self, path):
        self.write(path)


def network(seed=1, **other):
    shape = architecture(["Cu"], **({"cutoff": 4.0, "channels": 12, "layers": 2, "n_rbf": 8} | other))
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(size=size) / np.sqrt(size[-1]) for name, size in shape.parameters().items()}
    return Network(shape, weights, 1.0, (-3.0,), {})


def copper(seed=0):
    crystal = ase.build.bulk("Cu", cubic=True) * (2, 2, 2)
    crystal.rattle(0.08, seed=seed)
    return crystal


def test_results_are_the_potentials():
    crystal, potential = copper(), atoms.Potential(network(), precision="float64")
    crystal.calc = atoms.LeignnCalculator(network(), precision="float64")
    want = potential.compute(crystal, forces="gradient", stress=True)
    assert crystal.get_potential_energy() == pytest.approx(want.energy, abs=1e-10)
    assert "forces" not in crystal.calc.results
    np.testing.assert_allclose(crystal.get_forces(), want.forces, atol=1e-10)
    np.testing.assert_allclose(crystal.get_potential_energies(), want.energies, atol=1e-10)
    np.testing.assert_allclose(crystal.get_stress(voigt=False), want.stress, atol=1e-12)
    stress = crystal.get_stress()
    np.testing.assert_allclose(
        stress[3:], [want.stress[1, 2], want.stress[0, 2], want.stress[0, 1]], atol=1e-12
    )
    assert crystal.calc.results["free_energy"] == crystal.get_potential_energy(force_consistent=True)


def test_stress_by_ases_own_differences():
    crystal = copper()
    crystal.calc = atoms.LeignnCalculator(network(), precision="float64")
    numerical = ase.calculators.fd.calculate_numerical_stress(crystal, eps=1e-4)
    np.testing.assert_allclose(crystal.get_stress(), numerical, atol=1e-8)


def test_direct_forces():
    crystal = copper()
    crystal.calc = atoms.LeignnCalculator(
        network(), forces="direct", precision="float64", remove_net_force=True
    )
    assert np.abs(crystal.get_forces().sum(axis=0)).max() < 1e-12
    want = atoms.Potential(network(), precision="float64").compute(crystal, forces="direct").forces
    np.testing.assert_allclose(crystal.get_forces(), want - want.mean(axis=0), atol=1e-10)


def test_a_model_is_judged_by_its_own_forces():
    """Where only a model is named, its calculator gives the forces that it was made for."""
    crystal = copper()
    for kind in ("direct", "gradient"):
        calculator = as_calculator("model", atoms.Potential(network(forces=kind)))
        assert calculator.forces_kind == kind
        crystal.calc = calculator
        want = atoms.Potential(network(forces=kind)).compute(crystal, forces=kind).forces
        np.testing.assert_allclose(crystal.get_forces(), want, atol=1e-6)
    with pytest.raises(InvalidArgument, match="some members have direct forces, others gradient forces"):
        atoms.LeignnCalculator([network(forces="direct"), network()], forces=None)


def test_committee():
    crystal = copper()
    members = [network(1), atoms.Potential(network(2)), network(3)]
    crystal.calc = atoms.LeignnCalculator(members, precision="float32", skin=0.3)
    singles = [
        atoms.Potential(network(seed)).compute(crystal, forces="gradient", stress=True) for seed in (1, 2, 3)
    ]
    crystal.get_stress()
    results = crystal.calc.results
    assert results["energy"] == pytest.approx(np.mean([s.energy for s in singles]), rel=1e-6)
    assert results["energy_std"] == pytest.approx(np.std([s.energy for s in singles]), rel=1e-4)
    np.testing.assert_allclose(results["forces"], np.mean([s.forces for s in singles], axis=0), atol=1e-5)
    np.testing.assert_allclose(results["forces_std"], np.std([s.forces for s in singles], axis=0), atol=1e-5)
    assert results["stress"].shape == (6,)


def in_another_process(job):
    """Return what a process that shares nothing with this one makes of a pickled job."""
    crystal, calculator = pickle.loads(job)
    crystal.calc = calculator
    return crystal.get_potential_energy(), crystal.get_forces(), crystal.get_stress()


def test_pickled_by_content(tmp_path):
    """The file may be gone, or another one; options and members stay."""
    crystal, file = copper(), tmp_path / "cu.leignn"
    network(1).save(file)
    for model, options in (
        (str(file), {"precision": "float64", "skin": 0.5, "forces": "direct"}),
        ([atoms.Potential(file, radial="exact"), network(2)], {"num_threads": 1}),
    ):
        calculator = atoms.LeignnCalculator(model, **options)
        crystal.calc = calculator
        want = crystal.get_potential_energy(), crystal.get_forces(), crystal.get_stress()
        job = pickle.dumps((copper(), calculator))
        network(3).save(file)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            for found, expected in zip(pool.apply(in_another_process, (job,)), want, strict=True):
                np.testing.assert_array_equal(found, expected)
        file.unlink()
        for other in (copy.deepcopy(calculator), copy.copy(calculator), pickle.loads(job)[1]):
            fresh = copper()
            fresh.calc = other
            np.testing.assert_array_equal(fresh.get_forces(), want[1])
            assert [p.skin for p in other.potentials] == [p.skin for p in calculator.potentials]
        network(1).save(file)


def test_copies_share_the_model_and_no_list():
    potential = atoms.Potential(network(), precision="float64", skin=0.5, num_threads=2)
    for other in (copy.copy(potential), copy.deepcopy(potential), pickle.loads(pickle.dumps(potential))):
        assert other._list is not potential._list
        assert (other.skin, other.num_threads, repr(other)) == (0.5, 2, repr(potential))
        want, found = (p.compute(copper(), stress=True) for p in (potential, other))
        assert found.energy == want.energy
        np.testing.assert_array_equal(found.stress, want.stress)
    assert copy.deepcopy(potential)._core is potential._core


def test_dynamics_conserves_energy():
    """Atoms cross the skin, and the boundary, on their way."""
    crystal = copper()
    crystal.calc = atoms.LeignnCalculator(network(), precision="float64", skin=0.4)
    crystal.set_momenta(np.random.default_rng(0).normal(0, np.sqrt(63.5 * ase.units.kB * 2000), (32, 3)))
    dynamics = ase.md.verlet.VelocityVerlet(crystal, 1.0 * ase.units.fs)
    energies = []
    for _ in range(60):
        dynamics.run(2)
        energies.append(crystal.get_total_energy())
    kinetic = crystal.get_kinetic_energy()
    assert np.ptp(energies) < 0.02 * kinetic
    assert crystal.calc.potentials[0]._list.n_rebuilds > 1


def test_without_a_cell():
    pair = ase.Atoms("Cu2", [[0, 0, 0], [0, 0, 2.2]])
    pair.calc = atoms.LeignnCalculator(network(max_neighbors=5))  # such models have no skin
    assert pair.calc.potentials[0].skin == 0.0
    assert pair.get_forces().shape == (2, 3)
    with pytest.raises(PropertyNotImplementedError):
        pair.get_stress()


def test_refusals():
    for arguments, text in [
        ({"model": []}, "model: a committee needs at least one member"),
        ({"model": network(), "forces": "none"}, "forces = 'none' is not one of gradient, direct"),
        ({"model": 7}, "model: int is neither a path, nor bytes, nor a model with save(path)"),
    ]:
        with pytest.raises(InvalidArgument) as refused:
            atoms.LeignnCalculator(**arguments)
        assert str(refused.value) == text
