"""Training a LEIGNN on energies, forces and stresses."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nonideal.checks import (
    check_boolean,
    check_choice,
    check_integer,
    check_mapping,
    check_non_negative,
    check_positive,
    check_threads,
    shown,
)
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.elements import SYMBOLS
from nonideal.physics.atoms.energy_reference import REFERENCE_METHODS, as_frames, fit_energy_reference
from nonideal.physics.atoms.training_result import TrainingError, TrainingRecord, TrainingResult
from nonideal.progress import progress_bar
from nonideal.seeds import derive_seed, resolve_seed

try:
    import torch
except ImportError:
    raise MissingExtra("torch", "atoms") from None

from nonideal.physics.atoms import processes, training_state
from nonideal.physics.atoms.loss import FORCE_GRADIENTS, NORMS, Loss
from nonideal.physics.atoms.model import LEIGNN
from nonideal.physics.atoms.optimization import SCHEDULES, Average, Schedule, assign, copies, threads_of_torch
from nonideal.physics.atoms.training_data import Labelled, check_labels, labelled_graphs

if TYPE_CHECKING:
    from nonideal.physics.atoms.frame import Frame

__all__ = ["Trainer"]

SCALES = ("force-rms", "none", "keep")
_DEFAULT_WEIGHTS = {"energy": 1.0, "forces": 50.0, "stress": 0.0}


class Trainer:
    """Fits a model to frames, by AdamW with averaged weights.

    Under ``torchrun`` (an initialised process group) each process takes its share of every batch, and gradients
    are added up: the same steps as in one process, up to rounding.

    Parameters
    ----------
    model : LEIGNN
        It is changed: its energy reference and scale at once, its weights by `fit`.
    train, valid : sequence of Frame or ase.Atoms with results
        What is learnt, and what tells when to stop.
    weights : mapping of str to float
        Of ``energy``, ``forces``, ``stress`` in the loss; those that are not given are 0.
    norm : str
        ``"l1"``: mean absolute errors; ``"l2"``: mean squares.
    energy_per_atom : bool
        Divide errors of energies by the number of atoms.
    lr : float
        Learning rate at the start.
    batch_size : int
        Frames per step, over all processes.
    ema : float
        Decay of the averaged weights, in [0, 1); 0 averages nothing. They are what is validated and kept.
    ema_warmup : bool
        Average over less at the beginning: min(ema, (1 + n) / (10 + n)).
    clip : float or None
        Largest norm of a gradient.
    schedule : str
        ``"plateau"``: lower the rate where the validation error does not fall; ``"cosine"`` over the steps or
        seconds; ``"constant"``.
    plateau_factor, patience
        By what, and after how many validations without progress.
    min_lr : float
        Lowest rate.
    steps_per_epoch : int, optional
        Steps between validations. None: once through the frames.
    early_stop : int, optional
        Validations without progress that end training. None: none do.
    energy_reference : str or mapping of str to float
        What is subtracted per atom: as `fit_energy_reference` finds it (``"per-element"``, ``"mean"``,
        ``"none"``), as the model has it (``"keep"``), or eV by symbol.
    scale : str or float
        What multiplies the network: the rms of the forces, ``"none"``, what the model has (``"keep"``), or a
        number, eV.
    force_gradient : str
        ``"double-backward"``, or ``"finite-difference"``: two single backwards, less memory, exact to about
        1e-7 in float64.
    output : path, optional
        Folder for frames, state and model, written at every validation; `resume` goes on from it.
    seed : int, optional
        Of the order of frames.
    num_threads : int, optional
        Of our own kernels and, during `fit` alone, of torch. None: what is set for each. On a machine that others
        use too, 1 may be many times as fast as all.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, a set is empty, a frame lacks what the loss needs, or an element is not
        among the model's species.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> def spring(d):
    ...     f = -10.0 * (d - 0.8)
    ...     return atoms.Frame(
    ...         [1, 1], [[0, 0, 0], [0, 0, d]], energy=5.0 * (d - 0.8) ** 2, forces=[[0, 0, -f], [0, 0, f]]
    ...     )
    >>> model = atoms.LEIGNN(["H"], cutoff=2.0, channels=16, layers=1, n_rbf=8, seed=1)
    >>> frames = [spring(0.6 + 0.05 * i) for i in range(8)]
    >>> trainer = atoms.Trainer(model, frames[::2], frames[1::2], batch_size=4, lr=1e-2, seed=1)
    >>> history = trainer.fit(steps=40).history
    >>> history[-1].valid_force_mae < history[0].valid_force_mae
    True
    """

    def __init__(
        self,
        model: LEIGNN,
        train: Sequence[Any],
        valid: Sequence[Any],
        *,
        weights: Mapping[str, float] = _DEFAULT_WEIGHTS,
        norm: str = "l1",
        energy_per_atom: bool = False,
        lr: float = 5e-4,
        batch_size: int = 8,
        ema: float = 0.999,
        ema_warmup: bool = True,
        clip: float | None = 100.0,
        schedule: str = "plateau",
        plateau_factor: float = 0.8,
        patience: int = 5,
        min_lr: float = 1e-6,
        steps_per_epoch: int | None = None,
        early_stop: int | None = None,
        energy_reference: str | Mapping[str, float] = "per-element",
        scale: str | float = "force-rms",
        force_gradient: str = "double-backward",
        output: str | Path | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        if not isinstance(model, LEIGNN):
            raise InvalidArgument(f"model = {shown(model)} is no LEIGNN")
        check_threads(num_threads)
        self.model = model
        self.seed = processes.agree_seed(resolve_seed(seed))
        self._loss = _loss(weights, norm, energy_per_atom)
        self._force_gradient = check_choice("force_gradient", force_gradient, FORCE_GRADIENTS)
        self._batch_size = check_integer("batch_size", batch_size, 1, 31)
        self._clip = None if clip is None else check_positive("clip", clip)
        self._early_stop = None if early_stop is None else check_integer("early_stop", early_stop, 1, 31)
        options: dict[str, Any] = {
            "schedule": check_choice("schedule", schedule, SCHEDULES),
            "plateau_factor": _below_one("plateau_factor", plateau_factor),
            "patience": check_integer("patience", patience, 0, 31),
            "min_lr": check_non_negative("min_lr", min_lr),
            "lr": check_positive("lr", lr),
            "ema": _below_one("ema", ema),
            "ema_warmup": check_boolean("ema_warmup", ema_warmup),
        }
        if options["min_lr"] > options["lr"]:
            raise InvalidArgument(f"min_lr = {min_lr} is above lr = {lr}")
        self._frames = {"train": as_frames("train", train), "valid": as_frames("valid", valid)}
        for name, frames in self._frames.items():
            check_labels(name, frames, model, self._loss.needed)
        if self._loss.forces > 0.0 and model.architecture.forces == "none":
            raise InvalidArgument("weights['forces']: the model's forces are 'none'")
        n_train = len(self._frames["train"])
        self._epoch = (
            -(-n_train // self._batch_size)
            if steps_per_epoch is None
            else check_integer("steps_per_epoch", steps_per_epoch, 1, 31)
        )
        self._output = None if output is None else _new_folder(output)
        _set_reference(model, self._frames["train"], energy_reference)
        _set_scale(model, self._frames["train"], scale)
        model.num_threads = num_threads
        processes.take_from_first([*model.parameters(), *model.buffers()])

        self._train = labelled_graphs(self._frames["train"], model)
        graphs = labelled_graphs(self._frames["valid"], model)
        self._valid = [
            Labelled.join(graphs[start : start + self._batch_size])
            for start in range(0, len(graphs), self._batch_size)
        ]
        self._parameters = dict(model.named_parameters())
        self._trainable = {name: p for name, p in self._parameters.items() if p.requires_grad}
        if not self._trainable:
            raise InvalidArgument("model has no parameter that may change")
        self._optimizer = torch.optim.AdamW(
            list(self._trainable.values()), lr=options["lr"], weight_decay=0.0, amsgrad=True
        )
        self._schedule = Schedule(
            options["schedule"],
            self._optimizer,
            lr=options["lr"],
            min_lr=options["min_lr"],
            factor=options["plateau_factor"],
            patience=options["patience"],
        )
        self._average = Average(model, options["ema"], options["ema_warmup"])
        self._raw = copies(self._parameters)
        self._best = copies(self._parameters)
        self._best_metric, self._best_step, self._stale = math.inf, 0, 0
        self._history: list[TrainingRecord] = []
        self._step = 0
        self._seconds = 0.0
        self._losses = [0.0, 0.0]  # sum and number since the last validation
        self._stopped = False
        self._options = options | {
            "weights": {name: getattr(self._loss, name) for name in _DEFAULT_WEIGHTS},
            "norm": norm,
            "energy_per_atom": energy_per_atom,
            "batch_size": self._batch_size,
            "clip": self._clip,
            "steps_per_epoch": self._epoch,
            "early_stop": self._early_stop,
            "energy_reference": "keep",
            "scale": "keep",
            "force_gradient": force_gradient,
            "seed": self.seed,
            "num_threads": num_threads,
        }
        if self._output is not None and processes.rank() == 0:
            training_state.write_data(self._output, self._frames)

    def fit(
        self, *, steps: int | None = None, seconds: float | None = None, progress: bool = True
    ) -> TrainingResult:
        """Train, and leave the averaged weights of the best validation in the model.

        Parameters
        ----------
        steps : int, optional
            All steps of the run, those before a `resume` or of an earlier call included.
        seconds : float, optional
            All its time, likewise. With both, what comes first ends it; one is needed.
        progress : bool
            Show a bar on a terminal.

        Returns
        -------
        TrainingResult

        Raises
        ------
        TrainingError
            A `NumericalError` with the history, if a loss, a gradient or an error is not finite; the model then
            holds the best weights until there.
        """
        if steps is None and seconds is None:
            raise InvalidArgument("steps and seconds are both None; one of them is needed")
        limit = math.inf if steps is None else check_integer("steps", steps, 1)
        time_limit = math.inf if seconds is None else check_positive("seconds", seconds)
        check_boolean("progress", progress)
        assign(self._parameters, self._raw)
        self.model.train()
        self._began = time.monotonic() - self._seconds
        final: TrainingRecord | None = None
        by_steps = steps is not None
        label = "training" if by_steps else "training, seconds"
        total = int(limit) if by_steps else math.ceil(time_limit)
        done = self._step if by_steps else int(self._seconds)
        try:
            with (
                threads_of_torch(self._options["num_threads"]),
                progress_bar(label, total, done=done, show=progress) as advance,
            ):
                while not self._stopped:
                    elapsed = self._elapsed() if by_steps is False or time_limit < math.inf else 0.0
                    fraction = max(self._step / limit, elapsed / time_limit)
                    if fraction >= 1.0:
                        break
                    self._one_step(fraction)
                    if self._step % self._epoch == 0:
                        self._finish_epoch()
                    now = self._step if by_steps else int(min(elapsed, total))
                    for _ in range(now - done):
                        advance()
                    done = max(done, now)
            self._seconds = self._elapsed()
            if self._step % self._epoch or not self._history:
                self._raw = copies(self._parameters)
                self._save()
                final = self._validate()
        finally:
            self._raw = copies(self._parameters)
            best, step = self._best, self._best_step
            if final is not None and self._metric(final) < self._best_metric:
                best, step = self._average.values, final.step
            elif not self._history:
                best, step = self._average.values, self._step
            assign(self._parameters, best)
            self.model.eval()
        history = (*self._history, *([final] if final else []))
        result = TrainingResult(history, step, self._step, self._seconds, self.seed, self._stopped)
        self.model.metadata["training"] = _summary(result, len(self._frames["train"]))
        if self._output is not None and processes.rank() == 0:
            self.model.save(self._output / training_state.MODEL_FILE)
        return result

    @classmethod
    def resume(cls, folder: str | Path) -> Self:
        """Return the trainer of a run that was stopped or killed, as it was at its last validation.

        Parameters
        ----------
        folder : path
            What was ``output``.

        Raises
        ------
        InvalidArgument
            If a file is missing or damaged.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> atoms.Trainer.resume("no such folder")
        Traceback (most recent call last):
            ...
        nonideal.errors.InvalidArgument: no such folder/state.nitrain cannot be read (No such file or directory)
        """
        place = Path(folder)
        header, tensors = training_state.STATE.read(place / training_state.STATE_FILE)
        sets = training_state.read_data(place)
        try:
            content = training_state.model_of(header, _part(tensors, "raw."))
            model = LEIGNN.from_file(content)
            model.backend = header["backend"]
            trainer = cls(model, sets["train"], sets["valid"], **header["options"])
            trainer._restore(header, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidArgument(f"{place / training_state.STATE_FILE}: {error}") from None
        trainer._output = place
        return trainer

    def _elapsed(self) -> float:
        return processes.agree(time.monotonic() - self._began)

    def _one_step(self, fraction: float) -> None:
        """Take the next batch and move the weights."""
        rate = self._schedule.before_step(fraction)
        batch = [self._train[index] for index in self._batch(self._step)]
        counts = [sum(values) for values in zip(*(part.counts for part in batch), strict=True)]
        share = batch[processes.rank() :: processes.size()]
        self._optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        if share:
            loss = self._loss.backward(self.model, Labelled.join(share), counts, self._force_gradient)
        processes.sum_gradients(self._trainable.values())
        loss = processes.sum_numbers([loss])[0]
        norm = torch.nn.utils.clip_grad_norm_(
            self._trainable.values(), math.inf if self._clip is None else self._clip
        )
        for name, value in (("loss", loss), ("norm of the gradient", float(norm))):
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} = {value} in step {self._step} at learning rate {rate:g}; a lower lr may help",
                    tuple(self._history),
                )
        self._optimizer.step()
        self._average.update(self._step)
        self._step += 1
        self._losses = [self._losses[0] + loss, self._losses[1] + 1]

    def _batch(self, step: int) -> list[int]:
        """Return the frames of a step: permutations one after the other, each drawn from the seed alone."""
        n = len(self._train)
        return [
            self._permutation(place // n)[place % n]
            for place in range(step * self._batch_size, (step + 1) * self._batch_size)
        ]

    def _permutation(self, number: int) -> list[int]:
        cached: tuple[int, list[int]] | None = getattr(self, "_order", None)
        if cached is None or cached[0] != number:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, number))
            cached = number, torch.randperm(len(self._train), generator=generator).tolist()
            self._order = cached
        return cached[1]

    def _finish_epoch(self) -> None:
        record = self._validate()
        self._history.append(record)
        self._losses = [0.0, 0.0]
        metric = self._metric(record)
        self._schedule.after_validation(metric)
        self._stale += 1
        if metric < self._best_metric:
            self._best_metric, self._best_step, self._stale = metric, self._step, 0
            self._best = {name: value.clone() for name, value in self._average.values.items()}
        self._stopped = self._early_stop is not None and self._stale >= self._early_stop
        self._seconds = record.seconds
        self._save()

    def _validate(self) -> TrainingRecord:
        """Return the errors of the averaged weights on the validation set."""
        sums = [0.0] * 6
        kind = self.model.architecture.forces
        stress = self._loss.stress > 0.0
        with self._average.in_place(), torch.no_grad():
            for batch in self._valid[processes.rank() :: processes.size()]:
                result = self.model(batch.graph, forces=kind, stress=stress, create_graph=False)
                atoms = batch.graph.n_atoms.clamp(min=1)
                errors = [((result["energy"] - batch.energy) / atoms)[batch.energy_known]]
                errors.append(
                    (result["forces"] - batch.forces)[batch.force_known] if kind != "none" else torch.zeros(0)
                )
                errors.append(
                    (result["stress"] - batch.stress)[batch.stress_known] if stress else torch.zeros(0)
                )
                for index, error in enumerate(errors):
                    sums[2 * index] += float(error.abs().double().sum())
                    sums[2 * index + 1] += error.numel()
        sums = processes.sum_numbers(sums)
        means = [total / n if n else None for total, n in zip(sums[::2], sums[1::2], strict=True)]
        if not all(mean is None or math.isfinite(mean) for mean in means):
            raise TrainingError(
                f"errors on the validation set are not finite after step {self._step}; a lower lr may help",
                tuple(self._history),
            )
        return TrainingRecord(
            step=self._step,
            seconds=self._elapsed(),
            lr=float(self._optimizer.param_groups[0]["lr"]),
            train_loss=self._losses[0] / max(self._losses[1], 1.0),
            valid_energy_mae=means[0],
            valid_force_mae=means[1],
            valid_stress_mae=means[2],
        )

    def _metric(self, record: TrainingRecord) -> float:
        values = (record.valid_force_mae, record.valid_energy_mae, record.valid_stress_mae)
        weights = (self._loss.forces, self._loss.energy, self._loss.stress)
        return next(v for v, w in zip(values, weights, strict=True) if w > 0.0 and v is not None)

    def _save(self) -> None:
        """Write the state, from which `resume` makes the same trainer."""
        if self._output is None or processes.rank() > 0:
            return
        sets = {"raw": self._parameters, "ema": self._average.values, "best": self._best}
        tensors = {
            f"{kind}.{name}": value.detach().numpy()
            for kind, part in sets.items()
            for name, value in part.items()
        }
        for name, parameter in self._trainable.items():
            for key, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = value.detach().numpy()
        header = training_state.header_of(self.model) | {
            "options": self._options,
            "step": self._step,
            "seconds": self._seconds,
            "losses": self._losses,
            "best": None if math.isinf(self._best_metric) else self._best_metric,
            "best_step": self._best_step,
            "stale": self._stale,
            "stopped": self._stopped,
            "schedule": self._schedule.state(),
            "history": [vars(record) for record in self._history],
        }
        training_state.STATE.write(self._output / training_state.STATE_FILE, header, tensors)
        if self._history:
            content = self.model.to_file()
            content.tensors.update({name: value.numpy() for name, value in self._best.items()})
            content.write(self._output / training_state.MODEL_FILE)

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        for target, kind in ((self._raw, "raw."), (self._average.values, "ema."), (self._best, "best.")):
            assign(target, {name: torch.from_numpy(a) for name, a in _part(tensors, kind).items()})
        for name, parameter in self._trainable.items():
            state = {
                key: torch.from_numpy(tensors[f"optimizer.{key}.{name}"])
                for key in ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")
                if f"optimizer.{key}.{name}" in tensors
            }
            if state:
                self._optimizer.state[parameter] = state
        self._step, self._seconds = int(header["step"]), float(header["seconds"])
        self._losses = [float(value) for value in header["losses"]]
        self._best_metric = math.inf if header["best"] is None else float(header["best"])
        self._best_step, self._stale = int(header["best_step"]), int(header["stale"])
        self._stopped = bool(header["stopped"])
        self._schedule.restore(header["schedule"])
        self._history = [TrainingRecord(**record) for record in header["history"]]


def _loss(weights: Mapping[str, float], norm: str, energy_per_atom: bool) -> Loss:
    given = {}
    for name, value in check_mapping("weights", weights).items():
        if name not in _DEFAULT_WEIGHTS:
            raise InvalidArgument(f"weights: {shown(name)} is not one of {', '.join(_DEFAULT_WEIGHTS)}")
        given[name] = check_non_negative(f"weights[{name!r}]", value)
    if not any(given.values()):
        raise InvalidArgument(f"weights = {shown(dict(weights))}: none is > 0")
    return Loss(
        **{name: given.get(name, 0.0) for name in _DEFAULT_WEIGHTS},
        norm=check_choice("norm", norm, NORMS),
        energy_per_atom=check_boolean("energy_per_atom", energy_per_atom),
    )


def _below_one(name: str, value: Any) -> float:
    number = check_non_negative(name, value)
    if number >= 1.0:
        raise InvalidArgument(f"{name} = {value} is outside [0, 1)")
    return number


def _new_folder(output: str | Path) -> Path:
    folder = Path(output)
    if (folder / training_state.STATE_FILE).exists() and processes.rank() == 0:
        raise InvalidArgument(
            f"output = {shown(str(output))}: a run is there; Trainer.resume goes on with it"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgument(f"output = {shown(str(output))}: {error.strerror}") from None
    return folder


def _set_reference(model: LEIGNN, frames: Sequence[Frame], choice: str | Mapping[str, float]) -> None:
    symbols = [SYMBOLS[number] for number in model.species]
    if isinstance(choice, Mapping):
        unknown = [name for name in choice if name not in symbols]
        if unknown:
            raise InvalidArgument(f"energy_reference: {shown(unknown[0])} is not among {', '.join(symbols)}")
        values = {name: float(value) for name, value in choice.items()}
    else:
        method = check_choice("energy_reference", choice, (*REFERENCE_METHODS, "keep"))
        if method == "keep":
            return
        labelled = [frame for frame in frames if frame.energy is not None]
        values = fit_energy_reference(labelled, symbols, method) if labelled else {}
    model.energy_reference.copy_(
        torch.tensor([values.get(name, 0.0) for name in symbols], dtype=torch.float64)
    )


def _set_scale(model: LEIGNN, frames: Sequence[Frame], choice: str | float) -> None:
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


def _summary(result: TrainingResult, n_train: int) -> dict[str, Any]:
    best = [record for record in result.history if record.step == result.best_step]
    found: dict[str, Any] = {
        "steps": result.steps,
        "best_step": result.best_step,
        "seconds": result.seconds,
        "seed": result.seed,
        "n_train": n_train,
    }
    if best:
        errors = ("valid_energy_mae", "valid_force_mae", "valid_stress_mae")
        found |= {name: getattr(best[0], name) for name in errors}
    return found


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
