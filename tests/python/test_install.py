"""What an installation does to the process that imports it, and what is in it."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import nonideal

ROOT = Path(__file__).parents[2]
HEAVY = ["torch", "qiskit", "qiskit_aer", "mitiq", "ase", "matplotlib", "dask", "distributed", "sklearn"]


def answer(code, *, timeout=120, **environment):
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def loaded_after(statement):
    code = f"import sys\n{statement}\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return set(answer(code).split())


def test_import_is_light():
    assert loaded_after("import nonideal") == set()


def test_command_line_imports_are_light():
    assert loaded_after("import nonideal.cli") == set()


def test_cram_needs_no_extra():
    assert loaded_after("from nonideal.hardware import cram") <= {"sklearn"}


def test_version_has_one_source():
    assert f"project(nonideal VERSION {nonideal.__version__} " in (ROOT / "cpp/CMakeLists.txt").read_text()


KERNEL = """
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
import numpy as np
def run(num_threads):
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (2, 1 << 17))
    gates = cram.GateLibrary.uniform(1e-3)
    program = circuits.multiplier(8)
    return cram.simulate(program, {"a": a, "b": b}, gates, seed=1, num_threads=num_threads)["product"]
"""
TORCH = """
import torch
def multiply():
    return torch.ones(600, 600).matmul(torch.ones(600, 600)).sum().item()
"""
LIBGOMPS = """
from pathlib import Path
maps = Path("/proc/self/maps").read_text().splitlines()
names = {Path(line.split()[-1]).resolve() for line in maps if "libgomp" in line}
"""


@pytest.mark.parametrize("order", ["torch first", "torch last"])
def test_import_order_with_torch(order):
    """Both run their kernels, in one process with one OpenMP runtime."""
    parts = [TORCH, KERNEL] if order == "torch first" else [KERNEL, TORCH]
    code = "".join(parts) + "\nfirst = run(2); multiply(); same = (run(2) == first).all()\n"
    code += LIBGOMPS + "print(same, multiply(), len(names))"
    assert answer(code) == "True 216000000.0 1"


def test_torch_thread_count_is_left_alone():
    code = TORCH + "torch.set_num_threads(2)\n" + KERNEL + "run(1); run(3); print(torch.get_num_threads())"
    assert answer(code) == "2"


def test_forked_child_runs_serially_with_equal_bits():
    """OpenMP's workers do not survive a fork; without its guard the child would wait for them for ever."""
    code = (
        KERNEL
        + """
import os, signal, warnings
want = run(2)
assert len(os.listdir("/proc/self/task")) >= 2
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Python 3.12 on: fork in a process with threads
    child = os.fork()
if child == 0:
    signal.alarm(30)
    same = (run(2) == want).all()
    os._exit(0 if same and len(os.listdir("/proc/self/task")) == 1 else 1)
print(os.waitpid(child, 0)[1], (run(2) == want).all())
"""
    )
    assert answer(code, timeout=60) == "0 True"


def test_missing_extra_is_named_in_one_line():
    code = """
import sys
sys.modules["distributed"] = None  # what an import of a missing package does
from nonideal.parallel import Runner
try:
    Runner(cluster="tcp://127.0.0.1:9")
except ImportError as error:
    print(type(error).__name__, "|", error)
"""
    name, text = answer(code).split(" | ")
    assert name == "MissingExtra"
    assert text.endswith('is not installed; `pip install "nonideal[distributed]"` brings it')
    assert "\n" not in text


def test_missing_extra_on_the_command_line(tmp_path):
    code = f"""
import sys
sys.modules["distributed"] = None
sys.argv[1:] = ["run", "cram-digits", "--cluster", "tcp://127.0.0.1:9", "--out", {str(tmp_path / "out")!r}]
from nonideal.cli import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert 'pip install "nonideal[distributed]"' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512", "sse9"])
def test_instruction_set_of_the_environment(isa):
    code = """
from nonideal import InvalidArgument, _core
try:
    print(_core.active_isa())
except InvalidArgument as refusal:
    print(refusal)
"""
    available = answer("from nonideal import _core; print(*_core.available_isas())", NONIDEAL_ISA="").split()
    text = answer(code, NONIDEAL_ISA=isa)
    if isa in available:
        assert text == isa
    elif isa == "sse9":
        assert text == "NONIDEAL_ISA = sse9 is not one of baseline, avx2, avx512"
    else:
        assert text == f"NONIDEAL_ISA = {isa} is above what this processor or build has, {available[-1]}"


@pytest.mark.slow
def test_wheel(tmp_path):
    """The wheel holds the extension, the stubs, the C++ package and its headers, and nothing of the tests."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        tmp_path,
    ]
    build = f"-Cbuild-dir={tmp_path / 'build'}"
    done = subprocess.run([*command, build, ROOT], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    headers = {f"nonideal/{path.relative_to(ROOT / 'cpp')}" for path in (ROOT / "cpp/include").rglob("*.hpp")}
    modules = {str(path.relative_to(ROOT / "python")) for path in (ROOT / "python").rglob("*.py")}
    stubs = {"nonideal/_core/__init__.pyi", "nonideal/_core/cram.pyi", "nonideal/py.typed"}
    package = {
        f"nonideal/lib/cmake/nonideal/nonideal{part}.cmake" for part in ("Config", "ConfigVersion", "Targets")
    }
    assert (
        headers | modules | stubs | package | {f"nonideal/_core{suffix}", "nonideal/lib/libnonideal.a"}
        <= names
    )
    assert "nonideal/benchmarks/harness.py" in names
    assert not [
        name
        for name in names
        if name.split("/")[0] not in ("nonideal", f"nonideal-{nonideal.__version__}.dist-info")
    ]
    assert not [name for name in names if "tests/" in name or "__pycache__" in name]
    assert wheel.stat().st_size < 5 << 20

    # Unpacked out of reach of an editable install, it imports; the stubs do not hide the extension.
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = f"""
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path.insert(0, {str(site)!r})
from nonideal import _core
from nonideal.hardware import cram
print(_core.__file__, cram.circuits.adder(2).num_gates)
"""
    assert answer(code) == f"{site}/nonideal/_core{suffix} 18"
