"""Quantum circuits that decohere, and what can be trusted of what they say.

The path: circuit and noise model -> simulator -> error mitigation -> distances and nearest neighbours.

Source: Z. Kuang et al., "Quantum computing with error mitigation for data-driven computational
homogenization", arXiv 2312.14460. Qubit 0 is the least significant one everywhere, as in Qiskit.

Examples
--------
Any circuit, native or of Qiskit, wherever a circuit is taken:

>>> import numpy as np
>>> from nonideal.hardware import quantum
>>> noise = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
>>> bell = quantum.Circuit(2).h(0).cx(0, 1)
>>> sim = quantum.Simulator(noise=noise, seed=7)
>>> sim.probabilities(bell).round(4)
array([0.4975, 0.0025, 0.0025, 0.4975])
>>> sim.sample(bell, shots=1000)
{'00': 492, '01': 1, '10': 3, '11': 504}
>>> print(sim.expectation(bell, "Z0 Z1", shots=4096))
0.9907 ± 0.0021 (n = 4096)

A template and an array of angles: one call, a million circuits if need be.

>>> theta = quantum.Parameter("theta")
>>> template = quantum.Circuit(2).ry(theta, 0).cx(0, 1).rz(0.5 * theta, 1)
>>> sim.probabilities(template, qubits=[1], parameters=np.linspace(0, np.pi, 1000)[:, None]).shape
(1000, 2)

Mitigation:

>>> zne = quantum.ZNE(scales=(1, 3, 5), extrapolator="richardson")
>>> print(zne.expectation(sim, bell, "Z0 Z1", shots=4096))
0.9995 ± 0.0061 (n = 4096)

Distances and neighbours:

>>> estimator = quantum.DistanceEstimator(
...     method="hadamard", shots=1024, noise=noise, translation="cells", seed=7,
...     zne=quantum.ZNE(extrapolator="exponential", asymptote=0.5))
>>> database = np.random.default_rng(0).normal(size=(20, 8))
>>> queries = database[:3] + 0.1
>>> estimator.pairwise(queries, database).squared_distance.shape
(3, 20)
>>> estimator.nearest(queries, database).index
array([0, 1, 2])
"""

from nonideal.estimate import Estimate
from nonideal.hardware.quantum.channel import CONVENTIONS, Channel
from nonideal.hardware.quantum.circuit import GATES, Circuit, GateSpec, Instruction
from nonideal.hardware.quantum.counts import Counts
from nonideal.hardware.quantum.distance import DistanceEstimator, Distances, Neighbors, state_preparation
from nonideal.hardware.quantum.noise import NoiseModel, ReadoutError
from nonideal.hardware.quantum.parameter import LinearExpression, Parameter
from nonideal.hardware.quantum.readout_mitigation import readout_mitigated, readout_mitigated_parity
from nonideal.hardware.quantum.simulator import METHODS, PRECISIONS, Simulator
from nonideal.hardware.quantum.zne import ZNE, ErrorBudget, ZNEEstimate

__all__ = [
    "CONVENTIONS",
    "GATES",
    "METHODS",
    "PRECISIONS",
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
