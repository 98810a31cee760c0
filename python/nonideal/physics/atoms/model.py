"""LEIGNN: the lightweight equivariant network, both published forms and two ablations, as a torch module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from nonideal.checks import check_boolean, check_choice, check_integer
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.architecture import FORCES, architecture
from nonideal.physics.atoms.elements import SYMBOLS
from nonideal.physics.atoms.graph import Graph
from nonideal.physics.atoms.model_file import ModelFile
from nonideal.physics.atoms.prediction import Prediction, split_predictions
from nonideal.physics.atoms.system import is_system, named_systems
from nonideal.seeds import resolve_seed

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "atoms") from None

from nonideal.physics.atoms.blocks import Embedding, Interaction, Pooling, Readout, initialize
from nonideal.physics.atoms.message import BACKENDS, message_pass

__all__ = ["LEIGNN"]

_DOUBLES = ("energy_reference", "energy_scale")  # total energies have more digits than float32


class LEIGNN(nn.Module):
    """Energy, forces and stress of atoms from an equivariant message-passing network.

    Two different published models carry the name. ``variant="v1"`` (arXiv 2311.02869, first version): in each
    layer one global vector, the sum over all atoms of a structure, meets each atom's own vectors. ``"vn"``
    (the later versions, also called E2GNN): a virtual node per structure exchanges scalars and vectors with
    its atoms. ``"vanilla"`` has neither and PaiNN's update, ``"vanilla-nmu"`` neither and vn's update.

    Parameters
    ----------
    species : iterable of str or int
        Chemical symbols or atomic numbers; entry k owns row k of the embedding.
    cutoff : float
        angstrom.
    channels, layers, n_rbf : int
        Width (even), depth, and number of radial Gaussians.
    variant : str
        ``"v1"``, ``"vn"``, ``"vanilla"``, ``"vanilla-nmu"``.
    forces : str
        Default of every call: ``"gradient"`` (-dE/dr: they conserve energy), ``"direct"`` (the published
        form: a head of their own, cheaper, not conservative, with a net force), or ``"none"``.
    smooth_cutoff : bool, optional
        True: messages vanish smoothly at the cutoff; False: the published form, in which energy and forces
        jump when a neighbour crosses it. None: True with gradient forces.
    global_mode : str, optional
        How the global part pools atoms, ``"sum"`` (v1's published form: energies do not add up over distant
        pieces, nor grow exactly with the size of a crystal), ``"mean"`` (vn's: exact for copies of a cell,
        but distant pieces still feel one another), or ``"none"``. None: the published form.
    vector_norm : str
        ``"smooth"``, or ``"clamp"``: v1's published form.
    envelope_exponent : int
        p of the polynomial envelope.
    max_neighbors : int, optional
        Nearest neighbours that are kept per atom. None, the default: all; a limit makes energies jump.
    max_neighbors_rule : str
        ``"strict"`` or ``"tolerant"``; see `Graph.build`.
    backend : str
        ``"native"``: our C++ kernels for the messages; ``"torch"``: plain torch. The same weights, the same
        results up to rounding. The kernels give the same bits for every ``model.num_threads``; torch's matrix
        products don't for every number of its own threads (``torch.set_num_threads``), which this one leaves
        alone.
    seed : int, optional
        Of the initial weights; None draws one. ``model.seed`` says which.
    dtype : torch.dtype, optional
        float32 or float64; None: torch's default.

    Raises
    ------
    InvalidArgument
        Naming the argument that is out of range.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> model = atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1)
    >>> dimer = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.2]])
    >>> forces = model.evaluate(dimer).forces
    >>> forces.shape, bool(abs(forces.sum()) < 1e-6)
    ((2, 3), True)
    """

    energy_reference: Tensor
    energy_scale: Tensor
    _rows: Tensor

    def __init__(
        self,
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
        backend: str = "native",
        seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.architecture = shape = architecture(
            species,
            cutoff=cutoff,
            channels=channels,
            layers=layers,
            n_rbf=n_rbf,
            variant=variant,
            forces=forces,
            smooth_cutoff=smooth_cutoff,
            global_mode=global_mode,
            vector_norm=vector_norm,
            envelope_exponent=envelope_exponent,
            max_neighbors=max_neighbors,
            max_neighbors_rule=max_neighbors_rule,
        )
        dtype = torch.get_default_dtype() if dtype is None else dtype
        if dtype not in (torch.float32, torch.float64):
            raise InvalidArgument(f"dtype = {dtype} is neither torch.float32 nor torch.float64")
        self.backend = check_choice("backend", backend, BACKENDS)
        self.seed: int | None = resolve_seed(seed)
        self.num_threads: int | None = None
        self.metadata: dict[str, Any] = {"seed": self.seed}
        self.embedding = Embedding(len(shape.species), shape.channels)
        if shape.virtual:
            self.virtual_node = Embedding(1, shape.channels)
        self.layers = nn.ModuleList(Interaction(shape) for _ in range(shape.layers))
        self.readout = Readout(shape.channels)
        self.register_buffer("energy_reference", torch.zeros(len(shape.species), dtype=torch.float64))
        self.register_buffer("energy_scale", torch.ones((), dtype=torch.float64))
        rows = torch.full((len(SYMBOLS),), -1)
        rows[list(shape.species)] = torch.arange(len(shape.species))
        self.register_buffer("_rows", rows, persistent=False)
        self.to(dtype)
        initialize(self, torch.Generator().manual_seed(self.metadata["seed"]))

    @classmethod
    def paper(
        cls,
        species: Iterable[str | int] = range(83),
        *,
        variant: str = "v1",
        channels: int = 512,
        layers: int = 4,
        n_rbf: int = 128,
        cutoff: float = 5.0,
        max_neighbors: int | None = 50,
        **other: Any,
    ) -> Self:
        """Return the published form: direct forces, a jump at the cutoff, few neighbours, rows by number.

        Parameters
        ----------
        species, variant, channels, layers, n_rbf, cutoff, max_neighbors
            As the class takes them, with the published defaults.
        **other
            Further arguments of the class.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> sum(p.numel() for p in atoms.LEIGNN.paper(channels=64, layers=3).parameters())
        181828
        """
        published: dict[str, Any] = {
            "forces": "direct",
            "smooth_cutoff": False,
            "vector_norm": "clamp" if variant == "v1" else "smooth",
            "max_neighbors_rule": "tolerant",
        }
        return cls(
            species,
            variant=variant,
            channels=channels,
            layers=layers,
            n_rbf=n_rbf,
            cutoff=cutoff,
            max_neighbors=max_neighbors,
            **(published | other),
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the model in a ``.leignn`` file, in the precision that it was saved in.

        Raises
        ------
        InvalidArgument
            If the file cannot be read, or anything in it is not as it should be.
        """
        return cls.from_file(ModelFile.read(path))

    @classmethod
    def from_file(cls, content: ModelFile) -> Self:
        """Return the model with the content of a model file."""
        shape = content.architecture
        weights = {name: torch.from_numpy(array) for name, array in content.tensors.items()}
        dtype = weights["embedding.weight"].dtype
        model = cls(shape.species, **shape.arguments(), seed=0, dtype=dtype)
        weights["energy_scale"] = torch.tensor(content.energy_scale, dtype=torch.float64)
        weights["energy_reference"] = torch.tensor(content.energy_reference, dtype=torch.float64)
        model.load_state_dict(weights)
        model.metadata = dict(content.metadata)
        model.seed = content.metadata.get("seed")
        return model

    def to_file(self) -> ModelFile:
        """Return the content of this model's file."""
        weights = {name: value.detach().cpu().numpy() for name, value in self.named_parameters()}
        return ModelFile(
            architecture=self.architecture,
            tensors=weights,
            energy_scale=float(self.energy_scale),
            energy_reference=tuple(self.energy_reference.tolist()),
            metadata=self.metadata,
        )

    def save(self, path: str | Path) -> Path:
        """Write the model into a ``.leignn`` file: flat tensors below a JSON header; return its path.

        Raises
        ------
        InvalidArgument
            If a weight is not finite, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from nonideal.physics import atoms
        >>> model = atoms.LEIGNN(["Cu"], channels=16, layers=1, n_rbf=4, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     atoms.LEIGNN.load(model.save(folder + "/cu.leignn")).seed
        1
        """
        return self.to_file().write(path)

    @property
    def species(self) -> tuple[int, ...]:
        """Atomic numbers, in the order of the embedding's rows."""
        return self.architecture.species

    @property
    def cutoff(self) -> float:
        """Distance beyond which atoms do not see one another within a layer, angstrom."""
        return self.architecture.cutoff

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.embedding.weight.dtype

    def extra_repr(self) -> str:
        """Return the arguments, as torch shows them."""
        return ", ".join(f"{name}={value!r}" for name, value in self.architecture.arguments().items())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert as torch does, but keep energies' own numbers in float64."""
        kept = {name: getattr(self, name) for name in _DOUBLES}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, value in kept.items():
            self._buffers[name] = value.to(getattr(self, name).device)
        return self

    def graph(self, systems: Any) -> Graph:
        """Return the `Graph` of one structure or several, with this model's cutoff, limits and precision."""
        shape = self.architecture
        return Graph.build(
            systems,
            shape.cutoff,
            max_neighbors=shape.max_neighbors,
            max_neighbors_rule=shape.max_neighbors_rule,
            dtype=self.dtype,
            num_threads=self.num_threads,
        )

    def forward(
        self,
        graph: Graph,
        *,
        forces: str | None = None,
        stress: bool = False,
        create_graph: bool | None = None,
    ) -> dict[str, Tensor]:
        """Return what the network says of a batch.

        Parameters
        ----------
        graph : Graph
            With this model's cutoff.
        forces : str, optional
            ``"gradient"``, ``"direct"``, ``"none"``; None: the model's own default.
        stress : bool
            Whether to compute it, by the gradient of the energy, whichever forces are asked for.
        create_graph : bool, optional
            Whether gradient forces and stress can be differentiated once more, such as by a loss; otherwise
            all results that come with them are detached. None: while training.

        Returns
        -------
        dict of str to torch.Tensor
            ``energy`` (n_graphs,) and ``energies`` (n_atoms,) float64, eV; unless "none" ``forces`` (n_atoms,
            3), eV/angstrom; with ``stress``, ``stress`` (n_graphs, 3, 3), eV/angstrom^3, positive in tension.

        Raises
        ------
        InvalidArgument
            If the graph has another cutoff or an element that the model does not know; with ``stress`` a
            structure without a cell.
        """
        kind = self.architecture.forces if forces is None else check_choice("forces", forces, FORCES)
        check_boolean("stress", stress)
        differentiate = kind == "gradient" or stress
        keep = self.training if create_graph is None else check_boolean("create_graph", create_graph)
        keep = keep and torch.is_grad_enabled()
        volumes = _volumes(graph) if stress else None
        enabled = torch.is_grad_enabled() or differentiate
        with (
            torch.inference_mode(torch.is_inference_mode_enabled() and not differentiate),
            torch.set_grad_enabled(enabled),
        ):
            vectors = graph.vectors().to(self.dtype)
            if differentiate and not vectors.requires_grad:
                vectors.requires_grad_()
            energies, v = self.atomic_energies(graph, vectors, last_vectors=kind == "direct")
            index = graph.graph_index
            energy = energies.new_zeros(len(graph)).index_add(0, index, energies)
            result = {"energy": energy, "energies": energies}
            if kind == "direct":
                result["forces"] = self.readout.force(v)[..., 0] * self.energy_scale.to(v.dtype)
            if differentiate:
                (slope,) = torch.autograd.grad(
                    energy.sum(), vectors, create_graph=keep, materialize_grads=True
                )
                if kind == "gradient":
                    zero = slope.new_zeros(len(energies), 3)
                    result["forces"] = zero.index_add(0, graph.centers, slope).index_add(
                        0, graph.neighbors, -slope
                    )
                if volumes is not None:
                    virial = vectors[:, :, None] * slope[:, None, :]
                    total = virial.new_zeros(len(graph), 3, 3).index_add(0, index[graph.centers], virial)
                    total = (total + total.transpose(1, 2)) / 2
                    result["stress"] = total / volumes[:, None, None].to(total.dtype)
        if differentiate and not keep:
            result = {name: value.detach() for name, value in result.items()}
        return result

    def atomic_energies(
        self, graph: Graph, vectors: Tensor, *, last_vectors: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return each atom's energy for vectors of one's own along the graph's edges, and its vectors.

        Parameters
        ----------
        graph : Graph
            Its positions are not read.
        vectors : (n_edges, 3) torch.Tensor, angstrom
            From each centre to its neighbour, in the weights' precision.
        last_vectors : bool
            Whether the last layer is to update the vectors, which no energy depends on.

        Returns
        -------
        energies : (n_atoms,) float64, eV
        v : (n_atoms, 3, channels)
            What the head of direct forces reads, with ``last_vectors``.
        """
        rows = self._row_of(graph)
        x, v = self._features(graph, rows, vectors, last_vectors)
        network: Tensor = self.readout.energy(x)[:, 0].double()
        return network * self.energy_scale + self.energy_reference[rows], v

    def _row_of(self, graph: Graph) -> Tensor:
        if not math.isclose(graph.cutoff, self.cutoff, rel_tol=1e-12):
            raise InvalidArgument(f"graph has cutoff {graph.cutoff}, the model {self.cutoff}")
        rows: Tensor = self._rows[graph.numbers]
        if not torch.compiler.is_compiling() and bool((rows < 0).any()):
            atom = int((rows < 0).to(torch.uint8).argmax())
            number = int(graph.numbers[atom])
            known = ", ".join(SYMBOLS[n] for n in self.species)
            raise InvalidArgument(
                f"numbers[{atom}] = {number} ({SYMBOLS[number]}) is not among the model's species: {known}"
            )
        return rows

    def _features(
        self, graph: Graph, rows: Tensor, vectors: Tensor, last_vectors: bool
    ) -> tuple[Tensor, Tensor]:
        """Return scalars and vectors of all atoms after the last layer."""
        shape = self.architecture
        pool = Pooling(graph.graph_index, graph.n_atoms, shape.global_mode)
        x = self.embedding(rows)
        v = x.new_zeros(len(rows), 3, shape.channels)
        if shape.virtual:
            node = self.virtual_node.weight.expand(len(graph), -1)
            node_v = x.new_zeros(len(graph), 3, shape.channels)
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Interaction)
            if shape.virtual:
                x, v = layer.distribute(x, v, x, pool.spread(node), pool.spread(node_v))
            message = layer.message
            dx, dv = message_pass(
                message.node(x),
                v,
                vectors,
                message.filter.weight,
                message.filter.bias,
                graph.indptr,
                graph.neighbors,
                cutoff=shape.cutoff,
                envelope_exponent=shape.envelope_exponent,
                smooth_cutoff=shape.smooth_cutoff,
                backend=self.backend,
                num_threads=self.num_threads,
            )
            inner = index + 1 < shape.layers
            x, v = layer.update((x + dx) * math.sqrt(0.5), v + dv, pool, inner or last_vectors)
            if shape.virtual and inner:  # after the last layer nobody reads it
                node, node_v = layer.aggregate(node, node_v, pool(x), node, pool(v))
        return x, v

    def evaluate(
        self, systems: Any, *, forces: str | None = None, stress: bool = False, batch_size: int = 32
    ) -> Any:
        """Return what the model says of structures, as NumPy arrays.

        Parameters
        ----------
        systems : ase.Atoms, Frame, or sequence of them
            What to look at.
        forces, stress
            As for a call.
        batch_size : int
            Structures that are computed at the same time.

        Returns
        -------
        Prediction or list of Prediction
            One for one structure, a list for a sequence.

        Raises
        ------
        InvalidArgument
            If a structure is not what it should be.
        NumericalError
            If an energy or a force comes out as NaN or infinite.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> model = atoms.LEIGNN(["H"], channels=16, layers=2, n_rbf=8, seed=1)
        >>> dimer = atoms.Frame([1, 1], [[0, 0, 0], [0, 0, 0.74]])
        >>> [p.energies.shape for p in model.evaluate([dimer, dimer])]
        [(2,), (2,)]
        """
        batch_size = check_integer("batch_size", batch_size, 1, 31)
        entries = list(named_systems(systems))
        kind = self.architecture.forces if forces is None else forces
        found: list[Prediction] = []
        for start in range(0, len(entries), batch_size):
            with torch.inference_mode(mode=False), torch.no_grad():
                graph = self.graph([system for _, system in entries[start : start + batch_size]])
                result = self(graph, forces=kind, stress=stress, create_graph=False)
            arrays = {name: value.double().cpu().numpy() for name, value in result.items()}
            found += split_predictions(arrays, graph.graph_ptr.tolist(), kind, start)
        return found[0] if is_system(systems) else found


def _volumes(graph: Graph) -> Tensor:
    volumes: Tensor = torch.linalg.det(graph.cells.detach()).abs()
    if bool((volumes == 0).any()):
        raise InvalidArgument(f"stress: structure {int(volumes.argmin())} of the batch has no volume")
    return volumes
