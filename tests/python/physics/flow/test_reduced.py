"""The reduced basis: invariants on open, enclosed, curved and forced flows; pressures, refusals, files."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from nonideal import _core
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics import flow


def relative(problem, a, b):
    return problem.norm(a - b) / problem.norm(b)


def middle(problem):
    """Return parameters inside the box, off its centre."""
    low, high = problem.parameters.bounds.T
    return dict(zip(problem.parameters.names, (low + 0.4 * (high - low)).tolist(), strict=True))


@pytest.fixture(scope="module")
def rich(trained):
    """Return a problem, its solutions and a basis that has Oseen's snapshots too."""
    problem, train = trained
    return problem, train, flow.ReducedBasis.fit(train + flow.augment(train))


def test_modes_are_orthonormal_divergence_free_and_zero_on_the_boundary(rich):
    problem, _, basis = rich
    gram = basis.modes.T @ (problem.mass_matrix @ basis.modes)
    assert np.abs(gram - np.eye(basis.n_modes)).max() < 1e-12
    known = np.repeat(problem.constrained, 2)
    assert (basis.modes[known] == 0).all()
    matrix = problem.divergence_matrix
    scale = abs(matrix) @ np.abs(basis.modes)
    # A mode is its snapshots' combination divided by its singular value: rounding grows by as much.
    small = basis.singular_values[: basis.n_modes] / basis.singular_values[0]
    assert (np.abs(matrix @ basis.modes).max(axis=0) < 1e-13 * scale.max(axis=0) / small).all()


def test_all_modes_give_training_solutions_back(trained):
    problem, train = trained
    basis = flow.ReducedBasis.fit(train, tol=1e-12)
    for index, mu in enumerate(train.parameters):
        found = basis.solve(mu)
        assert relative(problem, found.velocity, train.velocity[:, index].reshape(-1, 2)) < 1e-8
        assert found.linear_solves == 0
        assert found.mu == mu
        # The pressures of the snapshots are the only ones there are: the same comes back.
        pressure = train.pressure[:, index]
        assert np.abs(found.pressure - pressure).max() < 1e-6 * np.abs(pressure).max()
        assert found.residual_norm < 1e-7


def test_linear_snapshots_change_nothing_at_full_rank(trained):
    problem, train = trained
    plain = flow.ReducedBasis.fit(train)
    both = flow.ReducedBasis.fit(train + flow.augment(train, method="linear", weights=(0.3, 0.5)))
    assert both.n_modes == plain.n_modes
    mu = middle(problem)
    assert relative(problem, both.solve(mu).velocity, plain.solve(mu).velocity) < 1e-8


def test_reduced_operators_are_the_projected_ones(rich):
    problem, _, basis = rich
    offline = basis._offline
    trial, tests = offline.trial, basis.modes
    viscous, tensor = offline.tested(tests)
    for seed in range(3):
        z = np.random.default_rng(seed).standard_normal(trial.shape[1])
        velocity = trial @ z
        convected = problem.convection_matrix(velocity.reshape(-1, 2)) @ velocity
        expected = tests.T @ convected
        found = np.einsum("m,mij,j->i", z, tensor, z)
        assert np.abs(found - expected).max() < 1e-11 * np.abs(expected).max()
        expected = tests.T @ (problem.stiffness_matrix @ velocity)
        assert np.abs(viscous @ z - expected).max() < 1e-11 * np.abs(expected).max()


def test_solution_fulfils_the_projected_equations(rich):
    problem, _, basis = rich
    mu = middle(problem)
    found = basis.solve(mu)
    residual = found.viscosity * (problem.stiffness_matrix @ found.velocity.ravel())
    residual += problem.convection_matrix(found.velocity) @ found.velocity.ravel()
    residual -= problem.setting(mu).load.ravel()
    scale = np.abs(problem.stiffness_matrix) @ np.abs(found.velocity.ravel()) * found.viscosity
    assert np.abs(basis.modes.T @ residual).max() < 1e-10 * np.linalg.norm(scale)
    known = problem.constrained
    assert np.abs(found.velocity - problem.setting(mu).boundary)[known].max() < 1e-13
    assert found.iterations == len(found.history) > 2
    assert found.history[-1] < 1e-11


def test_augmentation_and_projection_errors(rich):
    problem, train, basis = rich
    mu = middle(problem)
    exact = problem.solve(mu)
    plain = flow.ReducedBasis.fit(train)
    best = relative(problem, basis.project(exact).velocity, exact.velocity)
    assert best <= relative(problem, basis.solve(mu).velocity, exact.velocity)
    assert best < relative(problem, plain.project(exact).velocity, exact.velocity)
    nearest = basis.project(exact)
    again = basis.project(nearest)
    assert relative(problem, again.velocity, nearest.velocity) < 1e-12


@pytest.mark.parametrize("merge", ["concatenate", "nested"])
@pytest.mark.parametrize("inner", ["l2", "h1", "euclidean"])
def test_truncating_is_fitting_fewer(cavity, cavity_train, merge, inner):
    both = cavity_train + flow.augment(cavity_train)
    whole = flow.ReducedBasis.fit(both, merge=merge, inner=inner)
    weight = {
        "l2": cavity.mass_matrix,
        "h1": cavity.mass_matrix + cavity.stiffness_matrix,
        "euclidean": np.eye(cavity.n_velocity),
    }[inner]
    np.testing.assert_allclose(whole.modes.T @ (weight @ whole.modes), np.eye(10), atol=1e-12)
    mu = {"Re": 222.0, "a": 0.3}
    for k in (1, 3, 7):
        fewer = flow.ReducedBasis.fit(both, n_modes=k, merge=merge, inner=inner)
        part = whole.truncate(k)
        assert part.n_modes == k
        assert np.array_equal(part.modes, fewer.modes)
        one, two = part.solve(mu), fewer.solve(mu)
        assert np.abs(one.coefficients_vector - two.coefficients_vector).max() < 1e-12
        assert np.abs(one.pressure - two.pressure).max() < 1e-9
    assert whole.truncate(4).truncate(2).n_modes == 2


def test_nested_keeps_the_solutions_span(cavity, cavity_train):
    extra = flow.augment(cavity_train)
    plain = flow.ReducedBasis.fit(cavity_train)
    nested = flow.ReducedBasis.fit(cavity_train + extra, merge="nested")
    both = flow.ReducedBasis.fit(cavity_train + extra)
    assert nested.n_modes == both.n_modes == 10
    np.testing.assert_allclose(nested.modes[:, :4], plain.modes, atol=1e-13)
    mu = {"Re": 150.0, "a": -0.4}
    # with all modes the space is the same
    assert relative(cavity, nested.solve(mu).velocity, both.solve(mu).velocity) < 1e-8
    assert nested.rank == 10
    light = flow.ReducedBasis.fit(cavity_train + extra, artificial_weight=1e-3)
    gap = np.linalg.svd(light.modes[:, :4].T @ (cavity.mass_matrix @ plain.modes))[1]
    assert gap.min() > 0.999  # hardly turned


def test_how_many_modes(cavity, cavity_train):
    both = cavity_train + flow.augment(cavity_train)
    whole = flow.ReducedBasis.fit(both)
    energy = np.cumsum(whole.singular_values**2) / np.sum(whole.singular_values**2)
    for tol in (0.5, 0.1, 1e-2):
        k = flow.ReducedBasis.fit(both, tol=tol).n_modes
        assert 1 - energy[k - 1] <= tol**2
        assert k == 1 or 1 - energy[k - 2] > tol**2
    assert whole.linear_solves == both.linear_solves


@pytest.mark.parametrize("merge", ["concatenate", "nested"])
@pytest.mark.parametrize("tol", [3e-2, 1e-7, 1e-8, 1e-9, 1e-12])
def test_tolerances_are_those_of_the_values_left_out(cavity, merge, tol):
    train = cavity.snapshots(cavity.parameters.grid(3))
    # Three solutions twice: with a nested merge, values that give no mode stand before those that do.
    both = (train + train[:3] if merge == "nested" else train) + flow.augment(train)
    values = flow.ReducedBasis.fit(both, merge=merge).singular_values
    squares = values[values > 1e-10 * values[0]] ** 2
    basis = flow.ReducedBasis.fit(both, merge=merge, tol=tol)
    k = basis.n_modes
    assert len(squares) == basis.rank == 45
    assert math.fsum(squares[k:]) <= tol**2 * math.fsum(squares) < math.fsum(squares[k - 1 :])


@pytest.mark.parametrize("supremizers", [False, True])
def test_pressures(trained, supremizers):
    problem, train = trained
    both = train + flow.augment(train)
    basis = flow.ReducedBasis.fit(both, supremizers=supremizers)
    mu = middle(problem)
    found, exact = basis.solve(mu), problem.solve(mu)
    size = np.linalg.norm(exact.pressure)
    velocity_error = relative(problem, found.velocity, exact.velocity)
    assert np.linalg.norm(found.pressure - exact.pressure) < (0.02 + 5 * velocity_error) * size
    if problem.enclosed:
        assert abs(problem.pressure_weights @ found.pressure) < 1e-12
    if supremizers:
        _expect_coupled_solution(problem, basis, found)


def _expect_coupled_solution(problem, basis, found):
    """Solve velocity, supremizer and pressure coefficients together by dense Newton."""
    offline = basis._offline
    known = np.repeat(problem.constrained, 2)
    free = np.flatnonzero(~known)
    form = problem.stiffness_matrix[free][:, free].toarray()
    gradient = problem.divergence_matrix.T @ offline.pressure_modes
    supremizers = np.zeros((problem.n_velocity, gradient.shape[1]))
    supremizers[free] = np.linalg.solve(form, gradient[free])
    space = np.hstack([basis.modes, supremizers])
    coupling = offline.pressure_modes.T @ (problem.divergence_matrix @ space)
    lift = found.velocity.ravel() - basis.modes @ found.coefficients_vector[basis.lifts.shape[1] :]
    load = problem.setting(found.mu).load.ravel()
    y, p = np.zeros(space.shape[1]), np.zeros(len(coupling))
    y[: basis.n_modes] = found.coefficients_vector[basis.lifts.shape[1] :]
    velocity = lift + space @ y
    stiff = found.viscosity * problem.stiffness_matrix
    for _ in range(3):
        convection = problem.convection_matrix(velocity.reshape(-1, 2))
        slope = np.stack(
            [problem.convection_matrix(column.reshape(-1, 2)) @ velocity for column in space.T], axis=1
        )
        block = space.T @ ((stiff + convection) @ space + slope)
        residual = space.T @ (stiff @ velocity + convection @ velocity - load) + coupling.T @ p
        matrix = np.block([[block, coupling.T], [coupling, np.zeros((len(coupling),) * 2)]])
        step = np.linalg.solve(matrix, -np.concatenate([residual, coupling @ y]))
        y, p = y + step[: len(y)], p + step[len(y) :]
        velocity = lift + space @ y
    assert relative(problem, velocity.reshape(-1, 2), found.velocity) < 1e-9
    expected = offline.pressure_modes @ p
    assert np.abs(found.pressure - expected).max() < 1e-7 * np.abs(expected).max()


@pytest.mark.parametrize(
    "make",
    [
        lambda: flow.cases.two_lid_cavity(n=6),
        lambda: flow.cases.cylinder(n=4),
        lambda: flow.cases.swimmer(n=2),
    ],
)
def test_pressure_modes_are_orthonormal(make):
    """In the integral over the cells, curved ones too; those of enclosed flows have mean zero."""
    problem = make()
    basis = flow.ReducedBasis.fit(problem.snapshots(problem.parameters.grid(2)))
    modes, cells = basis._offline.pressure_modes, problem.cells
    corners = problem.cell_nodes[:, : problem.mesh.dim + 1]
    values = np.einsum("qk,ckm->cqm", cells.linear_shape, modes[corners])
    gram = np.einsum("cq,cqm,cqn->mn", cells.weights, values, values)
    assert len(gram) > 1
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-10)
    if problem.enclosed:
        assert np.abs(np.einsum("cq,cqm->m", cells.weights, values)).max() < 1e-10


def test_mass_only_snapshots_bring_no_pressure(cavity, cavity_train):
    both = cavity_train + flow.augment(cavity_train, method="bracket")
    basis = flow.ReducedBasis.fit(both)
    plain = flow.ReducedBasis.fit(cavity_train)
    assert basis._offline.pressure_modes.shape[1] == plain._offline.pressure_modes.shape[1] == 4
    own = flow.Snapshots(cavity, cavity_train.velocity, None, cavity_train.parameters)
    silent = flow.ReducedBasis.fit(own).solve({"Re": 200.0, "a": 0.0})
    assert silent.kinetic_energy() > 0
    with pytest.raises(InvalidArgument, match=r"^pressure: the snapshots have none$"):
        silent.pressure  # noqa: B018


def test_file(trained, tmp_path):
    problem, train = trained
    basis = flow.ReducedBasis.fit(train + flow.augment(train), n_modes=6, supremizers=True)
    again = flow.ReducedBasis.load(basis.truncate(5).save(tmp_path / "basis"), problem)
    assert (again.n_modes, again.rank, again.linear_solves) == (5, basis.rank, basis.linear_solves)
    mu = middle(problem)
    one, two = again.solve(mu), basis.truncate(5).solve(mu)
    assert relative(problem, one.velocity, two.velocity) < 1e-12
    assert repr(again).startswith(f"ReducedBasis(5 of {basis.rank} modes, ")
    with pytest.raises(InvalidArgument, match=r"holds a reduced basis of another problem: meshes differ$"):
        flow.ReducedBasis.load(tmp_path / "basis.npz", flow.cases.two_lid_cavity(n=3))
    others = problem.__getstate__()
    del others["viscosity"]
    with pytest.raises(
        InvalidArgument, match=r"holds a reduced basis of another problem: viscosities at mu ="
    ):
        flow.ReducedBasis.load(tmp_path / "basis.npz", flow.NavierStokes(**others, viscosity=0.123))
    path = train.save(tmp_path / "train")
    with pytest.raises(InvalidArgument, match=r"is not a file of a reduced basis \(no 'boundary_vectors'\)$"):
        flow.ReducedBasis.load(path, problem)


@pytest.mark.parametrize("supremizers", [False, True])
def test_pickle(cavity, cavity_train, supremizers):
    basis = flow.ReducedBasis.fit(cavity_train, supremizers=supremizers)
    mu = middle(cavity)
    for used in (False, True):  # a query makes what is not pickled
        again = pickle.loads(pickle.dumps(basis.truncate(3)))
        found = again.solve(mu)
        assert again.n_modes == 3
        if used:
            want = basis.truncate(3).solve(mu)
            np.testing.assert_array_equal(found.velocity, want.velocity)
            np.testing.assert_array_equal(found.pressure, want.pressure)
            same = pickle.loads(pickle.dumps(want))
            np.testing.assert_array_equal(same.velocity, want.velocity)
            np.testing.assert_array_equal(same.pressure, want.pressure)
            assert (same.mu, same.history) == (want.mu, want.history)
        basis.solve(mu).pressure  # noqa: B018


def test_threads_do_not_change_bits(cavity, cavity_train):
    basis = flow.ReducedBasis.fit(cavity_train + flow.augment(cavity_train))
    trial = basis._offline.trial
    tests = np.ascontiguousarray(basis.modes)
    one, *others = (
        _core.flow.convection_tensor(cavity._core, tests, trial, num_threads=threads) for threads in (1, 2, 3)
    )
    assert all(np.array_equal(one, other) for other in others)


def test_outside_the_training_data(cavity, cavity_train):
    basis = flow.ReducedBasis.fit(cavity_train)
    with pytest.warns(UserWarning, match="is outside"):
        basis.solve({"Re": 450.0, "a": 0.0})
    bent = flow.NavierStokes(
        cavity.mesh,
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet={"top": lambda x, y, mu: (x ** mu["a"], 0.0), "bottom": 0.0, "left": 0.0, "right": 0.0},
    )
    train = bent.snapshots([{"Re": 100.0, "a": 1.0}, {"Re": 100.0, "a": 2.0}])
    with pytest.raises(
        InvalidArgument,
        match=r"^boundary data at mu = \{Re: 100, a: 1\.5\} aren't in the span of the training data "
        r"\(relative misfit 0\.0\d+, at most 1e-08\)$",
    ):
        flow.ReducedBasis.fit(train).solve({"Re": 100.0, "a": 1.5})
    pulled = flow.NavierStokes(
        cavity.mesh,
        viscosity=0.05,
        dirichlet=dict.fromkeys(cavity.mesh.boundaries, 0.0),
        body_force=lambda x, y, mu: (y ** mu["p"], 0.0),
    )
    train = pulled.snapshots([{"p": 1.0}, {"p": 2.0}])
    basis = flow.ReducedBasis.fit(train)
    assert basis.lifts.shape[1] == 0
    with pytest.raises(InvalidArgument, match=r"^loads at mu = \{p: 1\.5\} aren't in the span"):
        basis.solve({"p": 1.5})


def test_a_query_that_does_not_converge(cavity, cavity_train):
    basis = flow.ReducedBasis.fit(cavity_train)
    with pytest.raises(
        ConvergenceError,
        match=r"^no reduced solution at mu = \{Re: 300, a: 0\.5\}: relative step \S+ after 3 iterations, "
        r"tol = 1e-11; use more modes or nearer snapshots$",
    ) as caught:
        basis.solve({"Re": 300.0, "a": 0.5}, max_iterations=3)
    assert len(caught.value.history) == 3
    assert caught.value.mu == {"Re": 300.0, "a": 0.5}
    last, converged = basis.iterate({"Re": 300.0, "a": 0.5}, max_iterations=3)
    assert not converged
    assert np.isfinite(last.velocity).all()


def test_refusals(cavity, cavity_train):
    fit = flow.ReducedBasis.fit
    basis = fit(cavity_train)

    def refused(message, call, *arguments, **options):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            call(*arguments, **options)

    refused("snapshots: ndarray is not Snapshots", fit, cavity_train.velocity)
    refused("inner = 'H1' is not one of l2, h1, euclidean", fit, cavity_train, inner="H1")
    refused("merge = 'both' is not one of concatenate, nested", fit, cavity_train, merge="both")
    refused("n_modes = 5 is above the snapshots' rank, 4", fit, cavity_train, n_modes=5)
    refused("n_modes = 0 is below 1", fit, cavity_train, n_modes=0)
    refused(r"tol = 1.5 is outside \(0, 1\)", fit, cavity_train, tol=1.5)
    refused("tol = 0 is not > 0", fit, cavity_train, tol=0)
    refused("tol = 0.1 and n_modes = 2: give one of them", fit, cavity_train, tol=0.1, n_modes=2)
    refused("artificial_weight = 0 is not > 0", fit, cavity_train, artificial_weight=0)
    artificial = flow.augment(cavity_train)
    refused(
        "merge = 'nested' needs solutions, but all snapshots are artificial", fit, artificial, merge="nested"
    )
    stokes = cavity.stokes({"Re": 100.0, "a": 0.5})
    flat = flow.Snapshots(cavity, stokes.velocity.reshape(-1, 1), None, [stokes.mu])
    refused("snapshots: nothing is left of them when their lifts are taken off", fit, flat)
    refused("k = 5 is above n_modes, 4", basis.truncate, 5)
    refused("k = 0 is below 1", basis.truncate, 0)
    refused("mu lacks 'a'; it needs Re, a", basis.solve, {"Re": 100.0})
    refused("tol = -1 is not > 0", basis.solve, {"Re": 100.0, "a": 0.0}, tol=-1)
    refused(
        r"max_iterations = 0 is outside \[1, 2\^31\)", basis.solve, {"Re": 100.0, "a": 0.0}, max_iterations=0
    )
    other = flow.cases.two_lid_cavity(n=3).stokes({"Re": 100.0, "a": 0.0})
    refused(f"solution: expected {cavity.n_velocity} velocity dofs, got 98", basis.project, other)
    other = flow.cases.two_lid_cavity(n=8, regularised=True).stokes({"Re": 100.0, "a": 0.0})
    refused(
        r"solution: the problem is not the basis's: boundary data at mu = \{Re: \S+, a: \S+\} differ",
        basis.project,
        other,
    )


def test_kernels_refuse_what_does_not_fit(cavity):
    n = cavity.n_velocity
    fields = np.zeros((n, 2))

    def refused(message, call, *arguments):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            call(*arguments)

    tensor, model = _core.flow.convection_tensor, _core.flow.ReducedModel
    refused(f"tests: expected length {n}, got 3", tensor, cavity._core, np.zeros((3, 2)), fields)
    refused(f"trial: expected length {n}, got 4", tensor, cavity._core, fields, np.zeros((4, 1)))
    refused("tests: expected 2 dimensions, got 1", tensor, cavity._core, np.zeros(n), fields)
    with pytest.raises(TypeError):
        tensor(cavity._core, fields.astype(np.float32), fields)  # never a silent copy
    viscous, convection, gram = np.ones((2, 3)), np.ones((3, 2, 3)), np.eye(3)
    refused("convection: expected 18 numbers, got 12", model, viscous, convection[:2], gram)
    refused("gram: expected 9 numbers, got 6", model, viscous, convection, gram[:2])
    refused(r"n_lifts = -1 is outside \[0, 32768\]", model, np.ones((2, 1)), convection, gram)
    spoilt = viscous.copy()
    spoilt[1, 2] = np.nan
    refused(r"viscous\[5\] = nan is not finite", model, spoilt, convection, gram)
    made = model(viscous, convection, gram)
    assert (made.n_lifts, made.n_modes) == (1, 2)
    with pytest.raises(InvalidArgument, match=r"^load: expected 2 numbers, got 1$"):
        made.solve(np.zeros(1), 1.0, np.zeros(1), tolerance=1e-9, max_iterations=9)


_ACROSS_SETS = """
import hashlib, numpy as np
from nonideal import _core
from nonideal.physics import flow
problem = flow.cases.two_lid_cavity(n=5)
random = np.random.default_rng(1)
tests, trial = (random.standard_normal((problem.n_velocity, count)) for count in (13, 15))
tensor = _core.flow.convection_tensor(problem._core, tests, trial)
viscous = np.hstack([random.standard_normal((13, 2)), 9 * np.eye(13) + random.standard_normal((13, 13))])
model = _core.flow.ReducedModel(viscous, 0.01 * tensor, np.eye(15))
theta, load = random.standard_normal(2), random.standard_normal(13)
found, _, converged = model.solve(theta, 3.0, load, tolerance=1e-11, max_iterations=50)
print(hashlib.sha256(tensor.tobytes() + found.tobytes()).hexdigest(), converged)
"""


def test_instruction_sets_give_the_same_bits():
    answers = set()
    for name in ("baseline", "avx2", "avx512"):
        done = subprocess.run(
            [sys.executable, "-c", _ACROSS_SETS],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "NONIDEAL_ISA": name},
        )
        if "is above what" in done.stderr:
            continue
        assert done.returncode == 0, done.stderr
        answers.add(done.stdout)
    assert len(answers) == 1
    assert answers.pop().endswith("True\n")
