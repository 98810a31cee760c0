"""A linear layer in integers: every dot product in a row of the array, signs and scales in the periphery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_finite, check_int32, check_integer, check_positive
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.accounting import Cost
from nonideal.hardware.cram.dots import (
    Dot,
    DotActivity,
    HybridDot,
    add_activity,
    count_gates,
    dot_cost,
    longest,
    results_per_lane,
    run_dot,
)
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Placement
from nonideal.hardware.cram.planes import BitPlanes, integer_array, pack
from nonideal.hardware.cram.program import Program
from nonideal.hardware.cram.quantization import quantize_inputs
from nonideal.hardware.cram.split import SplitDot
from nonideal.seeds import derive_seed, resolve_seed

__all__ = [
    "SIGNS",
    "Layer",
    "LayerRun",
    "add_costs",
    "check_bits",
    "layer_cost",
    "real_array",
    "run_products",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SIGNS = 2  # a weight's positive and its negative part, each in a lane of its own
_CHUNK_LANES = 1 << 21  # lanes whose results are integers at the same time


@dataclass(frozen=True, eq=False)
class LayerRun:
    """What left the array.

    Parameters
    ----------
    values : (rows, outputs, 2) int64
        Dot products with the positive and with the negative parts of the weights.
    lanes : int
        Lanes that ran.
    activity : Activity, tuple of mappings, or None
        Counts per gate, where they were asked for; for a dot product over several rows as `SplitDot` has it.
    seed : int
        The seed that was used.
    """

    values: IntArray
    lanes: int
    activity: DotActivity | None
    seed: int

    @property
    def differences(self) -> IntArray:
        """Products with the signed weights, (rows, outputs)."""
        difference: IntArray = self.values[:, :, 0] - self.values[:, :, 1]
        return difference


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer in integers, placed on an array.

    A lane computes one dot product: lane ``(row * outputs + output) * 2 + sign`` that of a row of inputs with
    the positive (sign 0) or negative (sign 1) parts of the output's weights. A row is a sample or, in a
    convolution, a position of a sample.

    Parameters
    ----------
    weight : (outputs, features) int64
        In [-(2^bits_weight - 1), 2^bits_weight - 1].
    weight_scale : float or (outputs,) float64
        What a unit of ``weight`` stands for.
    input_scale : float
        What a unit of a quantised input stands for.
    bias : (outputs,) float64
        Added in the periphery.
    bits_input, bits_weight : int
        Widths of the words in the array, 1 to 8.
    placement : Placement, SplitDot or HybridDot
        The dot product that every lane runs: in one row, over several, or summed up outside the array.
    zero_point : int
        The integer that stands for input 0; above 0 where inputs can be negative. Its share of the products,
        ``zero_point * weight.sum(axis=1)``, is a constant that the periphery subtracts.
    groups : int
        Outputs come in so many groups, each with ``features`` inputs of its own.
    name : str
        Of the layer in its model.

    Raises
    ------
    InvalidArgument
        If shapes don't fit each other or the program, or a number is out of range.
    """

    weight: IntArray
    weight_scale: float | FloatArray
    input_scale: float
    bias: FloatArray
    bits_input: int
    bits_weight: int
    placement: Dot
    zero_point: int = 0
    groups: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        for field in ("bits_input", "bits_weight"):
            object.__setattr__(self, field, check_bits(field, getattr(self, field)))
        weight = integer_array("weight", self.weight).astype(np.int64)
        if weight.ndim != 2 or weight.size == 0:
            raise InvalidArgument(f"weight: shape {weight.shape} is not (outputs, features)")
        outputs, features = weight.shape
        most = 2**self.bits_weight - 1
        if np.abs(weight).max() > most:
            i, j = np.unravel_index(np.abs(weight).argmax(), weight.shape)
            raise InvalidArgument(f"weight[{i}, {j}] = {weight[i, j]} is outside [{-most}, {most}]")
        object.__setattr__(self, "weight", weight)
        scale = check_finite("weight_scale", self.weight_scale)
        if scale.shape not in ((), (outputs,)):
            raise InvalidArgument(f"weight_scale: shape {scale.shape} is neither () nor ({outputs},)")
        if not np.all(scale > 0):
            raise InvalidArgument(f"weight_scale = {scale.min()} is not > 0")
        object.__setattr__(self, "weight_scale", float(scale) if scale.ndim == 0 else scale)
        object.__setattr__(self, "input_scale", check_positive("input_scale", self.input_scale))
        bias = check_finite("bias", self.bias)
        if bias.shape != (outputs,):
            raise InvalidArgument(f"bias: shape {bias.shape} is not ({outputs},)")
        object.__setattr__(self, "bias", bias)
        zero, top = check_integer("zero_point", self.zero_point, 0), 2**self.bits_input - 1
        if zero > top:
            raise InvalidArgument(f"zero_point = {zero} is outside [0, {top}]")
        object.__setattr__(self, "zero_point", zero)
        object.__setattr__(self, "groups", check_integer("groups", self.groups, 1))
        if outputs % self.groups:
            raise InvalidArgument(f"groups = {self.groups} doesn't divide {outputs} outputs")
        if not isinstance(self.name, str):
            raise InvalidArgument(f"name = {self.name!r} is not a text")
        dot = self.placement
        if isinstance(dot, SplitDot | HybridDot):
            ports = {"x": (dot.bits_x, dot.length), "w": (dot.bits_w, dot.length)}
        elif isinstance(dot, Placement):
            ports = {port.name: (port.bits, port.length or 1) for port in dot.program.inputs}
        else:
            raise InvalidArgument(f"placement: {type(dot).__name__} is not a Placement")
        wanted = {"x": (self.bits_input, features), "w": (self.bits_weight, features)}
        if ports != wanted:
            raise InvalidArgument(
                f"placement: its program's inputs (bits, length) are {ports}, the layer needs {wanted}"
            )

    @property
    def program(self) -> Program:
        """The placed dot product; of one over several rows, its widest piece."""
        return longest(self.placement).program

    @property
    def gate_counts(self) -> dict[str, int]:
        """Gates of one dot product by name, those of all its rows."""
        return dict(count_gates(self.placement))

    @property
    def outputs(self) -> int:
        """Outputs of a row."""
        return self.weight.shape[0]

    def quantize(self, X: Any) -> IntArray:
        """Return inputs as integers, (samples, features), in [0, 2^bits_input - 1]; halves go to even ones.

        Raises
        ------
        InvalidArgument
            If X has another shape, holds NaN or infinite values, or negative ones where the zero point is 0.
        """
        values = real_array("X", X, self.weight.shape[1])
        if self.zero_point == 0 and values.size and values.min() < 0:
            raise InvalidArgument(f"X: {values.min()} is below 0, where the calibration held nothing")
        return self.integers(values)

    def integers(self, values: FloatArray) -> IntArray:
        """Return values of any shape as integers; what lies beyond the calibrated range saturates."""
        return quantize_inputs(values, self.input_scale, self.zero_point, self.bits_input)

    def exact(self, x: IntArray) -> IntArray:
        """Return `LayerRun.values` by integer arithmetic, (rows, outputs, 2); x as for `run`."""
        features = self.weight.shape[1]
        rows = x.reshape(-1, self.groups, features).astype(np.float64)  # doubles: exact, and BLAS is fast
        weights = self._parts.reshape(self.groups, -1, features).astype(np.float64)
        products = np.matmul(rows.transpose(1, 0, 2), weights.transpose(0, 2, 1)).transpose(1, 0, 2)
        values: IntArray = products.reshape(-1, self.outputs, SIGNS).astype(np.int64)
        return values

    def dequantize(self, products: IntArray) -> FloatArray:
        """Return ``input_scale * weight_scale * (products - zero_point * weight.sum(axis=1)) + bias``.

        Parameters
        ----------
        products : (rows, outputs) int64
            What left the array.
        """
        scale = self.input_scale * np.asarray(self.weight_scale)
        values: FloatArray = (products - self.zero_point * self.weight.sum(axis=1)) * scale + self.bias
        return values

    @cached_property
    def _parts(self) -> IntArray:
        """Positive and negative parts of each output's weights in turns, (2 * outputs, features)."""
        parts: IntArray = np.stack([np.maximum(self.weight, 0), np.maximum(-self.weight, 0)], axis=1)
        return parts.reshape(SIGNS * self.outputs, -1)

    @cached_property
    def _weight_planes(self) -> BitPlanes:
        return pack(self._parts, self.bits_weight)

    def run(
        self,
        x: IntArray,
        gates: GateLibrary | None = None,
        *,
        seed: int | None = None,
        first_row: int = 0,
        activity: bool = False,
        num_threads: int | None = None,
    ) -> LayerRun:
        """Compute all dot products of some rows, gate by gate.

        Parameters
        ----------
        x : (rows * groups, features) int64
            Quantised inputs; the groups of a row follow each other.
        gates, seed, activity, num_threads
            As in `simulate`.
        first_row : int
            x holds rows ``first_row``, ``first_row + 1``, ... of a larger set: shards equal the whole.

        Returns
        -------
        LayerRun
            A pure function of x, gates, its seed and first_row.
        """
        seed = resolve_seed(seed)  # once: all chunks of rows have the same
        values, counts = run_products(
            self.placement,
            x,
            self.bits_input,
            self._weight_planes,
            gates,
            groups=self.groups,
            seed=seed,
            first_row=first_row,
            activity=activity,
            num_threads=num_threads,
        )
        return LayerRun(values.reshape(-1, self.outputs, SIGNS), values.size, counts, seed)


def run_products(
    dot: Dot,
    x: IntArray,
    bits_x: int,
    weights: BitPlanes,
    gates: GateLibrary | None,
    *,
    groups: int = 1,
    seed: int,
    first_row: int = 0,
    activity: bool = False,
    num_threads: int | None = None,
) -> tuple[IntArray, DotActivity | None]:
    """Compute the dot products of rows with weights: lane ``row * weights + weight``, in chunks of rows.

    Parameters
    ----------
    x : (rows * groups, features) int64
        A row's groups follow each other.
    weights : BitPlanes
        Those of the first group first.
    others
        As in `Layer.run`.

    Returns
    -------
    values, activity
        (rows, weights) int64, and counts of all lanes where they were asked for.
    """
    rows, per_row = len(x) // groups, weights.lanes
    values = np.empty((rows, per_row), dtype=np.int64)
    counts: DotActivity | None = None
    step = max(1, _CHUNK_LANES // (per_row * results_per_lane(dot)))
    for start in range(0, rows, step):
        chunk = x[start * groups : (start + step) * groups]
        lanes = len(chunk) // groups * per_row
        planes = pack(chunk, bits_x, num_threads=num_threads)
        products, seen = run_dot(
            dot,
            BitPlanes(planes.words, lanes, repeat=per_row // groups, entries=len(chunk)),
            BitPlanes(weights.words, lanes, entries=per_row),
            gates,
            seed=seed,
            first_lane=(first_row + start) * per_row,
            activity=activity,
            num_threads=num_threads,
        )
        values[start : start + step] = products.reshape(-1, per_row)
        counts = add_activity(counts, seen)
    return values, counts


def layer_seed(seed: int, layer: int, call: int = 0) -> int:
    """Return the seed of a layer's errors: the model's own for the first layer, others derived from it."""
    return derive_seed(seed, layer, call) if layer or call else seed


def layer_cost(layer: Layer, lanes: int, activity: DotActivity | None, gates: GateLibrary | None) -> Cost:
    """Return what a run of some lanes with measured activity costs.

    Raises
    ------
    InvalidArgument
        If the library is None or has no device.
    """
    if gates is None:
        raise InvalidArgument("gates: ideal gates have no device, so energy and latency are unknown")
    return dot_cost(layer.placement, gates, lanes, activity)


def add_costs(costs: Sequence[Cost]) -> Cost:
    """Return the cost of layers that run one after the other, each in arrays of its own.

    Energies, gates per lane, steps, latencies, lanes and arrays add up; columns are those of the widest
    layer; utilisation is that of all arrays' cells.
    """
    arrays = sum(c.arrays for c in costs)
    used = sum(c.utilization * c.arrays for c in costs)
    return replace(
        costs[0],
        **{name: sum(getattr(c, name) for c in costs) for name in _ADDED},
        columns=max(c.columns for c in costs),
        arrays=arrays,
        utilization=used / arrays if arrays else 0.0,
        neglected=tuple(dict.fromkeys(name for c in costs for name in c.neglected)),
    )


_ADDED = (
    "gates",
    "presets",
    "preset_phases",
    "steps",
    "memory_steps",
    "latency",
    "energy_gates",
    "energy_presets",
    "energy_periphery",
    "energy_movement",
    "lanes",
    "reads",
    "writes",
)


def check_bits(name: str, value: Any) -> int:
    """Return the width of a layer's words."""
    if not 1 <= (bits := check_int32(name, value)) <= 8:
        raise InvalidArgument(f"{name} = {bits} is outside [1, 8]")
    return bits


def real_array(name: str, X: Any, features: int) -> FloatArray:
    """Return (samples, features) finite floats."""
    array = np.asarray(X)
    if array.dtype.kind not in "fiub":
        raise InvalidArgument(f"{name}: dtype {array.dtype} is not a real number type")
    if array.ndim != 2 or array.shape[1] != features:
        raise InvalidArgument(f"{name}: shape {array.shape} is not (samples, {features})")
    values = array.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise InvalidArgument(f"{name} holds values that are not finite")
    return values
