"""What an experiment found: one frozen object that becomes ``result.json``, a page and tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.report.provenance import machine, versions

__all__ = ["Comparison", "Curve", "Result", "Table", "load_result"]

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Curve:
    """One line of a figure with its error bars.

    Parameters
    ----------
    x, y : sequence of float
        Points; NaN and infinity are refused.
    x_label, y_label : str
        Quantity and unit, "tunnel magnetoresistance ratio" or "energy (J)".
    standard_error : sequence of float
        Standard error of every y; empty for exact values, which is stored as zeros.
    samples : int or None
        Independent samples behind every point; None for exact values.

    Examples
    --------
    >>> from nonideal import Estimate
    >>> points = [Estimate(0.9, 0.01, 4), Estimate(0.7, 0.02, 4)]
    >>> curve = Curve.from_estimates([1e-6, 1e-4], points, x_label="gate error rate", y_label="accuracy")
    >>> curve.y, curve.standard_error, curve.samples
    ((0.9, 0.7), (0.01, 0.02), 4)
    """

    x: tuple[float, ...]
    x_label: str
    y: tuple[float, ...]
    y_label: str
    standard_error: tuple[float, ...] = ()
    samples: int | None = None

    def __post_init__(self) -> None:
        for name in ("x", "y", "standard_error"):
            values = tuple(float(value) for value in getattr(self, name))
            wrong = [index for index, value in enumerate(values) if not math.isfinite(value)]
            if wrong:
                raise InvalidArgument(f"{name}[{wrong[0]}] = {values[wrong[0]]} is not finite")
            object.__setattr__(self, name, values)
        if not self.standard_error:
            object.__setattr__(self, "standard_error", (0.0,) * len(self.y))
        if not len(self.x) == len(self.y) == len(self.standard_error):
            raise InvalidArgument(
                f"x, y and standard_error have lengths {len(self.x)}, {len(self.y)} "
                f"and {len(self.standard_error)}"
            )

    @classmethod
    def from_estimates(
        cls, x: Iterable[float], y: Sequence[Estimate], *, x_label: str, y_label: str
    ) -> Curve:
        """Return the curve through estimates; ``samples`` is the smallest number behind a point."""
        counts = [estimate.samples for estimate in y if estimate.samples is not None]
        return cls(
            x=tuple(x),
            x_label=x_label,
            y=tuple(estimate.value for estimate in y),
            y_label=y_label,
            standard_error=tuple(estimate.standard_error for estimate in y),
            samples=min(counts, default=None),
        )


@dataclass(frozen=True)
class Comparison:
    """One quantity as published and as found here.

    Parameters
    ----------
    quantity : str
        What is compared.
    published : str, float or None
        The published figure with its source; None if none was published.
    ours : str, float or Estimate
        What this run found; an estimate is stored as its text.
    why : str
        Why the two differ, or how far they agree.
    """

    quantity: str
    published: str | float | None
    ours: str | float | Estimate
    why: str

    def __post_init__(self) -> None:
        if isinstance(self.ours, Estimate):
            object.__setattr__(self, "ours", str(self.ours))


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Parameters
    ----------
    title : str
        What the table says.
    columns : sequence of str
        Heads, with units.
    rows : sequence of sequences
        Cells: text, numbers, True/False or None (empty).
    note : str
        A sentence below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        rows = tuple(tuple(_cell(cell) for cell in row) for row in self.rows)
        object.__setattr__(self, "rows", rows)
        for index, row in enumerate(rows):
            if len(row) != len(self.columns):
                raise InvalidArgument(f"rows[{index}] has {len(row)} cells for {len(self.columns)} columns")


@dataclass(frozen=True)
class Result:
    """Everything that an experiment found and how it was made; experiments make it by `make_result`.

    Parameters
    ----------
    experiment : str
        Name of the experiment.
    config : mapping
        Its options, in JSON form.
    seed : int or None
        Seed of all random numbers; None if there are none.
    answer : str
        The answer to the experiment's question, one sentence.
    metrics : mapping of str to Estimate
        Single numbers, each with its error bar.
    curves : mapping of str to Curve
        Lines of the figures.
    comparison : sequence of Comparison
        Published figures beside ours.
    tables : mapping of str to Table
        Other tables.
    limits : sequence of str
        What the model leaves out, one sentence each.
    command : str
        The command that makes this result again.
    versions, machine : mapping of str to str
        Software and hardware; collected if not given.

    Examples
    --------
    >>> from nonideal import Estimate
    >>> result = Result("toy", {}, 1, "It is 3.", metrics={"pi": Estimate(3.0, 0.1, 100)})
    >>> Result.from_json(result.to_json()) == result
    True
    """

    experiment: str
    config: Mapping[str, Any]
    seed: int | None
    answer: str
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    comparison: tuple[Comparison, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=versions)
    machine: Mapping[str, str] = field(default_factory=machine)

    def __post_init__(self) -> None:
        object.__setattr__(self, "comparison", tuple(self.comparison))
        object.__setattr__(self, "limits", tuple(self.limits))
        for name, estimate in self.metrics.items():
            if not isinstance(estimate, Estimate):
                raise InvalidArgument(
                    f"metrics[{name!r}] = {estimate!r} is not an Estimate; see Estimate.exact"
                )
            if not (math.isfinite(estimate.value) and math.isfinite(estimate.standard_error)):
                raise InvalidArgument(f"metrics[{name!r}] = {estimate} is not finite")

    def to_json(self) -> str:
        """Return the content of ``result.json``."""
        data = {
            "experiment": self.experiment,
            "config": dict(self.config),
            "seed": self.seed,
            "versions": dict(self.versions),
            "machine": dict(self.machine),
            "answer": self.answer,
            "metrics": {name: {**e.as_dict(), "unit": e.unit} for name, e in self.metrics.items()},
            "curves": {name: _fields(curve) for name, curve in self.curves.items()},
            "comparison": [_fields(row) for row in self.comparison],
            "tables": {name: _fields(table) for name, table in self.tables.items()},
            "limits": list(self.limits),
            "command": self.command,
        }
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Return the result that `to_json` wrote.

        Raises
        ------
        InvalidArgument
            If the text is not such a result.
        """
        try:
            data = json.loads(text)
            return cls(
                experiment=data["experiment"],
                config=data["config"],
                seed=data["seed"],
                answer=data["answer"],
                metrics={name: Estimate(**value) for name, value in data["metrics"].items()},
                curves={name: Curve(**value) for name, value in data["curves"].items()},
                comparison=tuple(Comparison(**row) for row in data["comparison"]),
                tables={name: Table(**value) for name, value in data["tables"].items()},
                limits=tuple(data["limits"]),
                command=data["command"],
                versions=data["versions"],
                machine=data["machine"],
            )
        except KeyError as error:
            raise InvalidArgument(f"the key {error} is missing") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidArgument(str(error)) from None


def load_result(folder: str | Path) -> Result:
    """Return the result in a folder that ``nonideal run`` wrote.

    Parameters
    ----------
    folder : path
        The folder, or its ``result.json``.

    Raises
    ------
    InvalidArgument
        If there is none, or it is damaged; the text names the file.
    """
    path = Path(folder)
    path = path if path.suffix == ".json" else path / "result.json"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"{path} is damaged ({error}); run the experiment again to make it anew"
        ) from None
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be read ({error.strerror})") from None
    try:
        return Result.from_json(text)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"{path} is damaged ({error}); run the experiment again to make it anew"
        ) from None


def _fields(item: Any) -> dict[str, Any]:
    return {entry.name: getattr(item, entry.name) for entry in fields(item)}


def _cell(cell: Any) -> Cell:
    if isinstance(cell, Estimate):
        return str(cell)
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or isinstance(cell, (str, int, float)):
        return cell
    raise InvalidArgument(f"a table's cell is a {type(cell).__name__}; use text, numbers, True/False or None")
