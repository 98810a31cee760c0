"""What defines a LEIGNN besides its weights, and the weights that it must have; no torch here.

Source of the table: section "Steps" of arXiv 2311.02869's model and its rewrite of 2024; see `LEIGNN`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from nonideal.checks import check_boolean, check_choice, check_integer, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.elements import resolve_species
from nonideal.physics.atoms.neighbors import RULES

__all__ = ["FORCES", "GLOBAL_MODES", "VARIANTS", "VECTOR_NORMS", "Architecture", "architecture"]

FORCES = ("gradient", "direct", "none")
VECTOR_NORMS = ("smooth", "clamp")
# Variant -> how its global part may pool atoms; the first is the published one.
GLOBAL_MODES = {
    "v1": ("sum", "mean", "none"),
    "vn": ("mean", "sum", "none"),
    "vanilla": ("none",),
    "vanilla-nmu": ("none",),
}
VARIANTS = tuple(GLOBAL_MODES)
LARGEST_EXPONENT = 64  # as the message kernels say

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Constructor arguments of a LEIGNN after all defaults; `architecture` checks them.

    Attributes
    ----------
    species : tuple of int
        Atomic numbers; entry k owns row k of the embedding.
    cutoff : float
        angstrom.
    channels, layers, n_rbf : int
        F (even), L, R.
    variant : str
        ``"v1"``, ``"vn"``, ``"vanilla"`` or ``"vanilla-nmu"``.
    forces : str
        ``"gradient"``, ``"direct"`` or ``"none"``: the default of every call.
    smooth_cutoff : bool
        Whether the filter's output, bias included, is multiplied by the envelope.
    global_mode : str
        How the global part pools atoms: ``"sum"``, ``"mean"``, or ``"none"`` for no global part.
    vector_norm : str
        ``"smooth"``: sqrt(|v|^2 + 1e-8); ``"clamp"``: sqrt(max(|v|^2, 1e-8)).
    envelope_exponent : int
        p of the envelope.
    max_neighbors : int or None
        Most neighbours of one atom; None: all of them.
    max_neighbors_rule : str
        ``"strict"`` or ``"tolerant"`` (edges near the last one's distance stay too).
    """

    species: tuple[int, ...]
    cutoff: float
    channels: int
    layers: int
    n_rbf: int
    variant: str
    forces: str
    smooth_cutoff: bool
    global_mode: str
    vector_norm: str
    envelope_exponent: int
    max_neighbors: int | None
    max_neighbors_rule: str

    def arguments(self) -> dict[str, Any]:
        """Return all of it but the species, by name."""
        values = asdict(self)
        del values["species"]
        return values

    @property
    def pools(self) -> bool:
        """Whether there is a global part."""
        return self.global_mode != "none"

    @property
    def virtual(self) -> bool:
        """Whether the global part is a virtual node."""
        return self.variant == "vn" and self.pools

    def parameters(self) -> dict[str, Shape]:
        """Return the shape of each trainable tensor, by its name in the state_dict, in its order.

        Examples
        --------
        >>> shapes = architecture(["Cu"], channels=64, layers=2).parameters()
        >>> shapes["embedding.weight"], shapes["layers.1.message.filter.weight"]
        ((1, 64), (192, 32))
        """
        return dict(self._named())

    def _named(self) -> Iterator[tuple[str, Shape]]:
        f = self.channels
        yield "embedding.weight", (len(self.species), f)
        if self.virtual:
            yield "virtual_node.weight", (1, f)
        for layer in range(self.layers):
            for part, shapes in self._layer().items():
                for name, shape in shapes:
                    yield f"layers.{layer}.{part}{name}", shape
        yield from _mlp("readout.energy.", f, f // 2, 1)
        yield "readout.force.weight", (1, f)

    def _layer(self) -> dict[str, list[tuple[str, Shape]]]:
        f = self.channels
        parts: dict[str, list[tuple[str, Shape]]] = {}
        around = [*_mlp("scalar.", 2 * f, f, f), ("vector.weight", (f, f))]
        if self.virtual:
            parts["distribute."] = around
        parts["message."] = [
            *_mlp("node.", f, f // 2, 3 * f),
            ("filter.weight", (3 * f, self.n_rbf)),
            ("filter.bias", (3 * f,)),
        ]
        update: list[tuple[str, Shape]] = [("vector.weight", (2 * f, f))]
        if self.variant == "v1":
            update += _mlp("mix.", (3 if self.pools else 2) * f, f // 2, 2 * f)
            update += [("scalar.weight", (f, f)), ("scalar.bias", (f,))]
            if self.pools:
                update += [*_mlp("pool_scalar.", f, f // 2, 1), ("pool_vector.weight", (1, f))]
        else:
            update += _mlp("mix.", 2 * f, f, 3 * f)
        parts["update."] = update
        if self.virtual:
            parts["aggregate."] = around
        return parts


def _mlp(prefix: str, inputs: int, hidden: int, outputs: int) -> list[tuple[str, Shape]]:
    return [
        (f"{prefix}hidden.weight", (hidden, inputs)),
        (f"{prefix}hidden.bias", (hidden,)),
        (f"{prefix}out.weight", (outputs, hidden)),
        (f"{prefix}out.bias", (outputs,)),
    ]


def architecture(
    species: Iterable[str | int],
    *,
    cutoff: float = 5.0,
    channels: int = 128,
    layers: int = 3,
    n_rbf: int = 32,
    variant: str = "v1",
    forces: str = "gradient",
    smooth_cutoff: bool | None = None,
    global_mode: str | None = None,
    vector_norm: str = "smooth",
    envelope_exponent: int = 5,
    max_neighbors: int | None = None,
    max_neighbors_rule: str = "strict",
) -> Architecture:
    """Return checked arguments with their defaults filled in; their meaning stands in `Architecture`.

    Raises
    ------
    InvalidArgument
        Naming the argument that is out of range.

    Examples
    --------
    >>> architecture(["O", "H"], variant="vn").global_mode
    'mean'
    >>> architecture(["O", "H"], channels=7)
    Traceback (most recent call last):
        ...
    nonideal.errors.InvalidArgument: channels = 7 is odd; half of them are in a hidden layer
    """
    numbers = resolve_species(species)
    exponent = check_integer("envelope_exponent", envelope_exponent, 1)
    if exponent > LARGEST_EXPONENT:
        raise InvalidArgument(f"envelope_exponent = {exponent} is outside [1, {LARGEST_EXPONENT}]")
    check_choice("variant", variant, VARIANTS)
    check_choice("forces", forces, FORCES)
    channels = check_integer("channels", channels, 2, 16)
    if channels % 2:
        raise InvalidArgument(f"channels = {channels} is odd; half of them are in a hidden layer")
    modes = GLOBAL_MODES[variant]
    if global_mode is not None and check_choice("global_mode", global_mode, GLOBAL_MODES["v1"]) not in modes:
        raise InvalidArgument(f"global_mode = {global_mode!r}: variant {variant!r} has no global part")
    return Architecture(
        species=numbers,
        cutoff=check_positive("cutoff", cutoff),
        channels=channels,
        layers=check_integer("layers", layers, 1, 10),
        n_rbf=check_integer("n_rbf", n_rbf, 2, 16),
        variant=variant,
        forces=forces,
        smooth_cutoff=(
            forces == "gradient" if smooth_cutoff is None else check_boolean("smooth_cutoff", smooth_cutoff)
        ),
        global_mode=modes[0] if global_mode is None else global_mode,
        vector_norm=check_choice("vector_norm", vector_norm, VECTOR_NORMS),
        envelope_exponent=exponent,
        max_neighbors=None if max_neighbors is None else check_integer("max_neighbors", max_neighbors, 1, 31),
        max_neighbors_rule=check_choice("max_neighbors_rule", max_neighbors_rule, RULES),
    )
