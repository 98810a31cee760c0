"""What training reports; no torch here."""

from __future__ import annotations

from dataclasses import dataclass

from nonideal.errors import NumericalError

__all__ = ["TrainingError", "TrainingRecord", "TrainingResult"]


@dataclass(frozen=True)
class TrainingRecord:
    """One validation, by the averaged (EMA) weights.

    Attributes
    ----------
    step : int
        Steps that were done.
    seconds : float
        Time that training took until then, validations included.
    cpu_seconds : float
        Time of the processor, likewise: of this process, all its threads.
    lr : float
        Learning rate of the last step.
    train_loss : float
        Mean of the losses since the record before.
    valid_energy_mae : float or None
        eV/atom; None where no frame has energies.
    valid_force_mae : float or None
        Mean over components, eV/angstrom.
    valid_stress_mae : float or None
        Mean over components, eV/angstrom^3; None unless stress has a weight.
    """

    step: int
    seconds: float
    cpu_seconds: float
    lr: float
    train_loss: float
    valid_energy_mae: float | None
    valid_force_mae: float | None
    valid_stress_mae: float | None


@dataclass(frozen=True)
class TrainingResult:
    """How training went; the model holds the averaged weights of the best validation.

    Attributes
    ----------
    history : tuple of TrainingRecord
        All validations, in order.
    best_step : int
        Steps that were done at the best one: of lowest force MAE, or energy MAE where forces have no weight.
    steps : int
        All steps.
    seconds : float
        All time, validations included.
    cpu_seconds : float
        All time of the processor, likewise.
    seed : int
        Of the order of frames.
    stopped_early : bool
        Whether ``early_stop`` ended it.
    """

    history: tuple[TrainingRecord, ...]
    best_step: int
    steps: int
    seconds: float
    cpu_seconds: float
    seed: int
    stopped_early: bool = False


class TrainingError(NumericalError):
    """Training met a loss or a gradient that is not finite.

    Parameters
    ----------
    message : str
        Where it happened and what to change.
    history : tuple of TrainingRecord
        What was recorded until then.
    """

    def __init__(self, message: str, history: tuple[TrainingRecord, ...] = ()) -> None:
        super().__init__(message, tuple(history))
        self.history = tuple(history)

    def __str__(self) -> str:
        return str(self.args[0])
