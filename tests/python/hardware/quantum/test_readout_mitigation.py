"""Undone readout errors: inverses, simulated measurements, refusals. Oracle: dense confusion matrices."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import Counts, ReadoutError, readout_mitigated, readout_mitigated_parity
from oracles import quantum_gates as oracle

RATE = st.floats(0, 0.4)


def confusion(errors):
    """Columns: what is there; rows: what is read."""
    full = np.eye(1 << len(errors))
    pairs = [(e.p0_given_1, e.p1_given_0) for e in errors]
    return np.stack([oracle.read_wrongly(column, pairs) for column in full], axis=1)


@given(st.integers(1, 3), st.data())
@settings(max_examples=80, deadline=None)
def test_inverse_of_the_confusion_matrix(bits, data):
    errors = [ReadoutError(data.draw(RATE), data.draw(RATE)) for _ in range(bits)]
    read = np.array(data.draw(st.lists(st.integers(0, 5000), min_size=1 << bits, max_size=1 << bits)))
    if not read.sum():
        return
    shots = int(read.sum())
    inverse = np.linalg.inv(confusion(errors))
    found = readout_mitigated(read, errors)
    np.testing.assert_allclose(found.value, inverse @ read / shots, atol=1e-11)
    assert (found.value.sum(), found.samples) == (pytest.approx(1, abs=1e-11), shots)
    seen = read / shots
    covariance = inverse @ (np.diag(seen) - np.outer(seen, seen)) @ inverse.T / shots
    two = min(2 / shots, 0.5) * (1 - min(2 / shots, 0.5)) / shots  # what is not seen may be rare
    least = two * np.ptp(inverse, axis=1) ** 2
    want = np.maximum(np.diag(covariance), least)
    np.testing.assert_allclose(found.standard_error**2, want, rtol=1e-9, atol=1e-13)
    chosen = data.draw(st.lists(st.integers(0, bits - 1), unique=True))
    signs = np.array([math.prod(1 - 2 * (o >> b & 1) for b in chosen) for o in range(1 << bits)])
    parity = readout_mitigated_parity(read, errors, chosen)
    assert parity.value == pytest.approx(signs @ inverse @ read / shots, abs=1e-10)
    least = two * np.ptp(signs @ inverse) ** 2
    want = max(signs @ covariance @ signs, least)
    assert parity.standard_error**2 == pytest.approx(want, rel=1e-9, abs=1e-13)
    # as a dict of bit strings, the last character for bit 0
    named = {format(o, f"0{bits}b"): int(n) for o, n in enumerate(read)}
    assert readout_mitigated(named, errors) == found
    assert readout_mitigated(Counts.from_array(read), errors) == found


def test_measurements_are_repaired_within_their_errors():
    errors = [ReadoutError(0.08, 0.02), ReadoutError(0.15, 0.05), ReadoutError(0.01, 0.2)]
    noise = quantum.NoiseModel()
    for qubit, error in enumerate(errors):
        noise.add_readout(error, qubit)
    theta = quantum.Parameter("theta")
    circuit = quantum.Circuit(3).ry(theta, 0).cx(0, 1).h(2).measure()
    angles = np.full((800, 1), 0.8)
    there = quantum.Simulator().probabilities(circuit, parameters=angles[:1])[0]
    found = [
        readout_mitigated(counts, errors)
        for counts in quantum.Simulator(noise, seed=4).sample(circuit, shots=1000, parameters=angles)
    ]
    values = np.array([one.value for one in found])
    errors_of = np.array([one.standard_error for one in found])
    assert np.abs((values.mean(axis=0) - there) / (values.std(axis=0) / math.sqrt(800))).max() < 5
    np.testing.assert_allclose(values.std(axis=0) / errors_of.mean(axis=0), 1, atol=0.12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: readout_mitigated([1, 2, 3], ReadoutError(0, 0)),
            "counts: shape (3,) is not (2^k,) with k >= 1",
        ),
        (lambda: readout_mitigated([1, -1], ReadoutError(0, 0)), "counts[1] = -1 is not a whole number >= 0"),
        (
            lambda: readout_mitigated([1, 0.5], ReadoutError(0, 0)),
            "counts[1] = 0.5 is not a whole number >= 0",
        ),
        (lambda: readout_mitigated([0, 0], ReadoutError(0, 0)), "counts: nothing was measured"),
        (
            lambda: readout_mitigated({"0": 1, "10": 2}, ReadoutError(0, 0)),
            "counts: not all bit strings have the same length",
        ),
        (
            lambda: readout_mitigated({"2": 1}, ReadoutError(0, 0)),
            "counts: '2' is not a bit string",
        ),
        (
            lambda: readout_mitigated([1, 2], [ReadoutError(0, 0)] * 2),
            "errors: expected 1 of them, one for each bit, got 2",
        ),
        (lambda: readout_mitigated([1, 2], [0.1]), "errors[0]: float is not a ReadoutError"),
        (
            lambda: readout_mitigated([1, 2], ReadoutError(0.6, 0.4)),
            "errors[0]: p0_given_1 + p1_given_0 = 1 leaves nothing of the bit",
        ),
        (
            lambda: readout_mitigated_parity([1, 2], ReadoutError(0, 0), [1]),
            "bits[0] = 1 is outside [0, 0]",
        ),
        (
            lambda: readout_mitigated_parity([1, 2, 3, 4], ReadoutError(0, 0), [1, 1]),
            "bits[1] = 1 is named twice",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message
