"""What a converted torch module has beyond a plain one; free of torch, so that everybody can import it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.accounting import Cost
from nonideal.hardware.cram.dots import DotActivity, add_activity, dot_area
from nonideal.hardware.cram.layers import Layer, LayerRun, add_costs, layer_cost
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.simulation import check_gates

if TYPE_CHECKING:
    import torch

__all__ = ["CramModule", "ForwardPass", "LayerReport", "NetworkReport", "current_pass", "forward_pass"]


@dataclass
class ForwardPass:
    """Which samples a forward pass computes, and what its layers saw.

    Parameters
    ----------
    samples, first_sample : int
        Samples ``first_sample`` .. ``first_sample + samples - 1`` of a larger set.
    record : bool
        Keep activity and errors of every layer.
    """

    samples: int
    first_sample: int = 0
    record: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    records: dict[str, LayerRecord] = field(default_factory=dict)


@dataclass
class LayerRecord:
    """What a layer did in a forward pass, all its calls together."""

    lanes: int = 0
    activity: DotActivity | None = None
    products: int = 0
    wrong: int = 0
    squared_error: float = 0.0
    squared_product: float = 0.0

    def add(self, run: LayerRun, exact: npt.NDArray[np.int64]) -> None:
        """Add a run; ``exact`` is what its values should have been."""
        products = exact[:, :, 0] - exact[:, :, 1]
        error = run.differences - products
        self.lanes += run.lanes
        self.products += error.size
        self.wrong += int(np.count_nonzero(error))
        self.squared_error += float(np.square(error, dtype=np.float64).sum())
        self.squared_product += float(np.square(products, dtype=np.float64).sum())
        self.activity = add_activity(self.activity, run.activity)


_PASS: ContextVar[ForwardPass | None] = ContextVar("forward_pass", default=None)


def current_pass() -> ForwardPass | None:
    """Return the pass that is under way in this thread."""
    return _PASS.get()


@contextmanager
def forward_pass(samples: int, first_sample: int, record: bool) -> Iterator[ForwardPass]:
    """Make a pass known to the layers that run inside the block."""
    token = _PASS.set(ForwardPass(samples, first_sample, record))
    try:
        current = _PASS.get()
        assert current is not None  # set above
        yield current
    finally:
        _PASS.reset(token)


@dataclass(frozen=True)
class LayerReport:
    """One layer of a `NetworkReport`.

    Parameters
    ----------
    name : str
        In the model.
    outputs, features, groups : int
        Of its integer weight.
    gates, columns : int
        Of the dot product that a lane runs.
    lanes : int
        Of all samples.
    arrays : int
        That hold them.
    utilization : float
        Share of the arrays' cells in use.
    energy : float or None
        Of all samples, joule; None where the gates have no device.
    latency : float or None
        Second.
    wrong : Estimate
        Share of signed products that left the array with an error.
    relative_error : float
        Root mean square of these errors over that of the products.
    accuracy : Estimate
        With errors in this layer alone.
    """

    name: str
    outputs: int
    features: int
    groups: int
    gates: int
    columns: int
    lanes: int
    arrays: int
    utilization: float
    energy: float | None
    latency: float | None
    wrong: Estimate
    relative_error: float
    accuracy: Estimate


@dataclass(frozen=True)
class NetworkReport:
    """Where a network's errors, energy and time arise.

    Parameters
    ----------
    layers : tuple of LayerReport
        In order.
    accuracy, exact_accuracy : Estimate
        With errors in all layers, and in none. Error bars are those of the number of samples.
    """

    layers: tuple[LayerReport, ...]
    accuracy: Estimate
    exact_accuracy: Estimate

    def __str__(self) -> str:
        names = [f.name for f in fields(LayerReport)]
        rows = [names, *([_text(getattr(layer, name)) for name in names] for layer in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(names))]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        total = f"accuracy {_text(self.accuracy)}, without errors {_text(self.exact_accuracy)}"
        return "\n".join([*lines, total])


def _text(value: object) -> str:
    if isinstance(value, Estimate):
        return f"{value.value:.4f}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else str(value)


class CramModule(ABC):
    """A ``torch.nn.Module`` whose linear layers run gate by gate in the array; made by `convert`.

    Calling it takes a float tensor, samples first, and returns what the original module would, with the
    errors of integers and gates: ``module(x, first_sample=0)``. The result is a pure function of x, the
    weights and the seed; sample i of a larger set does not depend on how the set was cut, as long as
    ``first_sample`` says where x begins. No gradient flows (`fine_tune` trains); the module is always in
    evaluation mode. Simulation runs on the CPU.

    Attributes
    ----------
    layers : tuple of Layer
        Those in the array, in the order of their registration; each draws errors of its own.
    digital_layers : tuple of str
        Names of layers that stay digital: of unsupported types, holders of parameters of their own, or never
        called as modules on the calibration.
    periphery : tuple of str
        Names of modules that belong to the periphery: batch norm, activation, pooling, flattening, dropout.
    layer_gates : mapping of str to GateLibrary or None
        The hardware of each layer.
    seed : int
        Of the gate errors.
    training_seed : int or None
        The seed that `fine_tune` used, where it made the module.
    """

    layers: tuple[Layer, ...]
    digital_layers: tuple[str, ...]
    periphery: tuple[str, ...]
    layer_gates: Mapping[str, GateLibrary | None]
    seed: int
    training_seed: int | None = None

    @abstractmethod
    def with_gates(
        self, gates: GateLibrary | Mapping[str, GateLibrary | None] | None, *, seed: int | None = None
    ) -> Self:
        """Return the same integers on other hardware.

        Parameters
        ----------
        gates : GateLibrary, None, or a mapping of layer name to one of these
            The mapping changes the layers that it names.
        seed : int or None
            None keeps the seed.
        """

    @property
    @abstractmethod
    def fake_quantized(self) -> torch.nn.Module:
        """A plain torch module with the same integers and scales; with ideal gates both are exactly equal."""

    @abstractmethod
    def _forward(self, x: Any, first_sample: int, record: bool) -> tuple[Any, Mapping[str, LayerRecord]]:
        """Return the result and what the layers saw."""

    def _gates(
        self, gates: GateLibrary | Mapping[str, GateLibrary | None] | None
    ) -> dict[str, GateLibrary | None]:
        """Return each layer's gates, those not named as they are."""
        if isinstance(gates, Mapping) and not isinstance(gates, GateLibrary):
            for name, library in gates.items():
                if name not in self.layer_gates:
                    raise InvalidArgument(
                        f"gates[{name!r}] is not one of the layers {', '.join(self.layer_gates)}"
                    )
                check_gates(library)
            return {**self.layer_gates, **gates}
        check_gates(gates)
        return dict.fromkeys(self.layer_gates, gates)

    def cost(self, x: Any, *, gates: GateLibrary | None = None) -> Cost:
        """Return energy, latency and area of the layers in the array for the samples x.

        Layers run one after the other, each in arrays of its own. What is digital or in the periphery is not
        counted, beyond what the `Array` says.

        Parameters
        ----------
        x : tensor
            Samples.
        gates : GateLibrary or None
            A library on another device whose energies are to be counted; None for the layers' own.

        Raises
        ------
        InvalidArgument
            If a library has no device, or no layer ran.
        """
        records = self._forward(x, 0, record=True)[1]
        costs = [
            _cost(layer, records[layer.name], self.layer_gates[layer.name] if gates is None else gates)
            for layer in self.layers
            if layer.name in records
        ]
        if not costs:
            raise InvalidArgument("x: no layer of the array ran")
        return add_costs(costs)

    def report(self, x: Any, y: Any, *, gates: GateLibrary | None = None) -> NetworkReport:
        """Return each layer's size, cost and errors, and the accuracy that its errors alone would leave.

        Parameters
        ----------
        x : tensor
            Samples; the result must be scores, (samples, classes).
        y : (samples,) integers
            Classes.
        gates : GateLibrary or None
            Energies and latency are counted with it; None for the layers' own gates, which may have no
            device: then there are none.

        Raises
        ------
        InvalidArgument
            If labels and scores don't fit, or there are no samples.
        """
        labels = np.asarray(y)
        if not labels.size:
            raise InvalidArgument("x: no samples, so there is no share of correct labels")
        scores, records = self._forward(x, 0, record=True)
        rows = []
        for layer in self.layers:
            if layer.name not in records:
                continue
            record, library = records[layer.name], self.layer_gates[layer.name] if gates is None else gates
            device = library is not None and library.mtj is not None
            cost = _cost(layer, record, library) if device else None
            alone = self.with_gates(
                {name: own if name == layer.name else None for name, own in self.layer_gates.items()}
            )
            arrays, used = dot_area(layer.placement, record.lanes)
            rows.append(
                LayerReport(
                    name=layer.name,
                    outputs=layer.outputs,
                    features=layer.weight.shape[1],
                    groups=layer.groups,
                    gates=sum(layer.gate_counts.values()),
                    columns=layer.program.columns,
                    lanes=record.lanes,
                    arrays=arrays,
                    utilization=used,
                    energy=None if cost is None else cost.energy,
                    latency=None if cost is None else cost.latency,
                    wrong=Estimate.from_counts(record.wrong, record.products),
                    relative_error=(record.squared_error / record.squared_product) ** 0.5
                    if record.squared_product
                    else 0.0,
                    accuracy=_accuracy(alone._forward(x, 0, record=False)[0], labels),
                )
            )
        exact = self.with_gates(None)._forward(x, 0, record=False)[0]
        return NetworkReport(tuple(rows), _accuracy(scores, labels), _accuracy(exact, labels))


def check_first_sample(value: Any) -> int:
    """Return the number of the first sample."""
    return check_integer("first_sample", value, 0)


def _cost(layer: Layer, record: LayerRecord, gates: GateLibrary | None) -> Cost:
    return layer_cost(layer, record.lanes, record.activity, gates)


def _accuracy(scores: Any, labels: npt.NDArray[Any]) -> Estimate:
    values = np.asarray(scores)
    if values.ndim != 2 or labels.shape != values.shape[:1]:
        raise InvalidArgument(
            f"y: shape {labels.shape} doesn't fit scores of shape {values.shape}, (samples, classes)"
        )
    return Estimate.from_counts(int(np.sum(values.argmax(axis=1) == labels)), len(labels))
