"""Pair style leignn in LAMMPS against the engine in Python, finite differences, and itself on two ranks."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import nonideal
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import atoms
from nonideal.physics.atoms import lammps
from nonideal.physics.atoms.lammps import plugin
from nonideal.physics.atoms.lammps.box import Box
from nonideal.physics.atoms.lammps.calculator import BAR

ROOT = Path(__file__).parents[4]
SYMBOLS = {8: "O", 29: "Cu"}
STRESS = "xx yy zz xy xz yz"
SMALL = {"cutoff": 4.2, "channels": 16, "layers": 3, "n_rbf": 8}


def wheel(package, name):
    """The path of a file of a package, None without the package."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())).resolve() for file in files if str(file).endswith(name)]
    return paths[0] if paths else None


MPIEXEC, LMP, MPI = (
    wheel("mpich", "bin/mpiexec"),
    wheel("lammps", "lammps/lmp"),
    wheel("mpich", "/libmpi.so.12"),
)
needs_lammps = pytest.mark.skipif(
    not (MPIEXEC and LMP and MPI), reason='needs `pip install "nonideal[lammps]"`: its lmp and mpiexec'
)
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return lammps.build_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Files of models with random weights, whose forces are some eV/angstrom."""
    folder, files = tmp_path_factory.mktemp("models"), {}
    for variant in ("v1", "vn"):
        files[variant] = folder / f"{variant}.leignn"
        model = atoms.LEIGNN(["O", "Cu"], variant=variant, seed=3, **SMALL)
        model.energy_scale.fill_(20.0)
        model.save(files[variant])
    return files


def crystal(shear=False, repeat=2, seed=5):
    """Rattled, mixed and sheared copper."""
    system = bulk("Cu", cubic=True).repeat(repeat)
    rng = np.random.default_rng(seed)
    system.numbers[rng.choice(len(system), len(system) // 3, replace=False)] = 8
    if shear:
        system.set_cell(system.cell[:] @ [[1.0, 0.0, 0.0], [0.21, 1.1, 0.0], [-0.3, 0.17, 0.95]], True)
    system.rattle(0.15, seed=seed)
    return system


def cluster():
    """All atoms in one half of the box: the other rank has none."""
    system = bulk("Cu", cubic=True).repeat((1, 2, 2))
    system.rattle(0.1, seed=1)
    system.set_cell([60.0, 18.0, 18.0])
    system.positions += 4.0
    return system


def write_data(path, system, box, numbers=(29, 8)):
    (lx, ly, lz), (xy, xz, yz) = box.lengths, box.tilts
    masses = {8: 15.999, 29: 63.546}
    lines = [
        *("data", "", f"{len(system)} atoms", f"{len(numbers)} atom types"),
        *(f"0 {float(lx)!r} xlo xhi", f"0 {float(ly)!r} ylo yhi", f"0 {float(lz)!r} zlo zhi"),
        *(f"{xy!r} {xz!r} {yz!r} xy xz yz", "", "Masses", ""),
        *(f"{t + 1} {masses[z]}" for t, z in enumerate(numbers)),
        *("", "Atoms", ""),
    ]
    for i, (z, place) in enumerate(zip(system.numbers, box.inside(system.positions), strict=True)):
        lines.append(f"{i + 1} {numbers.index(z) + 1} " + " ".join(repr(float(x)) for x in place))
    path.write_text("\n".join(lines) + "\n")


def environment(**other):
    return os.environ | {"LD_LIBRARY_PATH": str(MPI.parent), "OMP_NUM_THREADS": "1"} | other


def lmp(folder, text, ranks=1):
    """Run LAMMPS; return its status and what it printed."""
    script = folder / "in.lmp"
    script.write_text(text)
    done = subprocess.run(
        [MPIEXEC, "-n", str(ranks), LMP, "-in", script.name, "-log", "none", "-nocite"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def script(built, *, style="leignn precision double", coeff, head="units metal", ranks=1, tail=""):
    return f"""
plugin load {built}
{head}
atom_style atomic
atom_modify map array
processors {ranks} 1 1
boundary p p p
box tilt large
read_data atoms.data
pair_style {style}
{coeff}
neighbor 1.0 bin
{tail}
"""


OBSERVE = f"""
compute w all pressure NULL virial
compute e all pe/atom
thermo_style custom step pe {" ".join(f"c_w[{k}]" for k in range(1, 7))}
thermo_modify norm no
{{fix}}
dump d all custom 1 atoms.dump id c_e fx fy fz {{columns}}
dump_modify d sort id format float %.17g
run 0
print "RESULT $(pe:%.17g) {" ".join(f"$(c_w[{k}]:%.17g)" for k in range(1, 7))}"
"""


class Run:
    def __init__(self, folder, built, model, system, *, ranks=1, fix="", columns="", coeff=None, **other):
        self.box = Box.around(system.positions, system.cell[:], system.pbc, 10.0)
        write_data(folder / "atoms.data", system, self.box)
        tail = OBSERVE.format(fix=fix, columns=columns)
        coeff = coeff or f"pair_coeff * * {model} Cu O"
        text = script(built, coeff=coeff, ranks=ranks, tail=tail, **other)
        status, printed = lmp(folder, text, ranks)
        assert status == 0, printed
        result = [line for line in printed.splitlines() if line.startswith("RESULT")]
        self.energy, *virial = map(float, result[0].split()[1:])
        xx, yy, zz, xy, xz, yz = (-BAR * np.array(virial)).tolist()
        self.stress = self.box.tensor_back(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
        table = np.loadtxt((folder / "atoms.dump").read_text().splitlines()[9:], ndmin=2)
        self.energies, self.raw = table[:, 1], table[:, 2:]
        self.forces = self.box.back(table[:, 2:5])


def agree(found, expected, n, stress=True):
    assert found.energy == pytest.approx(expected.energy, abs=1e-9 * n)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-6)
    if stress:
        size = np.abs(expected.stress).max()
        np.testing.assert_allclose(found.stress, expected.stress, rtol=0, atol=1e-6 * size)
    assert np.abs(expected.forces).max() > 0.1


def reference(model, system, forces="gradient"):
    potential = atoms.Potential(model, precision="float64", radial="exact")
    return potential.compute(system, forces=forces, stress=True)


@needs_lammps
@needs_compiler
class TestAgreement:
    @pytest.mark.parametrize("ranks", [1, 2])
    @pytest.mark.parametrize("shear", [False, True])
    @pytest.mark.parametrize("variant", ["v1", "vn"])
    def test_the_engine_in_python(self, tmp_path, built, models, variant, shear, ranks):
        system = crystal(shear)
        found = Run(tmp_path, built, models[variant], system, ranks=ranks)
        expected = reference(models[variant], system)
        agree(found, expected, len(system))
        np.testing.assert_allclose(found.energies, expected.energies, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("variant", ["v1", "vn"])
    def test_a_rank_without_atoms(self, tmp_path, built, models, variant):
        system = cluster()
        agree(
            Run(tmp_path, built, models[variant], system, ranks=2),
            reference(models[variant], system),
            len(system),
        )

    @pytest.mark.parametrize("ranks", [1, 2])
    def test_direct_forces_come_with_the_virial_of_the_energy(self, tmp_path, built, models, ranks):
        system = crystal(True)
        style = "leignn precision double forces direct radial exact"
        found = Run(tmp_path, built, models["v1"], system, ranks=ranks, style=style)
        expected = reference(models["v1"], system, "direct")
        assert found.energy == pytest.approx(expected.energy, abs=1e-9 * len(system))
        np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-6)
        np.testing.assert_allclose(
            found.stress, expected.stress, rtol=0, atol=1e-6 * np.abs(expected.stress).max()
        )
        assert np.abs(found.forces - reference(models["v1"], system).forces).max() > 1e-2

    @pytest.mark.parametrize("radial", ["table", "exact"])
    def test_single_precision(self, tmp_path, built, models, radial):
        system = crystal()
        found = Run(
            tmp_path, built, models["vn"], system, ranks=2, style=f"leignn precision single radial {radial}"
        )
        potential = atoms.Potential(models["vn"], precision="float32", radial=radial)
        expected = potential.compute(system, forces="gradient", stress=True)
        scale = np.abs(expected.forces).max()
        assert found.energy == pytest.approx(expected.energy, rel=1e-5)
        np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-4 * scale)

    @pytest.mark.parametrize("ranks", [1, 2])
    def test_a_table_in_double_precision(self, tmp_path, built, models, ranks):
        """It has four times the intervals of single precision's."""
        system = crystal(True)
        style = "leignn precision double radial table"
        found = Run(tmp_path, built, models["v1"], system, ranks=ranks, style=style)
        knots = 16 * max(SMALL["n_rbf"] - 1, 5 + 4)  # the envelope's exponent is 5
        potential = atoms.Potential(models["v1"], precision="float64", knots=knots)
        table, exact = potential.compute(system, stress=True), reference(models["v1"], system)
        agree(found, table, len(system))
        assert abs(found.energy - table.energy) < 0.01 * abs(table.energy - exact.energy)  # no other table
        scale = np.abs(exact.forces).max()
        assert 0 < abs(found.energy - exact.energy) < 1e-8 * max(1.0, abs(exact.energy))
        np.testing.assert_allclose(found.forces, exact.forces, rtol=0, atol=1e-6 * scale)

    @pytest.mark.parametrize("forces", ["gradient", "direct"])
    @pytest.mark.parametrize("ranks", [1, 2])
    @pytest.mark.parametrize("variant", ["v1", "vn"])
    def test_stresses_of_atoms(self, tmp_path, built, models, variant, ranks, forces):
        """They are the engine's virials, symmetrised, and add up to the pressure."""
        system = crystal(True)
        found = Run(
            *(tmp_path, built, models[variant], system),
            ranks=ranks,
            style=f"leignn precision double forces {forces}",
            fix="compute s all stress/atom NULL pair",
            columns=" ".join(f"c_s[{k}]" for k in range(1, 7)),
        )
        potential = atoms.Potential(models[variant], precision="float64")
        expected = potential.compute(system, stress=True, virials=True)
        xx, yy, zz, xy, xz, yz = (-BAR * found.raw[:, 3:9]).T
        virials = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]).transpose(2, 0, 1)
        virials = np.array([found.box.tensor_back(virial) for virial in virials])
        want = (expected.virials + expected.virials.transpose(0, 2, 1)) / 2
        np.testing.assert_allclose(virials, want, rtol=0, atol=1e-6 * np.abs(want).max())
        volume = system.get_volume()
        size = np.abs(virials).sum(axis=0).max()
        np.testing.assert_allclose(virials.sum(axis=0), -found.stress * volume, rtol=0, atol=1e-12 * size)

    def test_finite_differences_of_lammps(self, tmp_path, built, models):
        columns = "f_fd[1] f_fd[2] f_fd[3]"
        found = Run(
            *(tmp_path, built, models["v1"], crystal(True, (1, 1, 2))),
            fix="fix fd all numdiff 1 1e-4",
            columns=columns,
            ranks=2,
        )
        np.testing.assert_allclose(found.raw[:, :3], found.raw[:, 3:6], rtol=0, atol=1e-5)
        assert np.abs(found.forces).max() > 0.1

    @pytest.mark.parametrize("ranks", [1, 2])
    def test_beside_another_style(self, tmp_path, built, models, ranks):
        """A hybrid style makes room for what is sent before it knows the model."""
        system, style = crystal(repeat=3), "hybrid/overlay leignn precision double zero 5.0"
        coeff = f"pair_coeff * * leignn {models['vn']} Cu O\npair_coeff * * zero"
        found = Run(tmp_path, built, None, system, ranks=ranks, style=style, coeff=coeff)
        agree(found, reference(models["vn"], system), len(system))

    @pytest.mark.parametrize("ranks", [1, 2])
    def test_energy_is_conserved(self, tmp_path, built, models, ranks):
        system = crystal(repeat=3)
        box = Box.around(system.positions, system.cell[:], system.pbc, 10.0)
        write_data(tmp_path / "atoms.data", system, box)
        tail = """
velocity all create 300 12345 loop geom
timestep 0.0005
fix move all nve
thermo_modify norm no
thermo 20
thermo_style custom step etotal ke
run 200
"""
        coeff = f"pair_coeff * * {models['v1']} Cu O"
        status, printed = lmp(tmp_path, script(built, coeff=coeff, ranks=ranks, tail=tail), ranks)
        assert status == 0, printed
        lines = [line.split() for line in printed.splitlines()]
        rows = np.array(
            [list(map(float, w)) for w in lines if len(w) == 3 and w[0].isdigit() and int(w[0]) % 20 == 0]
        )
        assert len(rows) == 11
        exchanged = np.ptp(rows[:, 2])
        assert exchanged > 1.0  # eV
        assert np.ptp(rows[:, 1]) < 5e-3 * exchanged


WRONG = {  # what is changed -> LAMMPS's error
    "units": ({"head": "units real"}, "Pair style leignn needs units metal, not real"),
    "option": ({"style": "leignn speed high"}, "speed is no option; there are forces, precision, radial"),
    "value": ({"style": "leignn precision half"}, "option precision can't be half"),
    "no value": ({"style": "leignn forces"}, "option forces has no value"),
    "file": ({"coeff": "pair_coeff * * nowhere.leignn Cu O"}, "can't open the file nowhere.leignn"),
    "damaged": ({"coeff": "pair_coeff * * atoms.data Cu O"}, "Pair style leignn: atoms.data"),
    "few": ({"coeff": "pair_coeff * * MODEL Cu"}, "one chemical symbol for each of 2 atom types; it has 4"),
    "many": ({"coeff": "pair_coeff * * MODEL Cu O O"}, "for each of 2 atom types; it has 6 arguments"),
    "null": ({"coeff": "pair_coeff * * MODEL Cu NULL"}, "NULL is no chemical symbol"),
    "symbol": ({"coeff": "pair_coeff * * MODEL Cu Q"}, "Q is no chemical symbol"),
    "element": ({"coeff": "pair_coeff * * MODEL Cu Ag"}, "the model does not know Ag"),
    "types": ({"coeff": "pair_coeff 1 2 MODEL Cu O"}, "* *"),
    "limited": ({"coeff": "pair_coeff * * LIMITED Cu O"}, "the model limits neighbours to 12"),
    "no coeff": ({"coeff": ""}, "pair coeffs are not set"),
    "again": (
        {"coeff": "pair_coeff * * MODEL Cu O\npair_style leignn precision single"},
        "pair coeffs are not set",
    ),
    "near": ({"tail": "displace_atoms all random 0 0 0 1\nset atom 1*2 x 1 y 1 z 1"}, "below 0.01 or"),
    "centroid": (
        {"tail": "compute s all centroid/stress/atom NULL\nfix a all ave/atom 1 1 1 c_s[1]"},
        "does not support compute centroid/stress/atom",
    ),
}


@needs_lammps
@needs_compiler
class TestRefusals:
    @pytest.mark.parametrize("ranks", [1, 2])
    @pytest.mark.parametrize("name", WRONG)
    def test_a_lammps_error(self, tmp_path, built, models, name, ranks):
        change, text = WRONG[name]
        limited = tmp_path / "limited.leignn"
        if name == "limited":
            atoms.LEIGNN(["O", "Cu"], max_neighbors=12, seed=1, **SMALL).save(limited)
        system = crystal()
        write_data(
            tmp_path / "atoms.data", system, Box.around(system.positions, system.cell[:], system.pbc, 1.0)
        )
        words = {"coeff": "pair_coeff * * MODEL Cu O", "tail": ""} | change
        words["tail"] += "\nrun 1"
        words["coeff"] = words["coeff"].replace("MODEL", str(models["v1"])).replace("LIMITED", str(limited))
        status, printed = lmp(tmp_path, script(built, ranks=ranks, **words), ranks)
        assert status == 1, printed
        assert "ERROR" in printed
        assert text.lower() in printed.lower(), printed

    @pytest.mark.parametrize("weights", ["0 0 0", "1 1 1"])
    def test_bonded_atoms_stay_neighbours(self, tmp_path, built, models, weights):
        text = script(built, coeff=f"pair_coeff * * {models['v1']} Cu")
        text = text.replace("atom_style atomic", "atom_style molecular")
        box = "region b block 0 9 0 9 0 9\ncreate_box 1 b\ncreate_atoms 1 single 1 1 1\nmass 1 1"
        text = text.replace("read_data atoms.data", box) + f"special_bonds lj/coul {weights}\nrun 0\n"
        status, printed = lmp(tmp_path, text)
        refused = "needs bonded atoms in its list: special_bonds lj/coul 1 1 1" in printed
        assert (status, refused) == ((1, True) if weights == "0 0 0" else (0, False)), printed


@needs_lammps
@needs_compiler
class TestBuild:
    def test_kept_until_something_changes(self, tmp_path, monkeypatch):
        first = lammps.build_plugin(tmp_path)
        made = first.stat().st_mtime_ns
        assert first == tmp_path / "leignnplugin.so"
        assert lammps.build_plugin(tmp_path).stat().st_mtime_ns == made
        monkeypatch.setattr(plugin, "_FLAGS", (*plugin._FLAGS, "-DANOTHER"))
        assert lammps.build_plugin(tmp_path).stat().st_mtime_ns > made

    def test_lmp_finds_it(self, tmp_path, models):
        """The command of the wheel asks the entry points; a plain lmp has no such style."""
        (tmp_path / "in.lmp").write_text(
            "units metal\nregion b block 0 9 0 9 0 9\ncreate_box 1 b\ncreate_atoms 1 single 1 1 1\n"
            f"mass 1 1\npair_style leignn\npair_coeff * * {models['v1']} Cu\nrun 0\n"
        )
        command = ["-in", "in.lmp", "-log", "none"]
        code = f"import sys; sys.argv[1:] = {command!r}; from lammps.executable import lmp; lmp()"
        clean = {k: v for k, v in os.environ.items() if k not in {"LD_LIBRARY_PATH", "LAMMPS_PLUGIN_PATH"}}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=clean | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ERROR" not in done.stdout

    def test_no_compiler(self, tmp_path, monkeypatch):
        with pytest.raises(InvalidArgument, match=r"^compiler = nothing-here: no such program$"):
            lammps.build_plugin(tmp_path, compiler="nothing-here")
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setenv("PATH", "")
        with pytest.raises(
            InvalidArgument, match=r"^compiler: none of c\+\+, g\+\+, clang\+\+ is installed$"
        ):
            lammps.build_plugin(tmp_path)

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(InvalidArgument, match=r"^destination = .*file: File exists$"):
            lammps.build_plugin(tmp_path / "file")

    def test_a_compiler_that_fails(self, tmp_path):
        false = shutil.which("false")
        with pytest.raises(InvalidArgument, match=r"^compiler = .*false fails: 1$"):
            lammps.build_plugin(tmp_path, compiler=false)


@needs_lammps
@needs_compiler
class TestCMake:
    """The plugin from CMake, for those whose LAMMPS is no wheel."""

    def check(self, tmp_path, models, source, *options):
        folder = tmp_path / "build"
        cmake = shutil.which("cmake", path=str(Path(sys.executable).parent)) or "cmake"
        options = (
            *options,
            f"-DLAMMPS_DIR={LMP.parent}",
            f"-DMPI_CXX_COMPILER={wheel('mpich', 'bin/mpicxx')}",
        )
        for command in (
            [cmake, "-S", source, "-B", folder, *options],
            [cmake, "--build", folder, "--target", "nonideal_lammps", "-j2"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        (plugin_file,) = folder.rglob("leignnplugin.so")
        system = crystal(True)
        found = Run(tmp_path, plugin_file, models["vn"], system, ranks=2)
        agree(found, reference(models["vn"], system), len(system))

    def test_alone(self, tmp_path, models):
        self.check(tmp_path, models, ROOT / "cpp/lammps", f"-Dnonideal_DIR={nonideal.cmake_dir()}")

    @pytest.mark.slow
    def test_as_a_part(self, tmp_path, models):
        options = ("-DNONIDEAL_LAMMPS=ON", "-DNONIDEAL_WERROR=ON", "-DNONIDEAL_BUILD_TESTS=OFF")
        self.check(tmp_path, models, ROOT, *options)


def test_without_the_extra(tmp_path, monkeypatch, capsys):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(plugin.importlib.metadata, "files", missing)
    with pytest.raises(MissingExtra, match=r"^lammps is not installed"):
        lammps.build_plugin(tmp_path)
    assert lammps.plugin_folder() == ""
    assert "no pair style leignn: lammps is not installed" in capsys.readouterr().err
