"""What a model adds and multiplies, set from the frames that it is to learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nonideal.checks import check_choice, check_number, check_positive, shown
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.elements import SYMBOLS
from nonideal.physics.atoms.energy_reference import REFERENCE_METHODS, fit_energy_reference

if TYPE_CHECKING:
    from nonideal.physics.atoms.frame import Frame
    from nonideal.physics.atoms.model import LEIGNN

__all__ = ["SCALES", "set_energy_reference", "set_energy_scale"]

SCALES = ("force-rms", "none", "keep")


def set_energy_reference(model: LEIGNN, frames: Sequence[Frame], choice: str | Mapping[str, float]) -> None:
    """Set the model's energies per atom: fitted, its own, or given by symbol."""
    symbols = [SYMBOLS[number] for number in model.species]
    if isinstance(choice, Mapping):
        values = {}
        for name, value in choice.items():
            if name not in symbols:
                raise InvalidArgument(f"energy_reference: {shown(name)} is not among {', '.join(symbols)}")
            values[name] = check_number(f"energy_reference[{name!r}]", value)
    else:
        method = check_choice("energy_reference", choice, (*REFERENCE_METHODS, "keep"))
        if method == "keep":
            return
        labelled = [frame for frame in frames if frame.energy is not None]
        values = fit_energy_reference(labelled, symbols, method) if labelled else {}
    for row, name in enumerate(symbols):
        model.energy_reference[row] = values.get(name, 0.0)


def set_energy_scale(model: LEIGNN, frames: Sequence[Frame], choice: str | float) -> None:
    """Set what multiplies the network: the rms of the forces, its own, or a number."""
    if not isinstance(choice, str):
        model.energy_scale.fill_(check_positive("scale", choice))
        return
    check_choice("scale", choice, SCALES)
    if choice == "keep":
        return
    value = 1.0
    if choice == "force-rms":
        forces = [
            frame.forces if frame.force_mask is None else frame.forces[frame.force_mask]
            for frame in frames
            if frame.forces is not None
        ]
        squares = np.concatenate([np.zeros((0, 3)), *forces]) ** 2
        value = math.sqrt(squares.mean()) if squares.any() else 1.0  # without forces there is no such scale
    model.energy_scale.fill_(value)
