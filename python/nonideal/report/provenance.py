"""Which software and which machine made a result."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["machine", "versions"]

# Distribution and the module whose presence in this process shows that it took part.
_LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "torch": "torch",
    "qiskit": "qiskit",
    "qiskit-aer": "qiskit_aer",
    "mitiq": "mitiq",
    "ase": "ase",
    "meshio": "meshio",
    "scikit-fem": "skfem",
    "distributed": "distributed",
}


def versions() -> dict[str, str]:
    """Return the versions of nonideal, Python and the libraries that this process has loaded."""
    import nonideal

    found = {"nonideal": str(nonideal.__version__), "python": platform.python_version()}
    for distribution, module in _LIBRARIES.items():
        if module in sys.modules:
            found[distribution] = _version(distribution)
    return found


def machine() -> dict[str, str]:
    """Return system, processor and usable cores; nothing that names the machine or its user."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": str(cores),
    }


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def _processor() -> str:
    # platform.processor() is empty on most Linux distributions.
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
