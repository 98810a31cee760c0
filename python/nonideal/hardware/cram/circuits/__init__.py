"""Programs out of gates: arithmetic, truth tables, netlists.

Words are least significant bit first, unsigned unless ``signed=True`` (two's complement).

Full-adder designs (``full_adder=``): ``"nand9"`` (nine NAND2), ``"maj5_buf"`` (MIN3, BUF, MAJ5, NOT),
``"maj5_not"`` (MAJ3, two NOT, MAJ5), ``"min5"`` (two MIN3, MIN5, two NOT: every preset is 0). AND
(``and_gate=``): ``"nand_not"`` (two gates) or ``"and2"`` (one gate, less reliable on a device).

Source of the first three designs: the abstract of Lv et al., npj Unconv. Comput. 1, 3 (2024) names two
designs, all-NAND and majority with inversion; the exact wiring of the latter is not established, so both
variants are offered.
"""

from nonideal.hardware.cram.circuits.arithmetic import (
    adder,
    dot,
    full_adder,
    greater_equal,
    multiplier,
    popcount,
    products,
    subtractor,
    xnor_dot,
)
from nonideal.hardware.cram.circuits.blif import from_blif, to_blif
from nonideal.hardware.cram.circuits.choice import choose_basis, choose_full_adder
from nonideal.hardware.cram.circuits.equivalence import Equivalence, equivalent
from nonideal.hardware.cram.circuits.hardening import harden
from nonideal.hardware.cram.circuits.trace import Word, select, trace
from nonideal.hardware.cram.circuits.truth_table import from_truth_table

__all__ = [
    "Equivalence",
    "Word",
    "adder",
    "choose_basis",
    "choose_full_adder",
    "dot",
    "equivalent",
    "from_blif",
    "from_truth_table",
    "full_adder",
    "greater_equal",
    "harden",
    "multiplier",
    "popcount",
    "products",
    "select",
    "subtractor",
    "to_blif",
    "trace",
    "xnor_dot",
]
