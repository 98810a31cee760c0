"""Interatomic potentials: LEIGNN, a light equivariant network, and whether the dynamics that follows holds.

The path: frames with energies and forces -> a trained network -> a model file -> an engine in C++ that
simulators call -> molecular dynamics, compared with the reference that the network was trained on.

Source: Z. Yang et al., "Lightweight equivariant interaction graph neural network for accurate and efficient
interatomic potential and force predictions", arXiv 2311.02869 (2023).
"""

from nonideal.lazy import on_demand
from nonideal.physics.atoms.energy_reference import fit_energy_reference
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.neighbors import NeighborList, neighbor_list
from nonideal.physics.atoms.potential import Potential
from nonideal.physics.atoms.prediction import Prediction
from nonideal.physics.atoms.reading import read_frames
from nonideal.physics.atoms.training_result import TrainingError, TrainingRecord, TrainingResult

__all__ = [
    "LEIGNN",
    "Frame",
    "Graph",
    "LeignnCalculator",
    "NeighborList",
    "Potential",
    "Prediction",
    "Trainer",
    "TrainingError",
    "TrainingRecord",
    "TrainingResult",
    "fit_energy_reference",
    "message_pass",
    "neighbor_list",
    "read_frames",
]

__getattr__ = on_demand(
    __name__,
    {
        "LEIGNN": "model",
        "Graph": "graph",
        "LeignnCalculator": "calculator",
        "Trainer": "trainer",
        "message_pass": "message",
    },
)
