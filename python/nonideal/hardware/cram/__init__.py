"""Computing inside magnetic memory, gate by gate: computational random-access memory (CRAM).

The path: device -> gate library -> program -> simulation on the array -> error analysis -> converted model.

Source: Y. Lv et al., "Experimental demonstration of magnetic tunnel junction-based computational
random-access memory", npj Unconventional Computing 1, 3 (2024).
"""

from nonideal.estimate import Estimate
from nonideal.hardware.cram import analysis, circuits
from nonideal.hardware.cram.accounting import Cost, cost
from nonideal.hardware.cram.analysis import ErrorReport
from nonideal.hardware.cram.classifier import CramClassifier
from nonideal.hardware.cram.conversion import convert, fine_tune
from nonideal.hardware.cram.devices import DEVICES, MTJ, device
from nonideal.hardware.cram.divider import Divider, divide
from nonideal.hardware.cram.dots import HybridDot
from nonideal.hardware.cram.endurance import ENDURANCE_CYCLES, Endurance, endurance
from nonideal.hardware.cram.fitting import SwitchingFit, fit_switching
from nonideal.hardware.cram.gates import GATES, GateSpec, State
from nonideal.hardware.cram.layers import Layer, LayerRun
from nonideal.hardware.cram.library import CalibratedGate, GateLibrary
from nonideal.hardware.cram.matrices import matmul
from nonideal.hardware.cram.networks import CramModule, LayerReport, NetworkReport
from nonideal.hardware.cram.placement import Array, Placement, PresetPhase, place
from nonideal.hardware.cram.planes import BLOCK_LANES, BitPlanes, pack
from nonideal.hardware.cram.precessional import PrecessionalSwitching
from nonideal.hardware.cram.program import Port, Program, ProgramBuilder
from nonideal.hardware.cram.sigmoid import SigmoidSwitching
from nonideal.hardware.cram.simulation import Activity, SimulationResult, simulate
from nonideal.hardware.cram.split import SplitDot, SplitResult, SplitStage, split_dot
from nonideal.hardware.cram.switching import ThermalSwitching
from nonideal.hardware.cram.variation import Variation
from nonideal.hardware.cram.variation_map import VariationMap

__all__ = [
    "BLOCK_LANES",
    "DEVICES",
    "ENDURANCE_CYCLES",
    "GATES",
    "MTJ",
    "Activity",
    "Array",
    "BitPlanes",
    "CalibratedGate",
    "Cost",
    "CramClassifier",
    "CramModule",
    "Divider",
    "Endurance",
    "ErrorReport",
    "Estimate",
    "GateLibrary",
    "GateSpec",
    "HybridDot",
    "Layer",
    "LayerReport",
    "LayerRun",
    "NetworkReport",
    "Placement",
    "Port",
    "PrecessionalSwitching",
    "PresetPhase",
    "Program",
    "ProgramBuilder",
    "SigmoidSwitching",
    "SimulationResult",
    "SplitDot",
    "SplitResult",
    "SplitStage",
    "State",
    "SwitchingFit",
    "ThermalSwitching",
    "Variation",
    "VariationMap",
    "analysis",
    "circuits",
    "convert",
    "cost",
    "device",
    "divide",
    "endurance",
    "fine_tune",
    "fit_switching",
    "matmul",
    "pack",
    "place",
    "simulate",
    "split_dot",
]
