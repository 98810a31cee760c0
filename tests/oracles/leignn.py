"""LEIGNN, atom by atom and edge by edge: arXiv 2311.02869 (v1) and its rewrite of 2024 (vn), in float64.

Weights come as a dict by the names of the model's state_dict; torch serves for its derivatives alone.
"""

import itertools
import math

import torch

DOUBLE = torch.float64


def scaled_silu(y):
    return y / (1 + torch.exp(-y)) / 0.6


def linear(weights, name, x):
    y = weights[f"{name}.weight"] @ x
    return y + weights[f"{name}.bias"] if f"{name}.bias" in weights else y


def mlp(weights, name, x):
    return linear(weights, f"{name}.out", scaled_silu(linear(weights, f"{name}.hidden", x)))


def on_axes(weights, name, v):
    """A linear layer over the channels of a vector feature (3, F), for each axis."""
    return torch.stack([linear(weights, name, v[k]) for k in range(3)])


def envelope(s, p=5):
    if s >= 1:
        return torch.zeros_like(s)
    return 1 - (p + 1) * (p + 2) / 2 * s**p + p * (p + 2) * s ** (p + 1) - p * (p + 1) / 2 * s ** (p + 2)


def radial(d, n_rbf, cutoff, p=5):
    """Gaussians times the envelope, (R,)."""
    s = d / cutoff
    values = [torch.exp(-(((s - k / (n_rbf - 1)) * (n_rbf - 1)) ** 2) / 2) for k in range(n_rbf)]
    return torch.stack(values) * envelope(s, p)


def edges(positions, cell, pbc, cutoff):
    """All (i, j, S) with 0 < d < cutoff, by trying every image that could be near."""
    found = []
    spread = float((positions.max(0).values - positions.min(0).values).norm()) if len(positions) else 0.0
    reach = []
    for axis in range(3):
        if not pbc[axis]:
            reach.append(0)
            continue
        normal = torch.linalg.cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3])
        height = abs(float(torch.dot(cell[axis], normal) / normal.norm()))
        reach.append(math.ceil((cutoff + spread) / height))
    for i, j in itertools.product(range(len(positions)), repeat=2):
        for shift in itertools.product(*(range(-n, n + 1) for n in reach)):
            if i == j and shift == (0, 0, 0):
                continue
            step = positions[j] + torch.tensor(shift, dtype=DOUBLE) @ cell - positions[i]
            if float(step.norm()) < cutoff:
                found.append((i, j, shift))
    return found


def energies_and_direct_forces(
    weights,
    rows,
    positions,
    cell,
    pbc,
    *,
    cutoff,
    layers,
    variant="v1",
    smooth=True,
    norm="smooth",
    mode=None,
    exponent=5,
    pairs=None,
    vectors=None,
):
    """Energies (N,), direct forces (N, 3); rows (N,) of the embedding, `mode` of the global part.

    `vectors` of `pairs` stand in for those of the positions.
    """
    mode = mode or {"v1": "sum", "vn": "mean"}.get(variant, "none")
    width = weights["embedding.weight"].shape[1]
    n_rbf = weights["layers.0.message.filter.weight"].shape[1]
    atoms = range(len(positions))
    share = 1 / max(len(positions), 1) if mode == "mean" else 1.0
    pairs = edges(positions.detach(), cell.detach(), pbc, cutoff) if pairs is None else pairs

    def length(v):
        square = (v * v).sum(0)
        return torch.sqrt(square.clamp(min=1e-8) if norm == "clamp" else square + 1e-8)

    def pool(values, zero):
        return sum(values, zero) * share

    x = [weights["embedding.weight"][row] for row in rows]
    v = [torch.zeros(3, width, dtype=DOUBLE) for _ in atoms]
    virtual = variant == "vn" and mode != "none"
    if virtual:
        big_x, big_v = weights["virtual_node.weight"][0], torch.zeros(3, width, dtype=DOUBLE)
    for layer in range(layers):
        name = f"layers.{layer}"
        if virtual:
            v = [on_axes(weights, f"{name}.distribute.vector", v[i] + big_v) + v[i] for i in atoms]
            x = [
                x[i] + scaled_silu(mlp(weights, f"{name}.distribute.scalar", torch.cat([x[i], big_x])))
                for i in atoms
            ]
        q = [mlp(weights, f"{name}.message.node", x[i]) for i in atoms]
        dx = [torch.zeros(width, dtype=DOUBLE) for _ in atoms]
        dv = [torch.zeros(3, width, dtype=DOUBLE) for _ in atoms]
        for e, (i, j, shift) in enumerate(pairs):
            step = positions[j] + torch.tensor(shift, dtype=DOUBLE) @ cell - positions[i]
            step = step if vectors is None else vectors[e]
            d = step.norm()
            w = linear(weights, f"{name}.message.filter", radial(d, n_rbf, cutoff, exponent))
            if smooth:
                w = w * envelope(d / cutoff, exponent)
            a, b, c = (q[j] * w / math.sqrt(3)).split(width)
            dv[i] = dv[i] + (a * v[j] + torch.outer(-step / d, b)) / math.sqrt(width)
            dx[i] = dx[i] + c
        v = [v[i] + dv[i] for i in atoms]
        x = [(x[i] + dx[i]) / math.sqrt(2) for i in atoms]

        update = f"{name}.update"
        both = [on_axes(weights, f"{update}.vector", v[i]) for i in atoms]
        first, second = [y[:, :width] for y in both], [y[:, width:] for y in both]
        if variant == "v1":
            inner = [[] for _ in atoms]
            if mode != "none":
                total = pool(
                    [
                        mlp(weights, f"{update}.pool_scalar", x[i])
                        * on_axes(weights, f"{update}.pool_vector", v[i])[:, 0]
                        for i in atoms
                    ],
                    torch.zeros(3, dtype=DOUBLE),
                )
                inner = [[total @ second[i]] for i in atoms]
            for i in atoms:
                mixed = mlp(weights, f"{update}.mix", torch.cat([x[i], *inner[i], length(second[i])]))
                p, gate = (mixed / math.sqrt(2)).split(width)
                x[i] = x[i] + (scaled_silu(linear(weights, f"{update}.scalar", x[i])) + p) / 2
                v[i] = v[i] + gate * first[i]
        else:
            for i in atoms:
                mixed = mlp(weights, f"{update}.mix", torch.cat([x[i], length(second[i])]))
                p, gate, r = mixed.split(width)
                if variant == "vanilla":
                    dot = (first[i] * second[i]).sum(0) / math.sqrt(width)
                    x[i] = x[i] + (p + gate * dot) / math.sqrt(2)
                    v[i] = v[i] + r * first[i]
                else:
                    x[i] = x[i] + gate / math.sqrt(2) + x[i] * torch.tanh(r)
                    v[i] = v[i] + p * first[i]
        if virtual:
            pooled = pool(x, torch.zeros(width, dtype=DOUBLE))
            pooled_v = pool(v, torch.zeros(3, width, dtype=DOUBLE))
            name = f"{name}.aggregate"
            big_x = big_x + scaled_silu(mlp(weights, f"{name}.scalar", torch.cat([pooled, big_x])))
            big_v = big_v + on_axes(weights, f"{name}.vector", pooled_v + big_v)
    energies = [mlp(weights, "readout.energy", x[i])[0] for i in atoms]
    forces = [on_axes(weights, "readout.force", v[i])[:, 0] for i in atoms]
    if not energies:
        return torch.zeros(0, dtype=DOUBLE), torch.zeros(0, 3, dtype=DOUBLE)
    scale = weights.get("energy_scale", torch.ones((), dtype=DOUBLE))
    reference = weights.get("energy_reference", torch.zeros(len(weights["embedding.weight"])))
    return torch.stack(energies) * scale + reference[rows], torch.stack(forces) * scale


def predict(weights, rows, positions, cell, pbc, **options):
    """Energy, energies, direct and gradient forces, stress (by strain) of one structure, as float64."""
    rows = torch.as_tensor(rows, dtype=torch.int64)
    weights = {name: w.detach().to(DOUBLE) for name, w in weights.items()}
    cell = torch.as_tensor(cell, dtype=DOUBLE)
    positions = torch.tensor(positions, dtype=DOUBLE, requires_grad=True)
    strain = torch.zeros(3, 3, dtype=DOUBLE, requires_grad=True)
    deform = torch.eye(3, dtype=DOUBLE) + (strain + strain.T) / 2
    energies, direct = energies_and_direct_forces(
        weights, rows, positions @ deform, cell @ deform, pbc, **options
    )
    energy = energies.sum()
    gradient, stress = (
        torch.autograd.grad(energy, [positions, strain], allow_unused=True) if len(rows) else (None, None)
    )
    zero = torch.zeros_like(positions)
    volume = abs(float(torch.linalg.det(cell)))
    return {
        "energy": energy.detach(),
        "energies": energies.detach(),
        "direct": direct.detach(),
        "gradient": (zero if gradient is None else -gradient).detach(),
        "virial": torch.zeros(3, 3, dtype=DOUBLE) if stress is None else -stress,
        "stress": None
        if volume == 0
        else (torch.zeros(3, 3, dtype=DOUBLE) if stress is None else stress) / volume,
    }
