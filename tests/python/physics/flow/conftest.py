"""Small flows that several tests share."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

from nonideal.physics import flow


@pytest.fixture(scope="session")
def cavity():
    return flow.cases.two_lid_cavity(n=8)


@pytest.fixture(scope="session")
def cavity_train(cavity):
    return cavity.snapshots(cavity.parameters.grid(2))


def _through_flow(x, y, mu):
    """Into an enclosed square at the left, out at the right; interpolation leaves a net flux."""
    return np.sin(np.pi * y) ** 2 + 0.1 * mu["a"] * np.sin(2 * np.pi * y), 0.0


def _inverse_reynolds(mu):
    return 1 / mu["Re"]


def _pull(x, y, mu):
    return mu["a"] * y, -mu["a"] * x * mu["Re"] / 100


CASES = {
    "cavity": lambda: flow.cases.two_lid_cavity(n=8),
    "jet": lambda: flow.cases.channel_jet(n=4, length=3.0),
    "cylinder": lambda: flow.cases.cylinder(n=4),
    "enclosed through-flow with a force": lambda: flow.NavierStokes(
        flow.Mesh.rectangle(0, 1, 0, 1, nx=6, ny=7),
        viscosity=_inverse_reynolds,
        dirichlet={"left": _through_flow, "right": _through_flow, "bottom": 0.0, "top": 0.0},
        body_force=_pull,
        parameters=flow.ParameterSpace(Re=(20, 60), a=(-1, 1)),
    ),
}


@pytest.fixture(scope="session", params=CASES)
def trained(request):
    """Return a problem and its solutions at the corners of its parameters: open, enclosed, curved, forced."""
    problem = CASES[request.param]()
    return problem, problem.snapshots(problem.parameters.grid(2))


@pytest.fixture
def bars(monkeypatch):
    """Record progress bars: a list of [label, total, whether it is shown, steps that were made]."""
    made = []

    @contextmanager
    def bar(label, total, *, show=True):
        entry = [label, total, show, 0]
        made.append(entry)

        def advance():
            entry[3] += 1

        yield advance

    for module in ("augmentation", "snapshots", "validation"):
        monkeypatch.setattr(f"nonideal.physics.flow.{module}.progress_bar", bar)
    return made
