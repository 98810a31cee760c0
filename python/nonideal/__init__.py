"""Scientific computing and learning on simulated non-ideal hardware, with error bars.

The wings: `nonideal.hardware` (what the machine does, and how it errs), `nonideal.physics` (what we compute),
`nonideal.learning` (what we learn), `nonideal.trust` (how far the answer can be trusted).
"""

from nonideal._install import cmake_dir, version
from nonideal.errors import ConvergenceError, InvalidArgument, MissingExtra, NumericalError
from nonideal.estimate import Estimate
from nonideal.threads import num_threads, set_num_threads

__version__ = version()

__all__ = [
    "ConvergenceError",
    "Estimate",
    "InvalidArgument",
    "MissingExtra",
    "NumericalError",
    "__version__",
    "cmake_dir",
    "num_threads",
    "set_num_threads",
]
