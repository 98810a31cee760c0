"""A linear layer in integers: every dot product in a row of the array, signs and scales in the periphery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_finite, check_int32, check_integer, check_positive
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.accounting import Cost, cost
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Placement
from nonideal.hardware.cram.planes import BitPlanes, integer_array, pack
from nonideal.hardware.cram.program import Program
from nonideal.hardware.cram.quantization import quantize_inputs
from nonideal.hardware.cram.simulation import Activity, simulate

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
    activity : Activity or None
        Counts per gate, where they were asked for.
    """

    values: IntArray
    lanes: int
    activity: Activity | None

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
    placement : Placement
        The dot product that every lane runs.
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
    placement: Placement
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
        if not isinstance(self.placement, Placement):
            raise InvalidArgument(f"placement: {type(self.placement).__name__} is not a Placement")
        ports = {port.name: (port.bits, port.length) for port in self.program.inputs}
        wanted = {"x": (self.bits_input, features), "w": (self.bits_weight, features)}
        if ports != wanted:
            raise InvalidArgument(
                f"placement: its program's inputs (bits, length) are {ports}, the layer needs {wanted}"
            )

    @property
    def program(self) -> Program:
        """The placed dot product."""
        return self.placement.program

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
        stream: int = 0,
        first_row: int = 0,
        activity: bool = False,
        num_threads: int | None = None,
    ) -> LayerRun:
        """Compute all dot products of some rows, gate by gate.

        Parameters
        ----------
        x : (rows * groups, features) int64
            Quantised inputs; the groups of a row follow each other.
        gates, seed, stream, activity, num_threads
            As in `simulate`.
        first_row : int
            x holds rows ``first_row``, ``first_row + 1``, ... of a larger set: shards equal the whole.

        Returns
        -------
        LayerRun
            A pure function of x, gates, seed, stream and first_row.
        """
        values, counts = run_products(
            self.program,
            x,
            self.bits_input,
            self._weight_planes,
            gates,
            groups=self.groups,
            seed=seed,
            stream=stream,
            first_row=first_row,
            activity=activity,
            num_threads=num_threads,
        )
        return LayerRun(values.reshape(-1, self.outputs, SIGNS), values.size, counts)


def run_products(
    program: Program,
    x: IntArray,
    bits_x: int,
    weights: BitPlanes,
    gates: GateLibrary | None,
    *,
    groups: int = 1,
    seed: int | None = None,
    stream: int = 0,
    first_row: int = 0,
    activity: bool = False,
    num_threads: int | None = None,
) -> tuple[IntArray, Activity | None]:
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
    seen: list[Activity] = []
    results = max(port.length or 1 for port in program.outputs)
    step = max(1, _CHUNK_LANES // (per_row * results))
    for start in range(0, rows, step):
        chunk = x[start * groups : (start + step) * groups]
        lanes = len(chunk) // groups * per_row
        planes = pack(chunk, bits_x, num_threads=num_threads)
        result = simulate(
            program,
            {
                "x": BitPlanes(planes.words, lanes, repeat=per_row // groups, entries=len(chunk)),
                "w": BitPlanes(weights.words, lanes, entries=per_row),
            },
            gates,
            seed=seed,
            stream=stream,
            first_lane=(first_row + start) * per_row,
            activity=activity,
            num_threads=num_threads,
        )
        sums = result["y"] if "y" in result else result["products"].sum(axis=1)  # hybrid: an exact sum
        values[start : start + step] = sums.reshape(-1, per_row)
        if result.activity is not None:
            seen.append(result.activity)
    if not seen:
        return values, None
    lanes_seen, flips = (np.sum([getattr(a, name) for a in seen], axis=0) for name in ("lanes", "flips"))
    return values, Activity(lanes_seen, flips)


def layer_cost(layer: Layer, run: LayerRun, gates: GateLibrary | None) -> Cost:
    """Return what a run with measured activity costs.

    Raises
    ------
    InvalidArgument
        If the library is None or has no device.
    """
    if gates is None:
        raise InvalidArgument("gates: ideal gates have no device, so energy and latency are unknown")
    return cost(layer.placement, gates, lanes=run.lanes, activity=run.activity)


def add_costs(costs: Sequence[Cost]) -> Cost:
    """Return the cost of layers that run one after the other, each in arrays of its own.

    Energies, gates per lane, steps, latencies, lanes and arrays add up; columns are those of the widest
    layer; utilisation is that of all arrays' cells.
    """
    if len(costs) == 1:
        return costs[0]
    arrays = sum(c.arrays for c in costs)
    return Cost(
        gates=sum(c.gates for c in costs),
        presets=sum(c.presets for c in costs),
        preset_phases=sum(c.preset_phases for c in costs),
        steps=sum(c.steps for c in costs),
        latency=sum(c.latency for c in costs),
        energy_gates=sum(c.energy_gates for c in costs),
        energy_presets=sum(c.energy_presets for c in costs),
        energy_periphery=sum(c.energy_periphery for c in costs),
        lanes=sum(c.lanes for c in costs),
        rows=costs[0].rows,
        columns=max(c.columns for c in costs),
        arrays=arrays,
        utilization=sum(c.utilization * c.arrays for c in costs) / arrays if arrays else 0.0,
        activity_source=costs[0].activity_source,
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
