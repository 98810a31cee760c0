"""The committed stubs are what the extension module says of itself.

Made by ``python -m pybind11_stubgen nonideal._core -o build/stubs && cp build/stubs/nonideal/_core/*.pyi
python/nonideal/_core/``. That folder holds no ``__init__.py``, so it does not hide the compiled module
beside it.
"""

import subprocess
import sys
from pathlib import Path

from nonideal import _core

COMMITTED = Path(__file__).parents[2] / "python/nonideal/_core"


def stubs(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.pyi")}


def test_stubs_are_fresh(tmp_path):
    command = [sys.executable, "-m", "pybind11_stubgen", "nonideal._core", "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert stubs(COMMITTED) == stubs(tmp_path / "nonideal/_core"), (
        "stale: this file's docstring says how to make them"
    )


def test_stub_folder_holds_no_code():
    assert {path.suffix for path in COMMITTED.iterdir() if path.name != "__pycache__"} == {".pyi"}


def test_the_compiled_module_is_what_is_imported():
    assert Path(_core.__file__).suffix == ".so"
