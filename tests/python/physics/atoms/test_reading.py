"""Frames from files: every format, unit and kind of damage, with files made here."""

import pickle
import sys
from types import ModuleType, SimpleNamespace

import ase
import ase.build
import ase.db
import ase.io
import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.oc20 import read_record

KCAL = 0.0433641  # eV
RNG = np.random.default_rng(4)


def labelled(n=3):
    """Crystals with energies, forces and stresses."""
    made = []
    for k in range(n):
        crystal = ase.build.bulk("NaCl", "rocksalt", a=5.6 + 0.1 * k)
        crystal.rattle(0.1, seed=k)
        stress = RNG.normal(size=6)
        crystal.calc = SinglePointCalculator(
            crystal, energy=-3.0 - k, forces=RNG.normal(size=(2, 3)), stress=stress
        )
        made.append(crystal)
    return made


def same(frame, crystal, tolerance=1e-7):
    np.testing.assert_array_equal(frame.numbers, crystal.numbers)
    np.testing.assert_array_equal(frame.pbc, crystal.pbc)
    np.testing.assert_allclose(frame.positions, crystal.positions, atol=tolerance)
    np.testing.assert_allclose(frame.cell, crystal.cell.array, atol=tolerance)
    np.testing.assert_allclose(frame.energy, crystal.get_potential_energy(), atol=tolerance)
    np.testing.assert_allclose(frame.forces, crystal.get_forces(), atol=tolerance)
    np.testing.assert_allclose(frame.stress, crystal.get_stress(voigt=False), atol=tolerance)


@pytest.mark.parametrize("name", ["frames.xyz", "frames.extxyz", "frames.db"])
def test_formats_of_ase(tmp_path, name):
    crystals = labelled()
    if name.endswith(".db"):
        with ase.db.connect(tmp_path / name) as database:
            for crystal in crystals:
                database.write(crystal)
    else:
        ase.io.write(tmp_path / name, crystals, format="extxyz")
    frames = atoms.read_frames(tmp_path / name)
    assert len(frames) == 3
    for frame, crystal in zip(frames, crystals, strict=True):
        same(frame, crystal)


@pytest.mark.parametrize("name", ["smeared.xyz", "smeared.db"])
def test_forces_go_with_the_free_energy(tmp_path, name):
    dimer = ase.Atoms("Cu2", [[0, 0, 0], [0, 0, 2.3]])
    made = []
    for energies in ({"energy": -3.25, "free_energy": -3.5}, {"free_energy": -2.5}, {"energy": -1.5}):
        made.append(dimer.copy())
        made[-1].calc = SinglePointCalculator(dimer, forces=np.ones((2, 3)), **energies)
    if name.endswith(".db"):
        with ase.db.connect(tmp_path / name) as database:
            for atoms_ in made:
                database.write(atoms_)
    else:
        ase.io.write(tmp_path / name, made, format="extxyz")
    assert [frame.energy for frame in atoms.read_frames(tmp_path / name)] == [-3.5, -2.5, -1.5]
    assert [atoms.Frame.from_ase(one).energy for one in made] == [-3.5, -2.5, -1.5]


def test_iso17_keys_of_a_database(tmp_path):
    water = ase.build.molecule("H2O")
    forces = RNG.normal(size=(3, 3))
    with ase.db.connect(tmp_path / "iso17.db") as database:
        database.write(water, total_energy=-76.5, data={"atomic_forces": forces})
    frame = atoms.read_frames(tmp_path / "iso17.db")[0]
    assert frame.energy == -76.5
    np.testing.assert_array_equal(frame.forces, forces)
    assert frame.info["total_energy"] == -76.5


def md17(path, **changes):
    arrays = {
        "z": np.array([8, 1, 1]),
        "R": RNG.normal(size=(4, 3, 3)),
        "E": np.array([[-1.0], [-2.0], [-3.0], [-4.0]]),
        "F": RNG.normal(size=(4, 3, 3)),
    } | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


def test_md17_is_in_kilocalories(tmp_path):
    file = tmp_path / "water.npz"
    arrays = md17(file)
    for arguments in ({}, {"energy_unit": "kcal/mol"}, {"format": "md17"}):
        frames = atoms.read_frames(file, **arguments)
        assert [frame.energy for frame in frames] == pytest.approx(
            [-k * KCAL for k in (1, 2, 3, 4)], rel=1e-6
        )
        np.testing.assert_allclose(frames[2].forces, arrays["F"][2] * KCAL, rtol=1e-6)
        np.testing.assert_array_equal(frames[2].positions, arrays["R"][2])
        assert not frames[2].pbc.any()
    as_they_are = atoms.read_frames(file, energy_unit="eV")
    assert as_they_are[3].energy == -4.0


@pytest.mark.parametrize(
    ("energy_unit", "energy"),
    [("eV", 1.0), ("kJ/mol", 0.0103642697), ("hartree", 27.2113862), ("kcal/mol", KCAL)],
)
@pytest.mark.parametrize(("length_unit", "length"), [("angstrom", 1.0), ("bohr", 0.529177211), ("nm", 10.0)])
def test_units(tmp_path, energy_unit, energy, length_unit, length):
    crystal = labelled(1)[0]
    ase.io.write(tmp_path / "one.xyz", crystal, format="extxyz")
    frame = atoms.read_frames(tmp_path / "one.xyz", energy_unit=energy_unit, length_unit=length_unit)[0]
    assert frame.energy == pytest.approx(-3.0 * energy, rel=1e-6)
    np.testing.assert_allclose(frame.positions, crystal.positions * length, rtol=1e-6)
    np.testing.assert_allclose(frame.cell, crystal.cell.array * length, rtol=1e-6)
    np.testing.assert_allclose(frame.forces, crystal.get_forces() * energy / length, atol=1e-6)
    expected = crystal.get_stress(voigt=False) * energy / length**3
    np.testing.assert_allclose(frame.stress, expected, rtol=1e-6)


def deepmd(folder, *, n_sets=2, n_frames=3, **changes):
    """A system as DeePMD-kit lays it out; arrays are float32."""
    folder.mkdir()
    (folder / "type.raw").write_text("0\n1\n1\n")
    (folder / "type_map.raw").write_text("O\nH\n")
    written = []
    for k in range(n_sets):
        place = folder / f"set.{k:03d}"
        place.mkdir()
        arrays = {
            "coord": RNG.normal(size=(n_frames, 9)),
            "force": RNG.normal(size=(n_frames, 9)),
            "energy": RNG.normal(size=n_frames) - 30000,
            "box": np.tile((12.4 * np.eye(3)).reshape(1, 9), (n_frames, 1)),
        } | changes
        arrays = {name: array.astype(np.float32) for name, array in arrays.items() if array is not None}
        for name, array in arrays.items():
            np.save(place / f"{name}.npy", array)
        written.append(arrays)
    return written


def test_deepmd_folders(tmp_path):
    sets = deepmd(tmp_path / "data_0")
    frames = atoms.read_frames(tmp_path / "data_0")
    assert len(frames) == 6
    for k, frame in enumerate(frames):
        arrays = sets[k // 3]
        assert frame.numbers.tolist() == [8, 1, 1]
        assert frame.pbc.all()
        np.testing.assert_array_equal(frame.positions.ravel(), arrays["coord"][k % 3])
        np.testing.assert_array_equal(frame.forces.ravel(), arrays["force"][k % 3])
        np.testing.assert_array_equal(frame.cell.ravel(), arrays["box"][k % 3])
        assert frame.energy == arrays["energy"][k % 3]
        assert frame.stress is None
    deepmd(tmp_path / "data_1", n_sets=1)
    assert len(atoms.read_frames(tmp_path, "deepmd")) == 9


def test_deepmd_virials_and_open_boundaries(tmp_path):
    virial = np.tile(np.arange(9.0).reshape(1, 9), (3, 1))
    deepmd(tmp_path / "a", n_sets=1, virial=virial)
    stress = atoms.read_frames(tmp_path / "a")[0].stress
    np.testing.assert_allclose(stress, -np.arange(9.0).reshape(3, 3) / 12.4**3, rtol=1e-6)
    deepmd(tmp_path / "b", n_sets=1, box=None, energy=None, force=None)
    (tmp_path / "b" / "nopbc").touch()
    frame = atoms.read_frames(tmp_path / "b")[0]
    assert not frame.pbc.any()
    assert frame.energy is None
    assert frame.forces is None


VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator><i name="program" type="string">vasp </i><i name="version" type="string">5.4.4</i></generator>
 <kpoints><varray name="kpointlist"><v>0.0 0.0 0.0</v></varray>
  <varray name="weights"><v>1.0</v></varray></kpoints>
 <parameters><separator name="electronic"><i name="NELM">60</i></separator></parameters>
 <atominfo><atoms>1</atoms>
  <array name="atoms"><set><rc><c>Cu</c><c>1</c></rc></set></array>
 </atominfo>
 <structure name="initialpos"><crystal><varray name="basis">
   <v>3.0 0.0 0.0</v><v>0.0 3.0 0.0</v><v>0.0 0.0 3.0</v></varray></crystal>
  <varray name="positions"><v>0.5 0.0 0.0</v></varray></structure>
 <calculation>
  <scstep><energy><i name="e_fr_energy">-3.5</i><i name="e_0_energy">-3.25</i></energy></scstep>
  <structure><crystal><varray name="basis">
   <v>3.0 0.0 0.0</v><v>0.0 3.0 0.0</v><v>0.0 0.0 3.0</v></varray></crystal>
   <varray name="positions"><v>0.5 0.0 0.0</v></varray></structure>
  <varray name="forces"><v>0.1 0.2 0.3</v></varray>
  <varray name="stress"><v>1.0 0.0 0.0</v><v>0.0 2.0 0.0</v><v>0.0 0.0 3.0</v></varray>
  <energy><i name="e_fr_energy">-3.5</i><i name="e_wo_entrp">-3.0</i><i name="e_0_energy">-3.25</i></energy>
 </calculation>
</modeling>
"""


def test_vasp(tmp_path):
    (tmp_path / "vasprun.xml").write_text(VASPRUN)
    (frame,) = atoms.read_frames(tmp_path / "vasprun.xml")
    assert frame.numbers.tolist() == [29]
    assert frame.pbc.all()
    assert frame.positions.tolist() == [[1.5, 0.0, 0.0]]
    assert ase.io.read(tmp_path / "vasprun.xml").get_potential_energy() == pytest.approx(-3.25)
    assert frame.energy == pytest.approx(-3.5)  # the forces are its derivatives
    assert frame.forces.tolist() == [[0.1, 0.2, 0.3]]
    # VASP writes kilobar, positive in compression; 1 eV/angstrom^3 is 1602.18 kbar.
    np.testing.assert_allclose(np.diag(frame.stress), np.array([-1, -2, -3]) / 1602.1766, rtol=1e-6)


def _keep(self, **values):
    self.__dict__.update(values)


# Pickles as PyTorch Geometric's class of this name.
Data = type("Data", (), {"__init__": _keep, "__module__": "torch_geometric.data.data"})


@pytest.fixture
def record(monkeypatch):
    """Makes OC20's records."""
    module = ModuleType(Data.__module__)
    module.Data = Data
    for name in ("torch_geometric", "torch_geometric.data"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(**changes):
        values = {
            "pos": torch.arange(6, dtype=torch.float32).reshape(2, 3),
            "cell": 9 * torch.eye(3).reshape(1, 3, 3),
            "atomic_numbers": torch.tensor([29.0, 8.0]),
            "fixed": torch.tensor([1.0, 0.0]),
            "force": torch.ones(2, 3),
            "y": -4.5,
            "sid": 7,
        } | changes
        return pickle.dumps(Data(**{name: value for name, value in values.items() if value is not None}))

    return make


def test_oc20_records(record):
    frame = atoms.Frame(**read_record(record()))
    assert frame.numbers.tolist() == [29, 8]
    assert frame.pbc.all()
    assert frame.energy == -4.5
    assert frame.positions.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert frame.cell.tolist() == (9 * np.eye(3)).tolist()
    assert frame.force_mask.tolist() == [False, True]
    assert frame.forces.tolist() == np.ones((2, 3)).tolist()
    assert dict(frame.info) == {"sid": 7}
    bare = atoms.Frame(**read_record(record(fixed=None, force=None, y=None)))
    assert bare.energy is None
    assert bare.forces is None
    assert bare.force_mask is None
    with pytest.raises(InvalidArgument, match=r"^a record has no cell$"):
        read_record(record(cell=None))


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


def test_oc20_records_run_nothing(record, capsys):
    for content in (pickle.dumps(Evil()), record(sid=Evil())):
        with pytest.raises(InvalidArgument) as refused:
            read_record(content)
        assert str(refused.value) == "a record holds builtins.print, which is not read: it could run anything"
    assert capsys.readouterr().out == ""
    with pytest.raises(InvalidArgument, match=r"^a record is no graph, but int$"):
        read_record(pickle.dumps(3))


def test_oc20_files(tmp_path, record, monkeypatch):
    """With a stand-in for lmdb, which may be missing."""
    stored = {b"10": record(y=1.0), b"2": record(y=0.0), b"length": pickle.dumps(2)}

    class Open:
        def __enter__(self):
            return self

        def __exit__(self, *problem):
            return None

        def begin(self):
            return self

        def cursor(self):
            return iter(stored.items())

        def get(self, key):
            return stored[key]

    (tmp_path / "data.0000.lmdb").touch()
    monkeypatch.setitem(sys.modules, "lmdb", SimpleNamespace(open=lambda *_, **__: Open()))
    for path in (tmp_path, tmp_path / "data.0000.lmdb"):
        assert [frame.energy for frame in atoms.read_frames(path)] == [0.0, 1.0]
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(InvalidArgument, match=r"lmdb is not installed; `pip install lmdb` brings it$"):
        atoms.read_frames(tmp_path)


@pytest.mark.parametrize(
    ("index", "chosen"), [(":", [1, 2, 3, 4]), ("::2", [1, 3]), (-1, [4]), ("1", [2]), ("1:3", [2, 3]),
                          (slice(2, None), [3, 4])]
)  # fmt: skip
def test_index(tmp_path, index, chosen):
    md17(tmp_path / "a.npz")
    frames = atoms.read_frames(tmp_path / "a.npz", index=index, energy_unit="eV")
    assert [-frame.energy for frame in frames] == chosen


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"path": "nowhere.xyz"}, "path = 'nowhere.xyz' does not exist"),
        ({"format": "pdb"}, "format = 'pdb' is not one of extxyz, md17, ase-db, vasprun, deepmd, oc20-lmdb"),
        ({"energy_unit": "kcal"}, "energy_unit = 'kcal' is not one of eV, kcal/mol, kJ/mol, hartree"),
        ({"length_unit": "m"}, "length_unit = 'm' is not one of angstrom, bohr, nm"),
        ({"index": "a"}, "index = 'a' is neither an integer nor first:last:step"),
        ({"index": "::0"}, "index = '::0' is neither an integer nor first:last:step"),
        ({"index": None}, "index = None is neither an integer nor first:last:step"),
    ],
)
def test_refusals(tmp_path, arguments, text):
    md17(tmp_path / "a.npz")
    with pytest.raises(InvalidArgument) as refused:
        atoms.read_frames(**({"path": tmp_path / "a.npz"} | arguments))
    assert str(refused.value) == text


def test_names_that_tell_no_format(tmp_path):
    (tmp_path / "a.dat").touch()
    with pytest.raises(InvalidArgument) as refused:
        atoms.read_frames(tmp_path / "a.dat")
    assert str(refused.value).endswith(
        "its name tells no format; give one of extxyz, md17, ase-db, vasprun, deepmd, oc20-lmdb"
    )


@pytest.mark.parametrize("format", ["extxyz", "md17", "ase-db", "vasprun"])
def test_damaged_files(tmp_path, format):
    file = tmp_path / "file"
    for content in (b"12\nnot a frame\n", b"PK\x03\x04 rubbish", b"\x00" * 100):
        file.write_bytes(content)
        with pytest.raises(InvalidArgument) as refused:
            atoms.read_frames(file, format)
        assert str(refused.value).startswith(f"{file} cannot be read as {format}: ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"F": None}, "it has no array F"),
        ({"E": np.zeros(3)}, "E has shape (3,), not (4,)"),
        ({"F": np.zeros((4, 2, 3))}, "F has shape (4, 2, 3), not (4, 3, 3)"),
        ({"z": np.array([8, 1])}, "F has shape (4, 3, 3), not (4, 2, 3)"),
        ({"R": np.full((4, 3, 3), np.nan)}, "positions[0, 0] = nan is not finite"),
        ({"E": np.array([{}])}, "Object arrays cannot be loaded when allow_pickle=False"),
    ],
)
def test_damaged_archives(tmp_path, changes, text):
    file = tmp_path / "a.npz"
    md17(file, **changes)
    with pytest.raises(InvalidArgument) as refused:
        atoms.read_frames(file)
    assert str(refused.value) == f"{file} cannot be read as md17: {text}"


def test_damaged_folders(tmp_path):
    def refused(name):
        with pytest.raises(InvalidArgument) as problem:
            atoms.read_frames(tmp_path / name)
        return str(problem.value).removeprefix(f"{tmp_path / name} cannot be read as deepmd: ")

    (tmp_path / "empty").mkdir()
    assert refused("empty") == "there is no type.raw, neither in it nor in its folders"
    deepmd(tmp_path / "a", force=np.zeros((3, 6)))
    assert refused("a") == "force.npy has shape (3, 6), not (3, 9)"
    deepmd(tmp_path / "b", box=None)
    assert refused("b") == "set.000 has no coord.npy or no box.npy"
    deepmd(tmp_path / "c", energy=np.zeros(2))
    assert refused("c") == "energy.npy has shape (2,), not (3,)"
    deepmd(tmp_path / "d")
    (tmp_path / "d" / "type.raw").write_text("0 1 2")
    assert refused("d") == "type.raw: a type is outside [0, 2)"
    (tmp_path / "d" / "type_map.raw").write_text("O Qq")
    assert refused("d") == "type_map.raw: 'Qq' is no element"
    (tmp_path / "d" / "type_map.raw").unlink()
    assert refused("d") == "d has no type_map.raw: the elements are unknown"
    deepmd(tmp_path / "e", n_sets=0)
    assert refused("e") == "e has no set.*"
