"""Qiskit, Aer and mitiq: circuits and noise models from them, our simulators for them."""

from nonideal.hardware.quantum.interop.conversion import circuit_from_qiskit, circuit_to_qiskit
from nonideal.hardware.quantum.interop.noise import channel_from_aer, noise_from_aer

__all__ = ["channel_from_aer", "circuit_from_qiskit", "circuit_to_qiskit", "noise_from_aer"]
