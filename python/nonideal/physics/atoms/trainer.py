"""Training a LEIGNN on energies, forces and stresses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nonideal.checks import check_boolean, shown
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.budget import Budget, Clock, Spent
from nonideal.physics.atoms.energy_reference import as_frames
from nonideal.physics.atoms.normalization import set_energy_reference, set_energy_scale
from nonideal.physics.atoms.run_state import RunState
from nonideal.physics.atoms.training_options import TrainingOptions
from nonideal.physics.atoms.training_result import TrainingError, TrainingRecord, TrainingResult
from nonideal.progress import progress_bar
from nonideal.seeds import derive_seed, resolve_seed

try:
    import torch
except ImportError:
    raise MissingExtra("torch", "atoms") from None

from nonideal.physics.atoms import processes, training_state
from nonideal.physics.atoms.loss import Loss
from nonideal.physics.atoms.model import LEIGNN
from nonideal.physics.atoms.optimization import Average, Schedule, assign, copies, threads_of_torch
from nonideal.physics.atoms.tensor_file import as_path
from nonideal.physics.atoms.training_data import Labelled, batches, check_labels, labelled_graphs

if TYPE_CHECKING:
    from nonideal.physics.atoms.tensor_file import Tensors

__all__ = ["Trainer"]

_DEFAULT_WEIGHTS = {"energy": 1.0, "forces": 50.0, "stress": 0.0}
_OPTIMIZER_STATE = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")


class Trainer:
    """Fits a model to frames, by AdamW with averaged weights.

    Under ``torchrun`` (an initialised process group) each process takes its share of every batch, and
    gradients are added up: the same steps as in one process, up to rounding.

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
        Divide errors of energies by the number of atoms. False is the published loss, in which energies of
        large structures outweigh their forces.
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
        ``"plateau"``: lower the rate where the validation error does not fall; ``"cosine"`` over what `fit`
        may take; ``"constant"``.
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
        Of our own kernels and, during `fit` alone, of torch. None: what is set for each. Steps are the same
        bits for every number of our own; torch's matrix products round otherwise with some numbers of its
        threads. On a machine that others use too, 1 may be many times as fast as all.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, a set is empty, a frame lacks what the loss needs, or an element is
        not among the model's species.

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
        self._options = options = TrainingOptions(
            weights=weights,
            norm=norm,
            energy_per_atom=energy_per_atom,
            lr=lr,
            batch_size=batch_size,
            ema=ema,
            ema_warmup=ema_warmup,
            clip=clip,
            schedule=schedule,
            plateau_factor=plateau_factor,
            patience=patience,
            min_lr=min_lr,
            steps_per_epoch=steps_per_epoch,
            early_stop=early_stop,
            force_gradient=force_gradient,
            num_threads=num_threads,
        )
        self.model = model
        self.seed = processes.agree_seed(resolve_seed(seed))
        self._loss = Loss(**options.weights, norm=norm, energy_per_atom=energy_per_atom)
        if self._loss.forces > 0.0 and model.architecture.forces == "none":
            raise InvalidArgument("weights['forces']: the model's forces are 'none'")
        if options.force_gradient == "finite-difference" and model.architecture.forces == "direct":
            raise InvalidArgument(
                "force_gradient = 'finite-difference' is for gradient forces; the model's are direct"
            )
        sets = {"train": as_frames("train", train), "valid": as_frames("valid", valid)}
        for name, frames in sets.items():
            check_labels(name, frames, model, self._loss.needed)
        self._output = None if output is None else _new_folder(output)
        set_energy_reference(model, sets["train"], energy_reference)
        set_energy_scale(model, sets["train"], scale)
        model.num_threads = num_threads
        processes.take_from_first([*model.parameters(), *model.buffers()])

        self._train = labelled_graphs(sets["train"], model)
        self._valid = batches(labelled_graphs(sets["valid"], model), options.batch_size)
        self._epoch = options.steps_per_epoch or -(-len(self._train) // options.batch_size)
        self._parameters = dict(model.named_parameters())
        self._trainable = {name: p for name, p in self._parameters.items() if p.requires_grad}
        if not self._trainable:
            raise InvalidArgument("model has no parameter that may change")
        self._optimizer = torch.optim.AdamW(
            list(self._trainable.values()), lr=options.lr, weight_decay=0.0, amsgrad=True
        )
        self._schedule = Schedule(options, self._optimizer)
        self._average = Average(model, options.ema, options.ema_warmup)
        self._raw = copies(self._parameters)
        self._best = copies(self._parameters)
        self._state = RunState()
        self._order: tuple[int, list[int]] = -1, []
        if self._output is not None and processes.rank() == 0:
            training_state.write_data(self._output, sets)

    def fit(
        self,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        cpu_seconds: float | None = None,
        progress: bool = True,
    ) -> TrainingResult:
        """Train, and leave the averaged weights of the best validation in the model.

        Parameters
        ----------
        steps : int, optional
            All steps of the run, those before a `resume` or of an earlier call included.
        seconds : float, optional
            All its time on the clock, likewise.
        cpu_seconds : float, optional
            All its time of the processor, likewise: of this process with all its threads, two of which spend
            two seconds in one. Other load of the machine hardly changes what it buys. In several processes
            the first one's counts. What comes first of the three ends training; one of them is needed.
        progress : bool
            Show a bar on a terminal.

        Returns
        -------
        TrainingResult

        Raises
        ------
        TrainingError
            A `NumericalError` with the history, if a loss, a gradient or an error is not finite; the model
            then holds the best weights until there.
        """
        budget = Budget.checked(steps, seconds, cpu_seconds)
        check_boolean("progress", progress)
        state = self._state
        final: TrainingRecord | None = None
        self._clock = Clock(Spent(state.seconds, state.cpu_seconds))
        assign(self._parameters, self._raw)
        self.model.train()
        try:
            with threads_of_torch(self._options.num_threads):
                self._run(budget, progress)
                state.seconds, state.cpu_seconds = self._spent()
                if (
                    state.step % self._epoch or not state.history
                ):  # in the middle of an epoch: not in its history
                    self._save()
                    final = self._validate()
        finally:
            self._raw = copies(self._parameters)
            step = self._leave(final)
        history = (*state.history, *([final] if final else []))
        result = TrainingResult(
            history, step, state.step, state.seconds, state.cpu_seconds, self.seed, state.stopped
        )
        self.model.metadata["training"] = _summary(result, len(self._train))
        if self._output is not None and processes.rank() == 0:
            self.model.save(self._output / training_state.MODEL_FILE)
        return result

    def _run(self, budget: Budget, progress: bool) -> None:
        """Take steps until a limit or the end."""
        state = self._state
        shown_before = budget.done(state.step, Spent(state.seconds, state.cpu_seconds))
        with progress_bar(budget.label, budget.total, done=shown_before, show=progress) as advance:
            while not state.stopped:
                spent = self._spent() if budget.is_timed else Spent()
                fraction = budget.fraction(state.step, spent)
                if fraction >= 1.0:
                    break
                self._one_step(fraction)
                if state.step % self._epoch == 0:
                    self._finish_epoch()
                now = budget.done(state.step, spent)
                for _ in range(now - shown_before):
                    advance()
                shown_before = max(shown_before, now)

    def _leave(self, final: TrainingRecord | None) -> int:
        """Put the best averaged weights into the model; return the step that they belong to."""
        state = self._state
        best, step = self._best, state.best_step
        if final is not None and self._metric(final) < state.best_metric:
            best, step = self._average.values, final.step
        elif not state.history:
            best, step = self._average.values, state.step
        assign(self._parameters, best)
        self.model.eval()
        return step

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
        nonideal.errors.InvalidArgument: no such folder/state.nitrain cannot be read (No such file or
        directory)
        """
        place = as_path("folder", folder)
        header, tensors = training_state.STATE.read(place / training_state.STATE_FILE)
        sets = training_state.read_data(place)
        try:
            model = LEIGNN.from_file(training_state.model_of(header, _part(tensors, "raw.")))
            model.backend = header["backend"]
            trainer = cls(
                model,
                sets["train"],
                sets["valid"],
                **header["options"],
                energy_reference="keep",
                scale="keep",
                seed=header["seed"],
            )
            trainer._restore(header, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidArgument(f"{place / training_state.STATE_FILE}: {error}") from None
        trainer._output = place
        return trainer

    def _spent(self) -> Spent:
        return Spent(*map(processes.agree, self._clock.now()))

    def _one_step(self, fraction: float) -> None:
        """Take the next batch and move the weights."""
        state, rate = self._state, self._schedule.before_step(fraction)
        batch = [self._train[index] for index in self._batch(state.step)]
        counts = [sum(values) for values in zip(*(part.counts for part in batch), strict=True)]
        share = batch[processes.rank() :: processes.size()]
        self._optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        if share:
            way = self._options.force_gradient
            loss = self._loss.backward(self.model, Labelled.join(share), counts, way)
        processes.sum_gradients(self._trainable.values())
        loss = processes.sum_numbers([loss])[0]
        longest = math.inf if self._options.clip is None else self._options.clip
        norm = torch.nn.utils.clip_grad_norm_(self._trainable.values(), longest)
        for name, value in (("loss", loss), ("norm of the gradient", float(norm))):
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} = {value} in step {state.step} at learning rate {rate:g}; a lower lr may help",
                    tuple(state.history),
                )
        self._optimizer.step()
        self._average.update(state.step)
        state.count(loss)

    def _batch(self, step: int) -> list[int]:
        """Return the frames of a step: permutations one after the other, each drawn from the seed alone."""
        n, size = len(self._train), self._options.batch_size
        places = range(step * size, (step + 1) * size)
        return [self._permutation(place // n)[place % n] for place in places]

    def _permutation(self, number: int) -> list[int]:
        if self._order[0] != number:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, number))
            self._order = number, torch.randperm(len(self._train), generator=generator).tolist()
        return self._order[1]

    def _finish_epoch(self) -> None:
        record = self._validate()
        metric = self._metric(record)
        self._schedule.after_validation(metric)
        if self._state.record(record, metric, self._options.early_stop):
            assign(self._best, self._average.values)
        self._save()

    def _validate(self) -> TrainingRecord:
        """Return the errors of the averaged weights on the validation set."""
        sums = [0.0] * 6
        with self._average.in_place(), torch.no_grad():
            for batch in self._valid[processes.rank() :: processes.size()]:
                for index, (total, count) in enumerate(self._loss.absolute_errors(self.model, batch)):
                    sums[2 * index] += total
                    sums[2 * index + 1] += count
        sums = processes.sum_numbers(sums)
        means = [total / n if n else None for total, n in zip(sums[::2], sums[1::2], strict=True)]
        state = self._state
        if not all(mean is None or math.isfinite(mean) for mean in means):
            raise TrainingError(
                f"errors on the validation set are not finite after step {state.step}; a lower lr may help",
                tuple(state.history),
            )
        spent = self._spent()
        return TrainingRecord(
            step=state.step,
            seconds=spent.seconds,
            cpu_seconds=spent.cpu_seconds,
            lr=float(self._optimizer.param_groups[0]["lr"]),
            train_loss=state.mean_loss,
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
        sets: dict[str, dict[str, Any]] = {
            "raw": self._parameters,
            "ema": self._average.values,
            "best": self._best,
        }
        tensors = {
            f"{kind}.{name}": value.detach().numpy()
            for kind, part in sets.items()
            for name, value in part.items()
        }
        for name, parameter in self._trainable.items():
            for key, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = value.detach().numpy()
        header = training_state.header_of(self.model) | {
            "options": self._options.as_json(),
            "seed": self.seed,
            "schedule": self._schedule.state(),
            "run": self._state.as_json(),
        }
        training_state.STATE.write(self._output / training_state.STATE_FILE, header, tensors)
        if self._state.history:
            content = self.model.to_file()
            content.tensors.update({name: value.numpy() for name, value in self._best.items()})
            content.write(self._output / training_state.MODEL_FILE)

    def _restore(self, header: dict[str, Any], tensors: Tensors) -> None:
        for target, kind in ((self._raw, "raw."), (self._average.values, "ema."), (self._best, "best.")):
            assign(target, {name: torch.from_numpy(a) for name, a in _part(tensors, kind).items()})
        for name, parameter in self._trainable.items():
            state = {
                key: torch.from_numpy(tensors[f"optimizer.{key}.{name}"])
                for key in _OPTIMIZER_STATE
                if f"optimizer.{key}.{name}" in tensors
            }
            if state:
                self._optimizer.state[parameter] = state
        self._schedule.restore(header["schedule"])
        self._state = RunState.from_json(header["run"])


def _new_folder(output: str | Path) -> Path:
    folder = as_path("output", output)
    if (folder / training_state.STATE_FILE).exists():
        raise InvalidArgument(
            f"output = {shown(str(output))}: a run is there; Trainer.resume goes on with it"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidArgument(f"output = {shown(str(output))}: {reason}") from None
    return folder


def _summary(result: TrainingResult, n_train: int) -> dict[str, Any]:
    best = [record for record in result.history if record.step == result.best_step]
    found: dict[str, Any] = {
        "steps": result.steps,
        "best_step": result.best_step,
        "seconds": result.seconds,
        "cpu_seconds": result.cpu_seconds,
        "seed": result.seed,
        "n_train": n_train,
    }
    if best:
        errors = ("valid_energy_mae", "valid_force_mae", "valid_stress_mae")
        found |= {name: getattr(best[0], name) for name in errors}
    return found


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
