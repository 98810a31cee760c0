"""An array whose cells differ: one value per cell, and what each row's gates make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special

from nonideal.checks import FloatArray, check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ
from nonideal.hardware.cram.gate_errors import log_wrong
from nonideal.hardware.cram.gates import GateSpec, State
from nonideal.hardware.cram.library import CalibratedGate
from nonideal.hardware.cram.network import Circuit, Junctions
from nonideal.hardware.cram.placement import Array
from nonideal.hardware.cram.variation import Variation, check_variation, log_p_of_cells
from nonideal.seeds import resolve_seed

__all__ = ["VariationMap"]

# Order counts: a quantity's place is part of its random numbers' key.
_QUANTITIES = ("resistance", "threshold", "tmr", "delta")


class VariationMap:
    """The cells of one array: R_P, TMR, threshold and delta of every one; made by `VariationMap.sample`.

    Variation is static: a cell keeps its values, so that the errors of a gate in one row belong together
    over time. `errors` is what a simulation needs of it.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> mtj = cram.device("lv2024_fit")
    >>> spread = cram.Variation(resistance=0.05, threshold=0.05)
    >>> cells = cram.VariationMap.sample(mtj, cram.Array(rows=512, columns=8), spread, seed=1)
    >>> nand = cram.GateLibrary(mtj, gates=["NAND2"], variation=spread)["NAND2"]
    >>> table = cells.errors(nand, output_column=2, input_columns=(0, 1))
    >>> table.shape                                   # row, input state
    (512, 4)
    >>> rows = table.mean(axis=1)
    >>> f"{nand.mean_error:.3f}: rows from {rows.min():.0e} to {rows.max():.2f}"
    '0.054: rows from 5e-03 to 0.47'
    """

    __slots__ = ("_columns", "_factors", "_mtj", "_rows", "_seed", "_variation")

    _mtj: MTJ
    _variation: Variation
    _seed: int
    _rows: int
    _columns: int
    _factors: Mapping[str, FloatArray]  # (columns, rows): a column's cells lie together

    def __init__(self) -> None:
        raise InvalidArgument("VariationMap is made by VariationMap.sample")

    @classmethod
    def sample(cls, mtj: MTJ, array: Array, variation: Variation, *, seed: int | None = None) -> VariationMap:
        """Draw the cells of an array.

        Parameters
        ----------
        mtj : MTJ
            The device around which cells vary.
        array : Array
            Its rows and columns.
        variation : Variation
            How far.
        seed : int or None
            In [0, 2^64); None draws one, which `seed` reports.

        Raises
        ------
        InvalidArgument
            If an argument is of another type, the seed is out of range, or delta varies in a switching model
            without one.

        Notes
        -----
        Cell (row, column) has the values of word ``row`` in column ``column``'s stream of numpy's
        Philox4x64-10, key (seed, quantity), counter (0, column, 0, 0), by the inverse of the normal
        distribution: a larger array begins with the cells of a smaller one. The simulator's own random
        numbers come from Philox4x32-10 and have nothing in common with these.
        """
        if not isinstance(mtj, MTJ):
            raise InvalidArgument(f"mtj = {mtj!r} is not an MTJ")
        if not isinstance(array, Array):
            raise InvalidArgument(f"array: {type(array).__name__} is not an Array")
        variation = check_variation(mtj, variation)
        self = cls.__new__(cls)
        self._mtj, self._variation, self._seed = mtj, variation, resolve_seed(seed)
        self._rows, self._columns = array.rows, array.columns
        self._factors = {
            name: variation.factor(name, _normal(self._seed, quantity, self._columns, self._rows))
            for quantity, name in enumerate(_QUANTITIES)
            if getattr(variation, name) > 0.0
        }
        for factor in self._factors.values():
            factor.flags.writeable = False
        return self

    @property
    def mtj(self) -> MTJ:
        """The device around which cells vary."""
        return self._mtj

    @property
    def variation(self) -> Variation:
        """How far."""
        return self._variation

    @property
    def seed(self) -> int:
        """The seed behind the cells."""
        return self._seed

    @property
    def rows(self) -> int:
        """Rows of the array."""
        return self._rows

    @property
    def columns(self) -> int:
        """Columns of the array."""
        return self._columns

    @property
    def resistance_parallel(self) -> FloatArray:
        """(rows, columns) float64, ohm."""
        return self._mtj.resistance_parallel * self._factor("resistance")

    @property
    def tmr(self) -> FloatArray:
        """(rows, columns) float64, ratio, at zero bias."""
        return self._mtj.tmr * self._factor("tmr")

    @property
    def threshold_scale(self) -> FloatArray:
        """(rows, columns) float64: by what a cell's critical voltages are multiplied."""
        return self._factor("threshold")

    @property
    def delta_scale(self) -> FloatArray:
        """(rows, columns) float64: by what a cell's thermal stability is multiplied."""
        return self._factor("delta")

    def errors(self, gate: CalibratedGate, output_column: int, input_columns: Sequence[int]) -> FloatArray:
        """Return how often a gate at these columns is wrong, in each row and for each input state.

        Parameters
        ----------
        gate : CalibratedGate
            With a voltage, which is that of all rows.
        output_column : int
            Column of the output cell.
        input_columns : sequence of int
            Columns of the n input cells.

        Returns
        -------
        ndarray of shape (rows, 2 ** n)
            float64: P(output wrong) where bit i of the second index is the state of ``input_columns[i]``.

        Raises
        ------
        InvalidArgument
            If the gate has no voltage, or columns are out of range, repeated or not n.
        """
        if not isinstance(gate, CalibratedGate):
            raise InvalidArgument(f"gate: {type(gate).__name__} is not a CalibratedGate")
        spec, mtj = gate.spec, self._mtj
        if gate.voltage is None:
            raise InvalidArgument(
                f"gate {spec.name} has no voltage: variation needs a library that is calibrated for a device"
            )
        *inputs, output = self._checked_columns(gate, output_column, input_columns)
        ones = np.array([state.bit_count() for state in range(2**spec.fan_in)])[:, np.newaxis]
        threshold, delta = (
            None if factor is None else factor[output]
            for factor in (self._factors.get("threshold"), self._factors.get("delta"))
        )
        with np.errstate(under="ignore"):
            volts = self._output_voltage(spec, gate.voltage, inputs, output)
            logs = log_p_of_cells(mtj, spec, volts, threshold, delta)
            table = np.exp(log_wrong(mtj, spec, ones, *logs))
        return np.array(np.broadcast_to(table, (len(ones), self._rows)).T, order="C")

    def _output_voltage(
        self, spec: GateSpec, voltage: float, inputs: Sequence[int], output: int
    ) -> FloatArray:
        """Return the voltage over the output cells: (states, rows), or (states, 1) where cells are alike."""
        mtj = self._mtj
        access, line = mtj.access_resistance, mtj.line_resistance
        ohms = [self._cell_values("resistance", mtj.resistance_parallel, c) for c in (*inputs, output)]
        ratio = [self._cell_values("tmr", mtj.tmr, c) for c in (*inputs, output)]
        output_ratio = ratio[-1] if spec.preset == State.AP else 0.0 * ratio[-1]
        if mtj.tmr_half_voltage is None:
            # As `Circuit.solve`, with the inputs' conductances added up once for all states: the states in
            # which input i is 1 follow those in which it is 0.
            total: FloatArray = np.zeros((1, 1))
            for r, t in zip(ohms[:-1], ratio[:-1], strict=True):
                halves = total + 1.0 / (r + access), total + 1.0 / (r * (1.0 + t) + access)
                total = np.concatenate(np.broadcast_arrays(*halves))
            out = ohms[-1] * (1.0 + output_ratio)
            return np.asarray(voltage * (out / (1.0 / total + (out + access + line))))
        bits = np.arange(2**spec.fan_in)[:, np.newaxis] >> np.arange(spec.fan_in) & 1  # (states, inputs)
        network = Circuit(
            inputs=Junctions(
                np.stack(ohms[:-1], axis=-1), np.stack(ratio[:-1], axis=-1) * bits[:, np.newaxis, :]
            ),
            count=np.ones(spec.fan_in),
            output=Junctions(ohms[-1], output_ratio),
            access=access,
            line=line,
            half_voltage=mtj.tmr_half_voltage,
        )
        return network.solve(voltage)[1]

    def _cell_values(self, name: str, mean: float, column: int) -> FloatArray:
        """Return a quantity of the cells of a column, (rows,), or (1,) where it does not vary."""
        factor = self._factors.get(name)
        return np.full(1, mean) if factor is None else mean * factor[column]

    def _checked_columns(
        self, gate: CalibratedGate, output_column: int, input_columns: Sequence[int]
    ) -> list[int]:
        """Return the inputs' columns, then the output's."""
        named = {f"input_columns[{i}]": column for i, column in enumerate(input_columns)}
        if len(named) != gate.spec.fan_in:
            raise InvalidArgument(
                f"input_columns: {len(named)} columns, but {gate.spec.name} has {gate.spec.fan_in} inputs"
            )
        checked: list[int] = []
        for name, column in (named | {"output_column": output_column}).items():
            column = check_integer(name, column, 0)
            if column >= self._columns:
                raise InvalidArgument(f"{name} = {column} is outside [0, {self._columns})")
            if column in checked:
                raise InvalidArgument(f"{name} = {column} is the column of another input")
            checked.append(column)
        return checked

    def _factor(self, name: str) -> FloatArray:
        factor = self._factors.get(name)
        shape = self._rows, self._columns
        return np.ones(shape) if factor is None else np.ascontiguousarray(factor.T)


def _normal(seed: int, quantity: int, columns: int, rows: int) -> FloatArray:
    """Return standard normal numbers, (columns, rows)."""
    words = np.empty((columns, rows), dtype=np.uint64)
    key = np.array([seed, quantity], dtype=np.uint64)
    for column in range(columns):
        counter = np.array([0, column, 0, 0], dtype=np.uint64)
        words[column] = np.random.Philox(key=key, counter=counter).random_raw(rows)
    # 53 bits, in the middles of their intervals: never 0 or 1.
    return np.asarray(special.ndtri(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53))
