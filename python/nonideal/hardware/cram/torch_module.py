"""torch modules whose Linear and Conv2d layers run gate by gate in the array."""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.cram.layers import Layer, layer_seed
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.mapping import Mapper
from nonideal.hardware.cram.networks import (
    CramModule,
    LayerRecord,
    check_first_sample,
    current_pass,
    forward_pass,
)
from nonideal.hardware.cram.quantization import input_scale
from nonideal.hardware.cram.simulation import check_gates
from nonideal.seeds import resolve_seed

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError:
    raise MissingExtra("torch", "torch") from None

__all__ = ["Convolution", "TorchCramModule", "convert_module", "convolution_of", "source_weight", "swap"]

IntArray = npt.NDArray[np.int64]

# Modules of these files compute in the periphery, in floats; their parameters (batch norm's, PReLU's) too.
_PERIPHERY = tuple(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "dropout", "flatten", "padding", "pooling")
)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, torch.fx.GraphModule)
_CHUNK_VALUES = 1 << 22  # entries of the matrix of a convolution's patches that exist at the same time


@dataclass(frozen=True)
class Convolution:
    """Geometry of a ``Conv2d``: what of it is not in the weight matrix."""

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # left, right, top, bottom, as torch's pad takes them
    mode: str
    dilation: tuple[int, int]

    def pad(self, images: Tensor, zero: float) -> Tensor:
        """Return padded images; zeros are written as ``zero``."""
        if not any(self.padding):
            return images
        if self.mode == "zeros":
            return functional.pad(images, self.padding, value=zero)
        return functional.pad(images, self.padding, mode=self.mode)

    def rows(self, integers: IntArray, zero: int, groups: int) -> tuple[IntArray, tuple[int, int]]:
        """Return the patches of quantised images, (images * positions * groups, features), and the positions.

        Positions are (height, width) of the result.
        """
        padded = self.pad(torch.from_numpy(integers.astype(np.float32)), zero)  # below 2^8: exact
        size = [
            (padded.shape[2 + i] - self.dilation[i] * (self.kernel[i] - 1) - 1) // self.stride[i] + 1
            for i in range(2)
        ]
        patches = functional.unfold(padded, self.kernel, self.dilation, 0, self.stride)
        grouped = patches.reshape(
            patches.shape[0], groups, patches.shape[1] // groups, patches.shape[2]
        ).permute(0, 3, 1, 2)
        rows: IntArray = grouped.flatten(0, 2).numpy().astype(np.int64)
        return rows, (size[0], size[1])


def convolution_of(module: nn.Module) -> Convolution | None:
    """Return the geometry of a ``Conv2d``, None for a ``Linear``."""
    if not isinstance(module, nn.Conv2d):
        return None
    kernel, dilation = _pair(module.kernel_size), _pair(module.dilation)
    if module.padding == "same":  # torch pads the odd one on the right and below
        total = [dilation[i] * (kernel[i] - 1) for i in (1, 0)]
        left, top = (n // 2 for n in total)
        padding = (left, total[0] - left, top, total[1] - top)
    else:
        height, width = (0, 0) if isinstance(module.padding, str) else _pair(module.padding)
        padding = (width, width, height, height)
    return Convolution(
        module.in_channels, kernel, _pair(module.stride), padding, module.padding_mode, dilation
    )


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


class _LayerModule(nn.Module, ABC):
    """What stands in the place of a Linear or Conv2d: quantised input, integer products, periphery."""

    def __init__(self, layer: Layer, convolution: Convolution | None) -> None:
        super().__init__()
        self.layer, self.convolution = layer, convolution

    def extra_repr(self) -> str:
        layer = self.layer
        return (
            f"outputs={layer.outputs}, features={layer.weight.shape[1]}, groups={layer.groups}, "
            f"bits={layer.bits_input}x{layer.bits_weight}, gates={sum(layer.gate_counts.values())}"
        )

    def forward(self, input: Tensor) -> Tensor:  # torch's name: some call it by keyword
        """Return the layer's result, in the input's type and on its device."""
        x, layer, convolution = input, self.layer, self.convolution
        where = f"input of {layer.name or 'the model'}"
        check_tensor(where, x)
        channels = layer.weight.shape[1] if convolution is None else convolution.channels
        axis, rank = (-1, x.dim()) if convolution is None else (-3, 4)
        if x.dim() < -axis or x.shape[axis] != channels or x.dim() not in (rank, rank - 1):
            shape = "(..., {})" if convolution is None else "([samples,] {}, height, width)"
            raise InvalidArgument(f"{where}: shape {tuple(x.shape)} is not {shape.format(channels)}")
        values = x.detach().to("cpu", torch.float64)
        if convolution is None:
            result = self._linear(values.reshape(-1, channels)).reshape(*x.shape[:-1], layer.outputs)
        else:
            images = self._images(values if x.dim() == 4 else values[None])
            result = images if x.dim() == 4 else images[0]
        return result.to(x.device, x.dtype)

    @abstractmethod
    def _linear(self, values: Tensor) -> Tensor:
        """Return (samples, outputs) for (samples, features)."""

    @abstractmethod
    def _images(self, values: Tensor) -> Tensor:
        """Return (images, outputs, height, width) for images of a convolution."""


class _ArrayLayer(_LayerModule):
    """Integer products gate by gate."""

    def __init__(
        self,
        layer: Layer,
        convolution: Convolution | None,
        gates: GateLibrary | None,
        seed: int,
        number: int,
    ) -> None:
        super().__init__(layer, convolution)
        self.gates, self.seed, self.number = gates, seed, number

    def _linear(self, values: Tensor) -> Tensor:
        x = self.layer.integers(values.numpy())
        return torch.from_numpy(self.layer.dequantize(self._products([x], len(x))))

    def _images(self, values: Tensor) -> Tensor:
        layer, convolution = self.layer, self.convolution
        assert convolution is not None
        integers = layer.integers(values.numpy())
        (height, width) = convolution.rows(integers[:1], layer.zero_point, layer.groups)[1]
        per_image = height * width
        step = max(1, _CHUNK_VALUES // (per_image * layer.groups * layer.weight.shape[1]))
        chunks = (
            convolution.rows(integers[i : i + step], layer.zero_point, layer.groups)[0]
            for i in range(0, len(integers), step)
        )
        products = layer.dequantize(self._products(chunks, len(integers) * per_image))
        images = products.reshape(len(integers), height, width, layer.outputs)
        return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    def _products(self, chunks: Iterable[IntArray], rows: int) -> IntArray:
        """Run rows, given in chunks; a layer that is called again draws other errors."""
        layer, run = self.layer, current_pass()
        samples = run.samples if run is not None else 0
        first = run.first_sample if run is not None else 0
        if first and samples and rows % samples:
            raise InvalidArgument(
                f"first_sample = {first}: {rows} rows of {layer.name or 'the model'} are not a multiple of "
                f"{samples} samples"
            )
        row = first * (rows // samples) if samples else 0
        call = run.calls[layer.name] if run is not None else 0
        parts: list[IntArray] = [np.empty((0, layer.outputs), dtype=np.int64)]
        for chunk in chunks:
            done = layer.run(
                chunk,
                self.gates,
                seed=layer_seed(self.seed, self.number, call),
                first_row=row,
                activity=run is not None and run.record,
            )
            parts.append(done.differences)
            row += len(chunk) // layer.groups
            if run is not None and run.record:
                run.records.setdefault(layer.name, LayerRecord()).add(done, layer.exact(chunk))
        if run is not None:
            run.calls[layer.name] += 1
        return np.concatenate(parts)


class _ExactLayer(_LayerModule):
    """The same integers in torch's own arithmetic: doubles hold them exactly."""

    weight: Tensor
    offset: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, layer: Layer, convolution: Convolution | None) -> None:
        super().__init__(layer, convolution)
        weight = torch.from_numpy(layer.weight.astype(np.float64))
        if convolution is not None:
            weight = weight.reshape(layer.outputs, -1, *convolution.kernel)
        constants = {
            "weight": weight,
            "offset": torch.from_numpy(layer.zero_point * layer.weight.sum(axis=1).astype(np.float64)),
            "scale": torch.from_numpy(
                np.broadcast_to(layer.input_scale * np.asarray(layer.weight_scale), layer.outputs).copy()
            ),
            "bias": torch.from_numpy(layer.bias),
        }
        for name, value in constants.items():
            self.register_buffer(name, value)

    def _integers(self, values: Tensor) -> Tensor:
        layer = self.layer
        return (torch.round(values / layer.input_scale) + layer.zero_point).clamp(0, 2**layer.bits_input - 1)

    def _linear(self, values: Tensor) -> Tensor:
        products = functional.linear(self._integers(values), self.weight)
        return (products - self.offset) * self.scale + self.bias

    def _images(self, values: Tensor) -> Tensor:
        layer, convolution = self.layer, self.convolution
        assert convolution is not None
        padded = convolution.pad(self._integers(values), layer.zero_point)
        products = functional.conv2d(
            padded,
            self.weight,
            stride=convolution.stride,
            dilation=convolution.dilation,
            groups=layer.groups,
        )
        offset, scale, bias = (c.reshape(-1, 1, 1) for c in (self.offset, self.scale, self.bias))
        return (products - offset) * scale + bias


class TorchCramModule(CramModule, nn.Module):
    """See `CramModule`."""

    def __init__(
        self,
        source: nn.Module,
        layers: Sequence[Layer],
        mapper: Mapper,
        gates: Mapping[str, GateLibrary | None],
        seed: int,
        digital_layers: tuple[str, ...],
        periphery: tuple[str, ...],
    ) -> None:
        nn.Module.__init__(self)
        self.layers, self.mapper, self.seed = tuple(layers), mapper, seed
        self.layer_gates = dict(gates)
        self.digital_layers, self.periphery = digital_layers, periphery
        self._source = (source,)  # in a tuple: its parameters are not this module's
        numbers = {layer.name: i for i, layer in enumerate(self.layers)}
        self.model = swap(
            source,
            self.layers,
            lambda layer, module: _ArrayLayer(
                layer,
                convolution_of(module),
                self.layer_gates[layer.name],
                seed,
                numbers[layer.name],
            ),
        )
        nn.Module.train(self, False)

    @property
    def source(self) -> nn.Module:
        """The float module that was converted; not to be changed."""
        return self._source[0]

    def train(self, mode: bool = True) -> Self:
        """Change nothing: the module is always in evaluation mode (`fine_tune` trains)."""
        return self

    def forward(self, x: Tensor, *, first_sample: int = 0) -> Any:
        """Return the model's result for samples ``first_sample``, ... of a larger set."""
        return self._forward(x, first_sample, record=False)[0]

    def _forward(self, x: Any, first_sample: int, record: bool) -> tuple[Any, Mapping[str, LayerRecord]]:
        check_tensor("x", x)
        if x.dim() == 0:
            raise InvalidArgument("x: shape () has no samples")
        first_sample = check_first_sample(first_sample)
        with torch.no_grad(), forward_pass(len(x), first_sample, record) as run:
            return self.model(x), run.records

    def with_gates(
        self, gates: GateLibrary | Mapping[str, GateLibrary | None] | None, *, seed: int | None = None
    ) -> Self:
        """Return the same integers on other hardware; see `CramModule.with_gates`."""
        return type(self)(
            self.source,
            self.layers,
            self.mapper,
            self._gates(gates),
            self.seed if seed is None else resolve_seed(seed),
            self.digital_layers,
            self.periphery,
        )

    def with_weights(self, source: nn.Module) -> Self:
        """Return the module for other weights of the same source, with the same input ranges."""
        layers = []
        for layer in self.layers:
            weight, bias = source_weight(
                source.get_submodule(layer.name) if layer.name else source, layer.name
            )
            layers.append(
                self.mapper.scaled(
                    weight, bias, layer.input_scale, layer.zero_point, groups=layer.groups, name=layer.name
                )
            )
        return type(self)(
            source, layers, self.mapper, self.layer_gates, self.seed, self.digital_layers, self.periphery
        )

    @property
    def fake_quantized(self) -> nn.Module:
        """A plain torch module with the same integers; see `CramModule.fake_quantized`."""
        return swap(
            self.source, self.layers, lambda layer, module: _ExactLayer(layer, convolution_of(module))
        )


def convert_module(
    model: nn.Module, calibration: Any, mapper: Mapper, gates: GateLibrary | None, seed: int | None
) -> TorchCramModule:
    """Convert a torch module; see `convert`."""
    check_gates(gates)
    source = copy.deepcopy(model).to("cpu").eval()
    for parameter in source.parameters():
        parameter.requires_grad_(False)
    array, digital, periphery = _sort(source)
    if not array:
        raise InvalidArgument(
            f"model: {type(model).__name__} has no Linear or Conv2d layer that can run in the array"
        )
    ranges = _observe(source, array, calibration)
    layers = []
    for name, module in array.items():
        if name not in ranges:
            digital.append(name)
            continue
        weight, bias = source_weight(module, name)
        scale, zero = input_scale(
            *ranges[name], mapper.bits_input, f"calibration: inputs of {name or 'the model'}"
        )
        groups = module.groups if isinstance(module, nn.Conv2d) else 1
        layers.append(mapper.scaled(weight, bias, scale, zero, groups=groups, name=name))
    if not layers:
        raise InvalidArgument("calibration: it went through no Linear or Conv2d layer")
    if digital:
        warnings.warn(f"layers that stay digital: {', '.join(digital)}", stacklevel=3)
    return TorchCramModule(
        source,
        layers,
        mapper,
        {layer.name: gates for layer in layers},
        resolve_seed(seed),
        tuple(digital),
        tuple(periphery),
    )


def swap(
    source: nn.Module, layers: Sequence[Layer], make: Callable[[Layer, nn.Module], nn.Module]
) -> nn.Module:
    """Return a copy of a module in which every layer's place is taken by ``make(layer, module there)``."""
    model = copy.deepcopy(source)
    by_name = {layer.name: layer for layer in layers}
    new = {
        id(module): make(by_name[name], module) for name, module in model.named_modules() if name in by_name
    }
    for parent in list(model.modules()):
        for key, child in parent._modules.items():
            if id(child) in new:  # in every place, where a layer has several
                parent._modules[key] = new[id(child)]
    return new.get(id(model), model)


def source_weight(module: nn.Module, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return weight (outputs, features) and bias of a Linear or Conv2d, finite."""
    assert isinstance(module, nn.Linear | nn.Conv2d)
    weight = module.weight.detach().double().flatten(1).numpy()
    bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().numpy()
    for what, values in (("weight", weight), ("bias", bias)):
        if not np.isfinite(values).all():
            raise InvalidArgument(
                f"{'.'.join(filter(None, ('model', name, what)))} holds values that are not finite"
            )
    return weight, bias


def check_tensor(name: str, x: Any) -> None:
    """Refuse what is not a tensor of finite floats."""
    if not isinstance(x, Tensor):
        raise InvalidArgument(f"{name}: {type(x).__name__} is not a tensor")
    if not x.is_floating_point():
        raise InvalidArgument(f"{name}: dtype {x.dtype} is not a floating type")
    if not bool(torch.isfinite(x).all()):
        raise InvalidArgument(f"{name} holds values that are not finite")


def _sort(source: nn.Module) -> tuple[dict[str, nn.Module], list[str], list[str]]:
    """Return modules for the array by name, and the names of digital ones and of the periphery's.

    Only the types themselves are for the array: a subclass may compute something else, and a torch module
    with layers inside (attention, recurrent) may use their weights without calling them.
    """
    array: dict[str, nn.Module] = {}
    digital: list[str] = []
    periphery: list[str] = []
    seen: set[int] = set()

    def visit(module: nn.Module, name: str) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        kind = type(module)
        own = bool(module._parameters)
        if kind in (nn.Linear, nn.Conv2d):
            array[name] = module
        elif kind is nn.Identity or (kind.__module__ in _PERIPHERY and kind is not nn.MultiheadAttention):
            periphery.append(name)
        elif kind.__module__.startswith("torch.") and not isinstance(module, _CONTAINERS):
            digital.append(name)
        else:
            if own:
                digital.append(name)
            for key, child in module.named_children():
                visit(child, f"{name}.{key}" if name else key)

    visit(source, "")
    return array, [name or type(source).__name__ for name in digital], periphery


def _observe(
    source: nn.Module, modules: Mapping[str, nn.Module], calibration: Any
) -> dict[str, tuple[float, float]]:
    """Return the range of the inputs of each module that the calibration reaches."""
    ranges: dict[str, tuple[float, float]] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            x = args[0] if args else kwargs["input"]
            check_tensor(f"calibration: input of {name or 'the model'}", x)
            if x.numel():
                low, high = ranges.get(name, (0.0, 0.0))
                ranges[name] = min(low, float(x.min())), max(high, float(x.max()))

        return hook

    hooks = [
        module.register_forward_pre_hook(watch(name), with_kwargs=True) for name, module in modules.items()
    ]
    try:
        with torch.no_grad():
            for batch in [calibration] if isinstance(calibration, Tensor) else _batches(calibration):
                check_tensor("calibration", batch)
                source(batch)
    finally:
        for handle in hooks:
            handle.remove()
    return ranges


def _batches(calibration: Any) -> Iterable[Any]:
    if not isinstance(calibration, Iterable) or isinstance(calibration, np.ndarray):
        raise InvalidArgument(
            f"calibration: {type(calibration).__name__} is neither a tensor nor an iterable of tensors"
        )
    return (batch[0] if isinstance(batch, tuple | list) else batch for batch in calibration)
