"""How wrong the results of a program are.

By sampling (`monte_carlo`), exactly (`exact`, `distribution`), by the number of faults (`curve`), and gate by
gate (`sensitivity`).
"""

from nonideal.estimate import Estimate
from nonideal.hardware.cram.analysis.exact import distribution, exact
from nonideal.hardware.cram.analysis.monte_carlo import monte_carlo
from nonideal.hardware.cram.analysis.report import ErrorReport
from nonideal.hardware.cram.analysis.sensitivity import Sensitivity, sensitivity
from nonideal.hardware.cram.analysis.strata import ErrorCurve, curve

__all__ = [
    "ErrorCurve",
    "ErrorReport",
    "Estimate",
    "Sensitivity",
    "curve",
    "distribution",
    "exact",
    "monte_carlo",
    "sensitivity",
]
