"""Interatomic potentials: LEIGNN, a light equivariant network, and whether the dynamics that follows holds.

The path: frames with energies and forces -> a trained network -> a model file -> an engine in C++ that
simulators call -> molecular dynamics, compared with the reference that the network was trained on.

Source: Z. Yang et al., "Lightweight equivariant interaction graph neural network for accurate and efficient
interatomic potential and force predictions", arXiv 2311.02869 (2023).
"""

from nonideal.lazy import on_demand
from nonideal.physics.atoms.angles import bond_angle_distribution
from nonideal.physics.atoms.correlations import (
    diffusion_coefficient,
    mean_squared_displacement,
    velocity_autocorrelation,
)
from nonideal.physics.atoms.distributions import (
    distance_histogram,
    force_distribution,
    radial_distribution,
    rdf_mae,
    stability_time,
)
from nonideal.physics.atoms.drift import EnergyDrift, energy_drift
from nonideal.physics.atoms.energy_reference import fit_energy_reference
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.generators import GENERATORS, Generator, ground_truth
from nonideal.physics.atoms.md_report import Comparison, MDReport
from nonideal.physics.atoms.neighbors import NeighborList, neighbor_list
from nonideal.physics.atoms.potential import Potential
from nonideal.physics.atoms.prediction import Prediction
from nonideal.physics.atoms.reading import read_frames
from nonideal.physics.atoms.training_result import TrainingError, TrainingRecord, TrainingResult
from nonideal.physics.atoms.trajectory import Trajectory

__all__ = [
    "GENERATORS",
    "LEIGNN",
    "Comparison",
    "DynamicsInterrupted",
    "EnergyDrift",
    "EquationOfState",
    "Frame",
    "Generator",
    "Graph",
    "LeignnCalculator",
    "MDReport",
    "NeighborList",
    "Potential",
    "Prediction",
    "SamplingInterrupted",
    "Trainer",
    "TrainingError",
    "TrainingRecord",
    "TrainingResult",
    "Trajectory",
    "UnstableDynamics",
    "bond_angle_distribution",
    "diffusion_coefficient",
    "distance_histogram",
    "energy_drift",
    "equation_of_state",
    "fit_energy_reference",
    "force_distribution",
    "ground_truth",
    "mean_squared_displacement",
    "message_pass",
    "neighbor_list",
    "radial_distribution",
    "rdf_mae",
    "read_frames",
    "run_md",
    "sample_frames",
    "stability_time",
    "vacancy_formation_energy",
    "validate_md",
    "velocity_autocorrelation",
]

# They need the extra `atoms`.
__getattr__ = on_demand(
    __name__,
    {
        "LEIGNN": "model",
        "DynamicsInterrupted": "dynamics",
        "EquationOfState": "crystal",
        "Graph": "graph",
        "LeignnCalculator": "calculator",
        "SamplingInterrupted": "sampling",
        "Trainer": "trainer",
        "UnstableDynamics": "dynamics",
        "equation_of_state": "crystal",
        "message_pass": "message",
        "run_md": "dynamics",
        "sample_frames": "sampling",
        "vacancy_formation_energy": "crystal",
        "validate_md": "validation",
    },
)
