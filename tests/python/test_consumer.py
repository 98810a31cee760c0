"""A C++ host finds the library in a prefix, static and shared, in the wheel, and as a subdirectory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nonideal
from nonideal import _core
from nonideal.hardware import cram, quantum
from nonideal.hardware.cram import analysis, circuits
from nonideal.physics import atoms, flow
from nonideal.physics.atoms.architecture import architecture
from nonideal.physics.atoms.model_file import ModelFile

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent  # of the virtual environment: pip brings cmake and ninja
LANES, SEED = 100_003, 7


def tool(name):
    return shutil.which(name, path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))


CMAKE, NINJA = tool("cmake"), tool("ninja")


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(source, folder, *definitions):
    assert CMAKE, "cmake comes with the extra nonideal[test]"
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={NINJA}"] if NINJA else []
    run(CMAKE, "-S", source, "-B", folder, *generator, *[f"-D{definition}" for definition in definitions])
    run(CMAKE, "--build", folder, "--parallel", 2)
    return folder


def install(prefix, folder, *definitions):
    build(ROOT / "cpp", folder, *definitions)
    run(CMAKE, "--install", folder, "--prefix", prefix)
    return prefix


def check_host(host):
    """The host prints what Python computes from the same seed: as many wrong sums, the same distance."""
    header, _, *rows = run(host, LANES, SEED).splitlines()
    assert header == f"8-bit adder: 72 gates in 29 columns, {LANES} lanes, seed {SEED}"
    assert len(rows) == 5
    for row in rows:
        probability, wrong, rate, _, rate_error, distance, _, distance_error = row.split()
        library = cram.GateLibrary.uniform(float(probability))
        report = analysis.monte_carlo(circuits.adder(8), library, lanes=LANES, seed=SEED)
        assert int(wrong) == round(report.error_rate.value * LANES)
        assert rate == f"{report.error_rate.value:.3e}"
        assert float(distance) == pytest.approx(report.mean_error_distance.value, abs=5.1e-5)
        if int(wrong):  # where no error was seen, Python states a bound
            assert float(distance_error) == pytest.approx(
                report.mean_error_distance.standard_error, abs=5.1e-5
            )
        p, n = report.error_rate.value, LANES
        assert rate_error == f"{(p * (1 - p) / n) ** 0.5:.1e}"


def test_static_prefix(tmp_path):
    prefix = install(tmp_path / "prefix", tmp_path / "library")
    host = build(ROOT / "cpp/examples/adder", tmp_path / "host", f"CMAKE_PREFIX_PATH={prefix}") / "adder_host"
    check_host(host)
    installed = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    headers = {
        str(path.relative_to(ROOT / "cpp")) for path in (ROOT / "cpp/include").rglob("*") if path.is_file()
    }
    assert headers <= installed, "a public header is not in cpp/CMakeLists.txt"


@pytest.fixture(scope="module")
def host_of_package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    return build(ROOT / "cpp/examples/adder", folder, f"nonideal_DIR={nonideal.cmake_dir()}") / "adder_host"


def test_installed_package(host_of_package):
    assert (nonideal.cmake_dir() / "nonidealConfig.cmake").is_file()
    check_host(host_of_package)


def test_quantum_host_of_the_package(tmp_path):
    """The host's table holds what Python finds in the same clouds of points."""
    host = build(ROOT / "cpp/examples/neighbours", tmp_path, f"nonideal_DIR={nonideal.cmake_dir()}")
    header, _, *rows = run(host / "neighbours_host", 500, SEED).splitlines()
    assert header == f"200 queries, 500 points in 8 dimensions, seed {SEED}: wrong neighbours"

    def cloud(points, stream):
        words = np.array([_core.philox([i, 0, stream, 0], SEED)[:2] for i in range(points * 8)])
        return ((words[:, 0] >> 5) * 67108864.0 + (words[:, 1] >> 6)).reshape(points, 8) / 2**53

    queries, points = cloud(200, 0), cloud(500, 1)
    exact = quantum.DistanceEstimator().nearest(queries, points).index
    assert len(rows) == 6
    for row in rows:
        p2, shots, *counts = row.split()
        noise = quantum.NoiseModel.depolarizing(float(p2) / 10, float(p2))
        for zne, count in zip((None, quantum.ZNE()), counts, strict=True):
            estimator = quantum.DistanceEstimator(
                shots=None if shots == "exact" else int(shots), noise=noise, zne=zne, seed=SEED
            )
            assert int(count) == (estimator.nearest(queries, points).index != exact).sum()


def test_flow_host_of_the_package(tmp_path):
    """The host's Picard iteration ends where Python's does."""
    host = build(ROOT / "cpp/examples/flow", tmp_path, f"nonideal_DIR={nonideal.cmake_dir()}") / "flow_host"
    for n, re in ((8, 100), (16, 250)):
        solution = flow.cases.two_lid_cavity(n).solve({"Re": re, "a": 0.0}, method="picard", tol=1e-8)
        header, energy = run(host, n, re).rstrip().split(", kinetic energy ")
        unknowns = flow.cases.two_lid_cavity(n).operator.matrix.shape[0]
        assert header == f"cavity at Re {re}, {unknowns} unknowns: {solution.linear_solves} solves"
        assert float(energy) == pytest.approx(solution.kinetic_energy(), abs=1e-10)
    done = subprocess.run([host, "1"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "squares per side = 1 is not a whole number in [2, 500]\n")
    done = subprocess.run([host, "4", "1000"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("relative step ")


def test_potential_hosts_of_the_package(tmp_path):
    """Hosts in C++ and C print what Python computes from the same model file."""
    shape = architecture(["H", "Cu"], cutoff=4.0, channels=12, layers=2, n_rbf=8)
    rng = np.random.default_rng(SEED)
    weights = {name: rng.normal(size=size) / np.sqrt(size[-1]) for name, size in shape.parameters().items()}
    model = ModelFile(shape, weights, 1.5, (-1.0, 0.5), {}).write(tmp_path / "model.leignn")
    cell = np.array([[5.0, 0.2, 0.0], [0.0, 5.5, 0.4], [0.3, 0.0, 6.0]])
    grid = np.stack(np.meshgrid(*[[0.0, 0.5]] * 3), -1).reshape(-1, 3)
    frame = atoms.Frame([1, 29] * 4, (grid + rng.uniform(-0.05, 0.05, (8, 3))) @ cell, cell, True)
    lines = [*frame.cell, *np.column_stack([frame.numbers, frame.positions])]
    text = "\n".join(" ".join(f"{x:.17g}" for x in line) for line in lines)
    want = atoms.Potential(model, precision="float64").compute(frame, forces="gradient", stress=True)
    virial = -want.stress * abs(np.linalg.det(cell))

    for name in ("potential", "potential_c"):
        folder = build(ROOT / "cpp/examples" / name, tmp_path / name, f"nonideal_DIR={nonideal.cmake_dir()}")
        host = folder / f"{name}_host"
        energy, *rows = run(host, model, input=text).splitlines()
        numbers = np.array([[float(word) for word in row.split()] for row in rows])
        assert float(energy) == pytest.approx(want.energy, abs=1e-12)
        np.testing.assert_allclose(numbers[:8], want.forces, atol=1e-12)
        np.testing.assert_allclose((numbers[8:] + numbers[8:].T) / 2, virial, atol=1e-10)

        prefixes = ("", "") if name == "potential" else ("status 3: ", "status 1: ")
        nowhere = tmp_path / "none.leignn"
        for path, structure, message, status in [
            (nowhere, text, f"{prefixes[0]}{nowhere}: cannot be read\n", 3),
            (
                model,
                text.replace("29 ", "79 "),
                f"{prefixes[1]}numbers[1] = 79 is not among the model's species, 1, 29\n",
                1,
            ),
        ]:
            done = subprocess.run([host, path], input=structure, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stdout) == (1 if name == "potential" else status, "")
            assert done.stderr == message


def test_host_refuses_bad_arguments(host_of_package):
    for arguments, message in [
        (["1"], "lanes = 1 is not a whole number in [2, 4294967296]\n"),
        (["many"], "lanes = many is not a whole number in [2, 4294967296]\n"),
        (["10", "-1"], "seed = -1 is not a whole number in [0, 18446744073709551615]\n"),
        (["10", "1", "1"], "usage: adder_host [lanes [seed]]\n"),
    ]:
        done = subprocess.run([host_of_package, *arguments], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
    environment = {**os.environ, "NONIDEAL_ISA": "sse9"}
    done = subprocess.run([host_of_package], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert done.stderr == "NONIDEAL_ISA = sse9 is not one of baseline, avx2, avx512\n"


@pytest.mark.parametrize(("version", "found"), [("0.1", True), ("0.2", False), ("1.0", False)])
def test_package_version(tmp_path, version, found):
    """A 0.x package fits hosts that ask for its own minor version."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25...4.0)\nproject(host LANGUAGES CXX)\n"
        f"find_package(nonideal {version} CONFIG QUIET)\n"
        'message(STATUS "found: ${nonideal_FOUND}")\n'
    )
    output = run(CMAKE, "-S", tmp_path, "-B", tmp_path / "build", f"-Dnonideal_DIR={nonideal.cmake_dir()}")
    assert f"found: {int(found)}" in output


@pytest.mark.slow
def test_shared_prefix(tmp_path):
    prefix = install(tmp_path / "prefix", tmp_path / "library", "BUILD_SHARED_LIBS=ON")
    assert list(prefix.glob("lib*/libnonideal.so.0.1.0"))
    folder = build(ROOT / "cpp/examples/adder", tmp_path / "host", f"CMAKE_PREFIX_PATH={prefix}")
    check_host(folder / "adder_host")


@pytest.mark.slow
def test_subdirectory(tmp_path):
    check_host(build(ROOT / "tests/consumer", tmp_path / "host") / "adder_host")
