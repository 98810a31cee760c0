"""Newton's method with a law: closed forms, scikit-fem, refusals; and the error of a field."""

import numpy as np
import pytest
import skfem
from skfem.models.elasticity import lame_parameters, linear_elasticity

from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics import mechanics
from nonideal.physics.mechanics import Structure

STEEL = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
BAR = Structure.bar(length=1.0, area=1e-4, n_elements=20)
FORCE = BAR.body_force(2e4)


def test_bar_under_a_force_has_the_stress_of_statics():
    force = FORCE.copy()
    force[20] += 20e3
    solution = mechanics.solve_law(BAR, STEEL, force, [0])
    stress = (2e4 * (1 - BAR.points[:, 0]) + 20e3) / 1e-4
    np.testing.assert_allclose(solution.stress[:, 0], stress, rtol=1e-9)
    np.testing.assert_allclose(solution.displacement[1:], STEEL.strain(stress).cumsum() / 20, rtol=1e-8)
    np.testing.assert_allclose(solution.reactions[0], -40e3, rtol=1e-10)
    assert not solution.reactions[1:].any()


def test_bar_between_two_ends():
    solution = mechanics.solve_law(BAR, STEEL, FORCE, [0, 20], [0.0, 2.5e-3])
    np.testing.assert_allclose(STEEL.strain(solution.stress[:, 0]), solution.strain[:, 0], rtol=1e-12)
    np.testing.assert_allclose(np.diff(solution.stress[:, 0]), -2e4 / 1e-4 / 20, rtol=1e-7)
    assert solution.displacement[[0, 20]].tolist() == [0.0, 2.5e-3]
    assert solution.reason == "residual"
    assert solution.converged
    assert solution.require_converged() is solution
    assert (solution.assignment, solution.penalty) == (None, 0.0)
    history = solution.history
    assert history.assignment.shape == (solution.n_iterations, 0)
    assert not history.penalty.any()
    assert history.displacement_change[0] == 1.0
    assert history.displacement_change[-1] < 1e-6
    assert solution.reactions.sum() == pytest.approx(-2e4, rel=1e-9)


def test_strong_hardening_converges_from_far():
    """A stress three times the reference and a high exponent: the plain step would overshoot."""
    law = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=20)
    force = np.zeros(21)
    force[20] = 3 * 250e6 * 1e-4
    solution = mechanics.solve_law(BAR, law, force, [0], max_iterations=200)
    np.testing.assert_allclose(solution.stress, 750e6, rtol=1e-8)


def test_linear_plane_is_scikit_fems():
    beam = mechanics.l_beam(cells_per_width=3, leg_length=120.0, width=40.0)
    law = mechanics.LinearElastic(young=4000.0, poisson=0.3)
    force, fixed = beam.traction([0.0, -5.0], x=120.0), beam.dofs(y=120.0)
    solution = mechanics.solve_law(beam, law, force, fixed)
    stiffness = linear_elasticity(*lame_parameters(4000.0, 0.3)).assemble(beam.basis)
    expected = skfem.solve(*skfem.condense(stiffness, force, D=fixed))
    np.testing.assert_allclose(solution.displacement, expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    assert solution.n_iterations <= 2


def test_nonlinear_plane_is_in_equilibrium_and_softer():
    beam = mechanics.l_beam(cells_per_width=4)
    force, fixed = beam.traction([0.0, -5.0], x=100.0), beam.dofs(y=100.0)
    soft = mechanics.DeformationPlasticity(4000.0, 0.3, reference_stress=40.0, alpha=0.5, exponent=4)
    solution = mechanics.solve_law(beam, soft, force, fixed)
    inner = beam.strain_operator.T @ (beam.weights[:, None] * soft(solution.strain)[0]).ravel()
    assert np.linalg.norm(inner - force - solution.reactions) <= 1e-9 * np.linalg.norm(force)
    linear = mechanics.solve_law(beam, mechanics.LinearElastic(4000.0, 0.3), force, fixed)
    tip = beam.dofs(1, x=100.0, y=0.0)
    assert solution.displacement[tip] < 1.05 * linear.displacement[tip] < 0


def test_no_convergence_is_said_with_residuals():
    with pytest.raises(ConvergenceError) as caught:
        mechanics.solve_law(BAR, STEEL, FORCE, [0, 20], [0.0, 2.5e-3], max_iterations=2)
    residual, strain = caught.value.history[-1], 2.5e-3
    text = str(caught.value)
    assert text.startswith(
        f"Newton's method: residual {residual:.3g} of the forces after 2 iterations, more than "
        "tolerance = 1e-10; the largest strain is "
    )
    assert float(text.split()[-1]) > strain
    assert len(caught.value.history) == 2


def test_a_rigid_motion_has_no_stress():
    """True forces are zero: the residual is round-off, which no tolerance asks to vanish."""
    beam = mechanics.l_beam(cells_per_width=4)
    law = mechanics.LinearElastic(4000.0, 0.3)
    fixed = beam.dofs(y=100.0)
    moved = mechanics.solve_law(beam, law, None, fixed, np.full(len(fixed), 1e-3), tolerance=1e-12)
    assert moved.n_iterations <= 2
    np.testing.assert_allclose(moved.displacement, 1e-3, rtol=1e-10)
    assert np.abs(moved.stress).max() < 1e-10 * 4000 * 1e-3
    bar = mechanics.solve_law(BAR, STEEL, None, [0, 20], [1e-3, 1e-3])
    assert np.abs(bar.stress).max() < 1e-10 * 200e9 * 1e-3


def test_round_off_excuses_nothing_else():
    """The tolerance holds as before where forces are there."""
    solution = mechanics.solve_law(BAR, STEEL, FORCE, [0, 20], [0.0, 2.5e-3], tolerance=1e-11)
    inner = BAR.strain_operator.T @ (BAR.weights[:, None] * solution.stress).ravel()
    left = np.linalg.norm((FORCE - inner)[1:20])
    assert left <= 1e-11 * np.linalg.norm(solution.reactions[[0, 20]] - FORCE[[0, 20]])


def softening(strain):
    """Rise to the strain 1e-3 and fall behind it."""
    return strain * (1 - strain**2 / 3e-6) * 200e9, (200e9 * (1 - strain**2 / 1e-6))[:, :, None]


def no_root(strain):
    """Be defined up to the strain 1e-3 alone."""
    with np.errstate(invalid="ignore"):
        return 200e9 * (1e-3 - np.sqrt(1e-6 - 1e-3 * strain)), np.full((len(strain), 1, 1), 200e9)


@pytest.mark.parametrize(
    ("law", "text"),
    [
        (
            softening,
            "Newton's method: the tangent of law softening is singular or indefinite after iteration 1",
        ),
        (no_root, "Newton's method: the stress or tangent of law no_root is not finite in iteration 1"),
    ],
)
def test_a_law_that_fails_on_the_way_is_no_mechanism(law, text):
    with pytest.raises(ConvergenceError) as caught:
        mechanics.solve_law(BAR, law, FORCE, [0, 20], [0.0, 2.5e-3])
    found, strain = str(caught.value).split("; the largest strain is ")
    assert found == text
    assert float(strain) > 2.5e-3
    assert len(caught.value.history) == 1


def no_start(strain):
    return np.full(strain.shape, np.nan), np.ones((len(strain), 1, 1))


def cubic(strain):
    return strain**3, (3 * strain**2)[:, :, None]


def wrong_law(strain):
    return strain, np.zeros((len(strain), 3, 3))


def solve(**changes):
    return mechanics.solve_law(
        **({"structure": BAR, "law": STEEL, "force": FORCE, "fixed_dofs": [0]} | changes)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(fixed_dofs=()), "fixed_dofs is empty: nothing holds the structure"),
        (lambda: solve(tolerance=0.0), "tolerance = 0.0 is not > 0"),
        (lambda: solve(max_iterations=0), "max_iterations = 0 is below 1"),
        (lambda: solve(force=[1.0]), "force has shape (1,), not (21,)"),
        (lambda: solve(law=3), "law = 3 is not callable"),
        (
            lambda: solve(law=wrong_law),
            "law returned shapes (20, 1) and (20, 3, 3), not (20, 1) and (20, 1, 1)",
        ),
        (
            lambda: solve(law=no_start),
            "law no_start has a stress or tangent that is not finite at zero strain",
        ),
        (lambda: solve(law=cubic), "law cubic has a tangent that is not positive definite at zero strain"),
        (lambda: mechanics.relative_rms([1.0], [1.0, 2.0], [1.0]), "field has shape (1,), reference (2,)"),
        (lambda: mechanics.relative_rms([1.0], [1.0], [1.0, 1.0]), "weights has shape (2,), not (1,)"),
        (lambda: mechanics.relative_rms([1.0], [1.0], [0.0]), "weights[0] = 0.0 is not > 0"),
        (lambda: mechanics.relative_rms([np.nan], [1.0], [1.0]), "field[0] = nan is not finite"),
        (lambda: mechanics.relative_rms(1.0, 1.0, 1.0), "field has shape (), reference ()"),
        (
            lambda: mechanics.relative_rms([1.0], [0.0], [1.0]),
            "reference is zero everywhere: a relative error has no meaning",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message


def test_relative_rms_is_weighted_and_survives_extremes():
    field, reference = np.array([[3.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 2.0]])
    expected = np.sqrt((1 * 1 + 3 * 1) / (1 * 4 + 3 * 4))
    for scale in (1.0, 1e-200, 1e200):  # whose squares leave the range of floats
        found = mechanics.relative_rms(scale * field, scale * reference, [1.0, 3.0])
        assert found == pytest.approx(expected, rel=1e-14)
