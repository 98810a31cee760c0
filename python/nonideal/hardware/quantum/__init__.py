"""Quantum circuits that decohere, and what can be trusted of what they say.

The path: circuit and noise model -> simulator -> error mitigation -> distances and nearest neighbours.

Source: Z. Kuang et al., "Quantum computing with error mitigation for data-driven computational
homogenization", arXiv 2312.14460. Qubit 0 is the least significant one everywhere, as in Qiskit.
"""

from nonideal.estimate import Estimate
from nonideal.hardware.quantum.channel import CONVENTIONS, Channel
from nonideal.hardware.quantum.circuit import GATES, Circuit, GateSpec, Instruction
from nonideal.hardware.quantum.counts import Counts
from nonideal.hardware.quantum.distance import DistanceEstimator, Distances, Neighbors, state_preparation
from nonideal.hardware.quantum.noise import NoiseModel, ReadoutError
from nonideal.hardware.quantum.parameter import LinearExpression, Parameter
from nonideal.hardware.quantum.readout_mitigation import readout_mitigated, readout_mitigated_parity
from nonideal.hardware.quantum.simulator import Simulator
from nonideal.hardware.quantum.zne import ZNE, ErrorBudget, ZNEEstimate

__all__ = [
    "CONVENTIONS",
    "GATES",
    "ZNE",
    "Channel",
    "Circuit",
    "Counts",
    "DistanceEstimator",
    "Distances",
    "ErrorBudget",
    "Estimate",
    "GateSpec",
    "Instruction",
    "LinearExpression",
    "Neighbors",
    "NoiseModel",
    "Parameter",
    "ReadoutError",
    "Simulator",
    "ZNEEstimate",
    "readout_mitigated",
    "readout_mitigated_parity",
    "state_preparation",
]
