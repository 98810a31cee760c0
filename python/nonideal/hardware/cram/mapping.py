"""How layers of numbers become integers and programs on an array: the options that `convert` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice
from nonideal.hardware.cram.dots import ACCUMULATE, map_dot
from nonideal.hardware.cram.layers import Layer, check_bits
from nonideal.hardware.cram.placement import Array
from nonideal.hardware.cram.quantization import input_scale, quantize_weights

__all__ = ["Mapper"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mapper:
    """Widths, scales and circuits, the same for all layers of a model; checked when made."""

    bits_weight: int
    bits_input: int
    accumulate: str
    full_adder: str
    weight_scale: str
    array: Array
    signed_weights: str

    def __post_init__(self) -> None:
        check_choice("weight_scale", self.weight_scale, ("tensor", "channel"))
        check_choice("signed_weights", self.signed_weights, ("split",))
        check_choice("accumulate", self.accumulate, ACCUMULATE)
        check_choice("full_adder", self.full_adder, _core.cram.FullAdder.__members__)
        for name in ("bits_weight", "bits_input"):
            check_bits(name, getattr(self, name))

    def layer(
        self,
        weight: FloatArray,
        bias: FloatArray,
        low: float,
        high: float,
        *,
        groups: int = 1,
        name: str = "",
        what: str = "calibration",
    ) -> Layer:
        """Return the layer for a weight (outputs, features) whose inputs were seen in [low, high]."""
        scale, zero = input_scale(low, high, self.bits_input, what)
        return self.scaled(weight, bias, scale, zero, groups=groups, name=name)

    def scaled(self, weight: FloatArray, bias: FloatArray, scale: float, zero: int, **about: Any) -> Layer:
        """Return the layer for a weight and the inputs' given scale and zero point."""
        integers, weight_scale = quantize_weights(weight, self.bits_weight, self.weight_scale)
        return Layer(
            weight=integers,
            weight_scale=weight_scale,
            input_scale=scale,
            bias=np.asarray(bias, dtype=np.float64),
            bits_input=self.bits_input,
            bits_weight=self.bits_weight,
            placement=map_dot(
                weight.shape[1],
                self.bits_input,
                self.bits_weight,
                self.accumulate,
                self.full_adder,
                self.array,
            ),
            zero_point=zero,
            **about,
        )
