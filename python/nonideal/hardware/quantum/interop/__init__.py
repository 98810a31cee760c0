"""Qiskit, Aer and mitiq: circuits and noise models from them, our simulators for them.

Needs the extra ``quantum``; nothing else of nonideal imports this package by itself.
"""

from nonideal.hardware.quantum.interop.backend import Backend, Job
from nonideal.hardware.quantum.interop.conversion import circuit_from_qiskit, circuit_to_qiskit
from nonideal.hardware.quantum.interop.mitigation import mitiq_executor
from nonideal.hardware.quantum.interop.noise import channel_from_aer, noise_from_aer
from nonideal.hardware.quantum.interop.primitives import Estimator, Sampler

__all__ = [
    "Backend",
    "Estimator",
    "Job",
    "Sampler",
    "channel_from_aer",
    "circuit_from_qiskit",
    "circuit_to_qiskit",
    "mitiq_executor",
    "noise_from_aer",
]
