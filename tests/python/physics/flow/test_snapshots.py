"""Snapshots: from solutions and from one's own fields, joined, picked, stored."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow


def same(a, b):
    return (
        np.array_equal(a.velocity, b.velocity)
        and np.array_equal(a.pressure, b.pressure)
        and (a.parameters, a.origin, a.linear_solves, a.has_pressure)
        == (b.parameters, b.origin, b.linear_solves, b.has_pressure)
        and np.array_equal(a.pairs, b.pairs)
        and np.array_equal(a.solves, b.solves)
    )


def test_columns_are_solutions_in_order(cavity, cavity_train):
    for index, mu in enumerate(cavity.parameters.grid(2)):
        solution = cavity.solve(mu)
        assert np.array_equal(cavity_train.velocity[:, index], solution.velocity.ravel())
        assert np.array_equal(cavity_train.pressure[:, index], solution.pressure)
        assert cavity_train.parameters[index] == mu
        assert cavity_train.solves[index] == solution.linear_solves
    assert cavity_train.linear_solves == cavity_train.solves.sum()
    assert cavity_train.origin == ["full"] * 4
    assert (cavity_train.pairs == -1).all()
    assert repr(cavity_train).startswith("<Snapshots: 4 full, 0 artificial, ")


def test_workers_do_not_change_bits(cavity, cavity_train):
    assert same(cavity.snapshots(cavity.parameters.grid(2), workers=3), cavity_train)


@pytest.mark.parametrize("workers", [None, 2])
def test_a_failure_keeps_what_is_finished(workers):
    problem = flow.NavierStokes(
        flow.Mesh.rectangle(0, 1, 0, 1, nx=4, ny=4),
        viscosity=_inverse_reynolds,
        dirichlet={"top": (1.0, 0.0), "left": 0.0, "right": 0.0, "bottom": 0.0},
    )
    mus = [{"Re": 50.0}, {"Re": 100.0}, {"Re": 1e7}, {"Re": 150.0}]
    with pytest.raises(flow.FlowConvergenceError) as failure:
        problem.snapshots(mus, workers=workers)
    error = pickle.loads(pickle.dumps(failure.value))
    assert error.mu == {"Re": 1e7}
    finished = error.finished.parameters
    # In threads, what came after the failing one may be there too.
    assert finished == mus[:2] or (workers and finished == [*mus[:2], mus[3]])
    assert np.array_equal(error.finished.velocity[:, 1], problem.solve(mus[1]).velocity.ravel())
    with pytest.raises(flow.FlowConvergenceError) as failure:
        problem.snapshots(mus[2:3])
    assert failure.value.finished is None


def test_own_fields_in_every_layout(cavity, cavity_train):
    velocity = cavity_train.velocity

    class VectorArray:
        """As pyMOR's, whose vectors were rows before its release of 2025."""

        def __init__(self, array):
            self.array = array

        def to_numpy(self):
            return self.array

    read_only = velocity.copy()
    read_only.flags.writeable = False
    padded = np.zeros((len(velocity), 8))
    padded[:, ::2] = velocity
    for given in (
        np.asfortranarray(velocity),
        read_only,
        padded[:, ::2],
        velocity.tolist(),
        VectorArray(velocity),
        VectorArray(velocity.T),
    ):
        made = flow.Snapshots(cavity, given, cavity_train.pressure, cavity_train.parameters)
        assert np.array_equal(made.velocity, velocity)
        assert made.velocity.flags.c_contiguous
        assert made.linear_solves == 0
    single = flow.Snapshots(cavity, velocity.astype(np.float32), None, cavity_train.parameters)
    assert single.velocity.dtype == np.float64
    assert not single.has_pressure
    assert (single.pressure == 0).all()


def test_fields_that_no_basis_may_have(trained):
    """Divergence and boundary values off by more than rounding are refused, with the column and the limit."""
    problem, train = trained
    inside = ~np.repeat(problem.constrained, 2)
    noise = np.random.default_rng(0).standard_normal(train.velocity.shape) * np.abs(train.velocity).max()

    def made(velocity, **options):
        return flow.Snapshots(problem, velocity, None, train.parameters, **options)

    column = np.arange(len(train)) == 2
    with pytest.raises(
        InvalidArgument,
        match=r"^velocity: column 2, at mu = \{.*\}, has a divergence of \S+ of its terms, at most 1e-06$",
    ):
        made(train.velocity + 1e-4 * noise * np.outer(inside, column))
    # Another Stokes field on top: solenoidal, with other boundary values.
    other = problem.stokes(train.parameters[0]).velocity.ravel()
    assert np.abs(other[~inside]).max() > 0
    wrong = train.velocity + 1e-3 * np.outer(other, column)
    with pytest.raises(
        InvalidArgument,
        match=r"^velocity: column 2, at mu = \{.*\}, has boundary values off their data by \S+ of "
        r"the largest velocity, at most 1e-06$",
    ):
        made(wrong)
    combined = ["full", "full", "own combination", "full"]
    assert made(wrong, origin=combined).origin == combined  # a combination may have any

    low, high = problem.parameters.bounds.T
    mu = dict(zip(problem.parameters.names, (low + 0.4 * (high - low)).tolist(), strict=True))
    plain = flow.ReducedBasis.fit(train).solve(mu).velocity
    for own in (made(train.velocity.astype(np.float32)), made(train.velocity + 1e-8 * noise)):
        basis = flow.ReducedBasis.fit(own)
        assert basis.lifts.shape == flow.ReducedBasis.fit(train).lifts.shape
        assert problem.norm(basis.solve(mu).velocity - plain) < 1e-5 * problem.norm(plain)


def test_join_and_pick(cavity, cavity_train):
    extra = flow.augment(cavity_train)
    both = cavity_train + extra
    assert len(both) == 10
    assert both.linear_solves == cavity_train.linear_solves + 6
    assert both.origin == ["full"] * 4 + ["oseen"] * 6
    assert np.array_equal(both.pairs[4:], extra.pairs)
    assert same(both[:4], cavity_train)
    assert same(both[4:], extra)
    part = both[[5, 1]]
    assert part.origin == ["oseen", "full"]
    assert part.linear_solves == 1 + cavity_train.solves[1]
    assert len(both[-1]) == 1
    shared = flow.augment(cavity_train, method="bracket")
    assert shared.linear_solves == shared[:2].linear_solves == 1  # one factorisation, however many are kept
    assert (shared[:3] + shared[3:]).linear_solves == 1
    assert (shared + flow.augment(cavity_train, method="bracket")).linear_solves == 2
    geometric = flow.augment(cavity_train, convecting="geometric")
    assert (geometric[:2] + cavity_train + geometric[2:]).linear_solves == cavity_train.linear_solves + 7
    assert not (cavity_train + shared).has_pressure
    for index in (10, "a", slice(3, 3), [0, 11]):
        with pytest.raises(InvalidArgument, match=r"^snapshots\["):
            both[index]


def test_file(cavity, cavity_train, tmp_path):
    both = cavity_train + flow.augment(cavity_train, method="stream_product")
    path = both.save(tmp_path / "both")
    assert path.name == "both.npz"
    again = flow.Snapshots.load(path, flow.cases.two_lid_cavity(n=8))
    assert same(again, both)
    assert (again[:5] + both[5:]).linear_solves == both.linear_solves
    with pytest.raises(InvalidArgument, match=r"holds snapshots of another problem: meshes differ$"):
        flow.Snapshots.load(path, flow.cases.two_lid_cavity(n=7))
    with pytest.raises(
        InvalidArgument, match=r"holds snapshots of another problem: boundary data at mu = \{"
    ):
        flow.Snapshots.load(path, flow.cases.two_lid_cavity(n=8, regularised=True))
    names = {name.removesuffix(".npy") for name in zipfile.ZipFile(path).namelist()}
    assert names >= {"velocity", "pressure", "parameters", "origin", "pairs", "solves", "shared"}


def foreign(folder):
    """Files that are none of ours."""
    for name, content in (("text.npz", b"text"), ("empty.npz", b""), ("folder.npz", None)):
        path = folder / name
        path.mkdir() if content is None else path.write_bytes(content)
        yield path
    np.savez(folder / "other.npz", numbers=np.zeros(3))
    np.save(folder / "array.npy", np.zeros(3))
    np.savez(folder / "objects.npz", fingerprint=np.array([{}, 1], dtype=object))
    with zipfile.ZipFile(folder / "texts.npz", "w") as file:
        file.writestr("fingerprint.txt", "text")
    np.savez(folder / "list.npz", fingerprint="[1, 2, 3, 4]")
    np.savez(folder / "number.npz", fingerprint="7")
    for name in ("other.npz", "array.npy", "objects.npz", "texts.npz", "list.npz", "number.npz"):
        yield folder / name


def test_files_that_are_no_snapshots(cavity, tmp_path):
    for path in foreign(tmp_path):
        with pytest.raises(InvalidArgument) as refusal:
            flow.Snapshots.load(path, cavity)
        assert str(refusal.value) == f"{path} is not a file of snapshots, or it is damaged"
        with pytest.raises(
            InvalidArgument, match=r"^\S+ is not a file of a reduced basis, or it is damaged$"
        ):
            flow.ReducedBasis.load(path, cavity)
    with pytest.raises(InvalidArgument, match=r"missing.npz does not exist$"):
        flow.Snapshots.load(tmp_path / "missing.npz", cavity)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("parameters", "[{", "Expecting property name enclosed in double quotes: line 1 column 3 (char 2)"),
        ("parameters", "7", "parameters: expected a sequence of mappings, name -> number"),
        ("parameters", '[{"Re": 100}]', "parameters[0] lacks 'a'; it needs Re, a"),
        ("origin", "oseen", "Expecting value: line 1 column 1 (char 0)"),
        ("origin", '["full"]', "origin: expected 4 names, got 1"),
        ("origin", "null,", "Extra data: line 1 column 5 (char 4)"),
        ("shared", "[]", "shared: list is not a mapping"),
        ("shared", '{"a": -1}', "shared = -1 is below 0"),
        ("velocity", np.zeros((3, 4)), "velocity: expected shape (562, 4), got (3, 4)"),
        ("solves", np.zeros(4), "linear_solves has dtype float64, not an integer's"),
        ("pairs", None, "no 'pairs'"),
    ],
)  # fmt: skip
def test_files_with_wrong_content(cavity, cavity_train, tmp_path, name, value, message):
    path = cavity_train.save(tmp_path / "train.npz")
    with np.load(path) as file:
        content = dict(file)
    content |= {name: value}
    np.savez(path, **{key: given for key, given in content.items() if given is not None})
    with pytest.raises(InvalidArgument) as refusal:
        flow.Snapshots.load(path, cavity)
    message = message.replace("562", str(cavity.n_velocity))
    assert str(refusal.value) == f"{path} is not a file of snapshots ({message})"


def test_truncated_and_damaged_files(cavity, cavity_train, tmp_path):
    """Every cut is refused in one line; a changed byte is refused or changes nothing that is read."""
    whole = cavity_train.save(tmp_path / "train.npz").read_bytes()
    path = tmp_path / "damaged.npz"
    rng = np.random.default_rng(0)

    def load():
        message = ""
        try:
            return flow.Snapshots.load(path, cavity)
        except InvalidArgument as refusal:
            message = str(refusal)
        assert message.startswith(f"{path} ")
        assert "\n" not in message
        return None

    for cut in (*rng.integers(0, len(whole), 40), len(whole) - 1, len(whole) - 30):
        path.write_bytes(whole[:cut])
        assert load() is None
    refused = 0
    for place in rng.integers(0, len(whole), 150):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(changed))
        found = load()
        refused += found is None
        assert found is None or same(found, cavity_train)
    assert refused > 75


def test_refusals(cavity, cavity_train):
    velocity, pressure, mus = cavity_train.velocity, cavity_train.pressure, cavity_train.parameters

    def refused(message, *fields, **options):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            flow.Snapshots(cavity, *fields, **options)

    n, p = cavity.n_velocity, cavity.n_pressure
    refused(rf"velocity: expected shape \({n}, 4\), got \({n - 1}, 4\)", velocity[1:], pressure, mus)
    refused(rf"velocity: expected shape \({n}, 4\), got \(4, {n}\)", velocity.T, pressure, mus)
    refused(rf"pressure: expected shape \({p}, 4\), got \({p}, 3\)", velocity, pressure[:, 1:], mus)
    spoilt = velocity.copy()
    spoilt[3, 2] = np.inf
    refused(r"velocity\[3, 2\] = inf is not finite", spoilt, pressure, mus)
    refused("velocity has dtype complex128, not a real number's", velocity * 1j, pressure, mus)
    refused("parameters is empty", velocity, pressure, [])
    refused("parameters: expected a sequence of mappings, name -> number", velocity, pressure, {"Re": 1})
    refused(r"parameters\[1\] lacks 'a'; it needs Re, a", velocity, pressure, [mus[0], {"Re": 1}] * 2)
    refused("origin: expected 4 names, got 1", velocity, pressure, mus, origin="full")
    refused(r"origin\[2\] = 3 is not a name", velocity, pressure, mus, origin=["full", "full", 3, "full"])
    refused(r"pairs: expected shape \(4, 2\), got \(4,\)", velocity, pressure, mus, pairs=[0, 1, 2, 3])
    refused("linear_solves = -1 is below 0", velocity, pressure, mus, linear_solves=-1)
    refused("linear_solves = -2 is below 0", velocity, pressure, mus, linear_solves=[0, -2, 0, 0])
    refused(
        "linear_solves has dtype float64, not an integer's", velocity, pressure, mus, linear_solves=[0.5] * 4
    )
    with pytest.raises(InvalidArgument, match=r"^mus is empty$"):
        cavity.snapshots([])
    with pytest.raises(InvalidArgument, match=r"^workers = 0 is below 1$"):
        cavity.snapshots(mus, workers=0)
    other = flow.cases.two_lid_cavity(n=4)
    theirs = other.snapshots([{"Re": 100, "a": 0}])
    with pytest.raises(
        InvalidArgument, match=r"^snapshots of another problem cannot be added: meshes differ$"
    ):
        cavity_train + theirs
    with pytest.raises(TypeError):
        cavity_train + 1


def _inverse_reynolds(mu):
    return 1 / mu["Re"]


def _force(x, y, mu):
    return 0.0, 1e-2 * x


@pytest.mark.parametrize("box", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mesh": flow.Mesh.rectangle(0, 1, 0, 1, nx=8, ny=8)}, "meshes differ"),
        (
            {"dirichlet": {"top": (1.0, 0.0), "bottom": 0.0, "left": 0.0}, "traction": {"right": 0.0}},
            "boundary parts with prescribed velocity differ",
        ),
        ({"viscosity": lambda mu: 2 / mu["Re"]}, r"viscosities at mu = \{Re: \S+, a: \S+\} differ"),
        (
            {
                "dirichlet": {
                    **dict.fromkeys(("bottom", "left", "right"), 0.0),
                    "top": lambda x, y, mu: (1 + 1e-7 * x, 0.0),
                }
            },
            r"boundary data at mu = \{Re: \S+, a: \S+\} differ",
        ),
        ({"body_force": _force}, r"loads at mu = \{Re: \S+, a: \S+\} differ"),
    ],
)
def test_other_problems_are_told_apart(cavity, cavity_train, change, message, box):
    """By mesh, boundary parts, and data at the box's or the snapshots' own parameters; a copy is the same."""
    state = {**cavity.__getstate__(), "parameters": cavity.parameters if box else None}
    mine, copy = flow.NavierStokes(**state), flow.NavierStokes(**state)
    train = mine.snapshots(cavity_train.parameters[:2])
    assert len(train + flow.Snapshots(copy, train.velocity, None, train.parameters)) == 4
    other = flow.NavierStokes(**{**state, **change})
    theirs = other.snapshots([{"Re": 100.0, "a": 0.5}])
    with pytest.raises(InvalidArgument, match=f"^snapshots of another problem cannot be added: {message}$"):
        train + theirs


def test_problems_of_other_parameters(cavity, cavity_train):
    state = {**cavity.__getstate__(), "parameters": None, "viscosity": lambda mu: mu["nu"]}
    theirs = flow.NavierStokes(**state).snapshots([{"nu": 0.01, "a": 0.0}])
    with pytest.raises(
        InvalidArgument, match=r"added: parameters do not fit \(mu lacks 'Re'; it needs Re, a\)$"
    ):
        theirs + cavity_train
    with pytest.raises(InvalidArgument, match=r"added: parameters do not fit \(mu lacks 'nu', .*\)$"):
        cavity_train + theirs


def test_a_wider_box_is_no_other_problem(cavity, cavity_train):
    wide = flow.NavierStokes(
        **{**cavity.__getstate__(), "parameters": flow.ParameterSpace(Re=(50, 900), a=(-1, 1))}
    )
    both = cavity_train + wide.snapshots([{"Re": 80.0, "a": 0.0}])
    assert len(both) == 5
    assert flow.ReducedBasis.fit(both).project(wide.stokes({"Re": 600.0, "a": 0.0})).kinetic_energy() > 0
