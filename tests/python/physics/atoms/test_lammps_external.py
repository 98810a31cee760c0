"""A potential attached to a live LAMMPS gives what it gives alone."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("ase")
from ase.build import bulk

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import atoms
from nonideal.physics.atoms import lammps
from nonideal.physics.atoms.lammps.calculator import BAR, LammpsSystem
from nonideal.physics.atoms.lammps.module import import_lammps, new_instance

SMALL = {"cutoff": 4.2, "channels": 16, "layers": 2, "n_rbf": 8}


@pytest.fixture(scope="module")
def potential():
    model = atoms.LEIGNN(["O", "Cu"], seed=3, **SMALL)
    model.energy_scale.fill_(20.0)
    return atoms.Potential(model, precision="float64", radial="exact")


@pytest.fixture
def system():
    found = bulk("Cu", cubic=True).repeat(2)
    found.numbers[[1, 5, 6]] = 8
    found.set_cell(found.cell[:] @ [[1.0, 0.0, 0.0], [0.2, 1.1, 0.0], [-0.3, 0.1, 0.95]], True)
    found.rattle(0.15, seed=5)
    return found


@pytest.fixture
def held(system):
    """LAMMPS with the system in it, and no potential."""
    try:
        import_lammps()
    except MissingExtra:
        pytest.skip('needs `pip install "nonideal[lammps]"`')
    found = LammpsSystem(["pair_style zero 5.0", "pair_coeff * *"], ["Cu", "O"], 5.0)
    found.load(system.numbers, system.positions, system.cell[:], system.pbc)
    yield found
    found.close()


@pytest.mark.parametrize("forces", ["gradient", "direct"])
def test_results(held, system, potential, forces):
    lammps.attach(held.lmp, potential, ["Cu", "O"], forces=forces, virial=True)
    held.evaluate()
    expected = potential.compute(system, forces=forces, stress=True)
    assert held.lmp.get_thermo("pe") == pytest.approx(expected.energy, abs=1e-9 * len(system))
    np.testing.assert_allclose(held.box.back(held.gather("f")), expected.forces, rtol=0, atol=1e-9)
    xx, yy, zz, xy, xz, yz = -BAR * np.array(held.lmp.numpy.extract_compute("virial", 0, 1))
    stress = held.box.tensor_back(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    np.testing.assert_allclose(stress, expected.stress, rtol=0, atol=1e-6 * np.abs(stress).max())
    assert np.abs(expected.forces).max() > 0.05


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"virial": False}, False),
        ({"forces": "direct"}, False),
        ({"forces": "direct", "virial": True}, True),
    ],
)
def test_a_virial_is_found_where_it_is_wanted(held, system, potential, options, wanted, monkeypatch):
    asked, compute = [], atoms.Potential.compute
    monkeypatch.setattr(
        atoms.Potential, "compute", lambda *a, **b: asked.append(b["stress"]) or compute(*a, **b)
    )
    lammps.attach(held.lmp, potential, ["Cu", "O"], **options)
    held.evaluate()
    assert asked == [wanted]
    pressure = np.array(held.lmp.numpy.extract_compute("virial", 0, 1))
    assert (np.abs(pressure).max() > 100.0) == wanted
    if not wanted:
        assert np.abs(pressure).max() == 0.0
    expected = compute(potential, system, forces=options.get("forces", "gradient"))
    np.testing.assert_allclose(held.box.back(held.gather("f")), expected.forces, rtol=0, atol=1e-9)


BAROSTATS = {
    "nph": ("fix barostat all nph iso 0 0 0.5", "run 3 post no"),
    "npt": ("fix barostat all npt temp 300 300 0.1 aniso 0 0 0.5", "run 3 post no"),
    "berendsen": ("fix barostat all press/berendsen iso 0 0 0.5 modulus 1e6", "run 3 post no"),
    "relax": ("fix barostat all box/relax iso 0", "minimize 0 0 3 9"),
}


@pytest.mark.parametrize("first", ["fix", "potential"])
@pytest.mark.parametrize(("fix", "run"), BAROSTATS.values(), ids=BAROSTATS)
def test_a_barostat_needs_the_virial(held, potential, fix, run, first):
    """Whichever is defined first; the box has not changed yet where it is refused."""
    held.command("change_box all xy final 0 xz final 0 yz final 0 ortho")  # for press/berendsen
    held.command("velocity all create 300 5")

    def attach_both(**options):
        if first == "fix":
            held.lmp.command(fix)
        lammps.attach(held.lmp, potential, ["Cu", "O"], forces="direct", **options)
        if first == "potential":
            held.lmp.command(fix)

    attach_both()
    volume = held.lmp.get_thermo("vol")
    message = (
        r"^virial: fix barostat changes the box by the pressure, in which the potential's part is left out; "
        r"attach with virial=True$"
    )
    with pytest.raises(InvalidArgument, match=message):
        held.lmp.command(run)
    assert held.lmp.get_thermo("vol") == volume
    for name in ("barostat", "nonideal"):
        held.lmp.command(f"unfix {name}")
    attach_both(virial=True)
    held.lmp.command(run)
    assert held.lmp.get_thermo("vol") != volume


def test_other_fixes_need_no_virial(held, potential):
    lammps.attach(held.lmp, potential, ["Cu", "O"], forces="direct")
    volume = held.lmp.get_thermo("vol")
    for line in ("fix pull all deform 1 x scale 1.01", "fix move all nve", "run 3 post no"):
        held.lmp.command(line)
    assert held.lmp.get_thermo("vol") == pytest.approx(1.01 * volume, rel=1e-9)


def test_energy_is_conserved(held, potential):
    lammps.attach(held.lmp, potential, ["Cu", "O"], fix_id="ours")
    for line in (
        *("velocity all create 300 5", "timestep 0.0005", "fix move all nve"),
        *("thermo_style custom step etotal ke", "run 0 post no"),
    ):
        held.command(line)
    start, kinetic = held.lmp.get_thermo("etotal"), held.lmp.get_thermo("ke")
    held.command("run 100 post no")
    exchanged = abs(held.lmp.get_thermo("ke") - kinetic)
    assert exchanged > 0.1
    assert abs(held.lmp.get_thermo("etotal") - start) < 5e-3 * exchanged


def test_a_step_that_is_refused_ends_the_run(held, potential):
    lammps.attach(held.lmp, potential, ["Cu", "O"])
    held.evaluate()
    for atom in (1, 2):
        held.command(f"set atom {atom} x 1 y 1 z 1")
    with pytest.raises(InvalidArgument, match=r"^positions\[0\] and positions\[1\] are 0 angstrom apart"):
        held.lmp.command("run 5 post no")
    assert held.lmp.extract_global("ntimestep") <= 1
    held.lmp.command("unfix nonideal")
    before = held.lmp.extract_global("ntimestep")
    held.lmp.command("run 3 post no")
    assert held.lmp.extract_global("ntimestep") == before + 3


def test_refusals(held, potential):
    with pytest.raises(InvalidArgument, match=r"^species has 1 entries for 2 atom types$"):
        lammps.attach(held.lmp, potential, ["Cu"])
    with pytest.raises(
        InvalidArgument, match=r"^species\[1\]: the potential does not know atomic number 47$"
    ):
        lammps.attach(held.lmp, potential, ["Cu", "Ag"])
    with pytest.raises(InvalidArgument, match=r"^potential: str is no Potential$"):
        lammps.attach(held.lmp, "cu.leignn", ["Cu", "O"])
    with pytest.raises(InvalidArgument, match=r"^virial = 1 is neither True nor False$"):
        lammps.attach(held.lmp, potential, ["Cu", "O"], virial=1)
    other = new_instance()
    with pytest.raises(InvalidArgument, match=r"^lmp: units lj, not metal$"):
        lammps.attach(other, potential, ["Cu", "O"])
    other.command("units metal")
    with pytest.raises(InvalidArgument, match=r"^lmp: there is no box$"):
        lammps.attach(other, potential, ["Cu", "O"])
    other.close()


def test_the_folder_is_found_without_torch():
    """LAMMPS's command asks for it at each start."""
    code = (
        "import sys; from nonideal.physics.atoms.lammps import plugin_folder; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
