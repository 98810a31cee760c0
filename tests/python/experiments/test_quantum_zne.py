"""The study of extrapolants: its numbers on small runs, its figures, the same bits wherever it runs."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, _zne_cases, quantum_zne
from nonideal.hardware import quantum
from nonideal.report.figures import house_style

SMALL = {
    "circuits": "hadamard8,ghz6",
    "noises": "joint,amplitude_damping",
    "shots": "256,4096",
    "repeats": 300,
    "seed": 7,
}


@pytest.fixture(scope="module")
def small():
    return quantum_zne.run(quantum_zne.Config(**SMALL))


def test_biases_are_those_of_the_library(small):
    circuit = quantum.Circuit(6).h(0)
    for qubit in range(5):
        circuit.cx(qubit, qubit + 1)
    simulator = quantum.Simulator(quantum.NoiseModel.depolarizing(1e-3, 1e-2))
    parity = "X0 X1 X2 X3 X4 X5"
    # every gate shrinks the string that it leaves behind
    assert simulator.expectation(circuit, parity).value == pytest.approx(0.999 * 0.99**5, abs=1e-12)
    assert small.metrics["ghz6_raw_bias"].value == pytest.approx(0.999 * 0.99**5 - 1, abs=1e-12)
    assert small.metrics["ghz6_exponential_bias"].value == pytest.approx(0, abs=1e-12)
    found = quantum.ZNE().expectation(simulator, circuit, parity).value
    assert small.metrics["ghz6_richardson_bias"].value == pytest.approx(found - 1, abs=1e-12)


def test_folding_does_not_scale_amplitude_damping(small):
    """The one systematic finding: no extrapolant removes what folded gates do not triple."""
    _, linear, richardson, exponential, fitted = small.curves["ghz6_amplitude_damping_gate_bias"].y[:5]
    assert max(linear, richardson, exponential, fitted) < -0.01
    assert abs(richardson - exponential) < 1e-3


def test_noises_have_one_process_fidelity():
    for kind in ("product", "amplitude_damping", "thermal"):
        model = _zne_cases.noise_of(kind, 1e-3, 1e-2).to_dict()
        for entry in model["channels"]:
            matrix = np.array(entry["pauli_transfer_matrix"])
            n_qubits = 1 if len(matrix) == 4 else 2
            want = (1 + (4**n_qubits - 1) * (1 - (1e-3, 1e-2)[n_qubits - 1])) / 4**n_qubits
            assert np.trace(matrix) / 4**n_qubits == pytest.approx(want, abs=1e-12)


def test_spread_falls_and_is_predicted(small):
    ratio = small.metrics["spread_over_prediction"]
    assert abs(ratio.value - 1) < 5 * ratio.standard_error + 0.01
    for way in ("raw", "linear", "richardson", "exponential"):
        few, many = small.curves[f"hadamard8_joint_gate_{way}_spread"].y
        assert few / many == pytest.approx(4, rel=0.25)
    raw = small.curves["hadamard8_joint_gate_raw_error"]
    assert raw.y[1] == pytest.approx(abs(small.metrics["hadamard8_raw_bias"].value), rel=0.05)


def test_where_noise_scales_as_a_channel(small):
    rows = {row[:3]: row for row in small.tables["realization"].rows}
    assert rows["ghz6", "joint", "gate"][3] == "yes"
    assert rows["ghz6", "amplitude_damping", "gate"][4] == "the channel of 'h' does not commute with it"
    assert rows["ghz6", "joint", "global"][3] == "no"
    assert small.metrics["largest_difference_of_channel_and_circuit"].value < 1e-12


def test_comparison(small):
    rows = {row.quantity: row for row in small.comparison}
    assert rows["variance factor of Richardson extrapolation at scales 1, 3, 5"].ours == "5.219"
    mitiq = rows["linear, quadratic and Richardson values, against mitiq's"]
    assert mitiq.published == "mitiq's factories on the same data"
    assert mitiq.ours == "largest difference below 1e-10"


def test_same_bits_in_processes(small):
    with Runner(workers=2) as runner:
        other = quantum_zne.run(quantum_zne.Config(**SMALL), runner)
    assert (other.metrics, other.curves, other.answer) == (small.metrics, small.curves, small.answer)


def test_same_bits_on_a_cluster(small):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Runner(cluster=cluster.scheduler_address) as runner,
    ):
        other = quantum_zne.run(quantum_zne.Config(**SMALL), runner)
    assert (other.metrics, other.curves, other.answer) == (small.metrics, small.curves, small.answer)


def test_a_shard_does_not_depend_on_the_others(small):
    alone = quantum_zne.run(quantum_zne.Config(**{**SMALL, "circuits": "ghz6", "folds": "global"}))
    for name, curve in alone.curves.items():
        assert small.curves[name] == curve


def test_figures(small):
    with house_style():
        figures = quantum_zne.figures(small)
    assert set(figures) == {"decay", "bias_and_spread", "error_against_shots"}
    assert all(len(figure.axes) == 2 for figure in figures.values())


def test_statistics():
    rng = np.random.default_rng(1)
    rows = [quantum_zne._statistics(0.2 + 0.1 * rng.standard_normal(400), 0.0) for _ in range(300)]
    for what, want in (("spread", 0.1), ("error", math.hypot(0.2, 0.1))):
        found = np.array([row[what] for row in rows])
        assert found.mean() == pytest.approx(want, rel=0.01)
        assert found.std() / np.mean([row[f"{what}_se"] for row in rows]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"circuits": "qft"}, "circuits = 'qft' is not one of 'swap8', 'hadamard8', 'ghz6', 'brickwork6'"),
        ({"scales": "1,3"}, "scales = (1.0, 3.0) are fewer than 3"),
        ({"scales": "1,3,3"}, "scales[2] = 3 is there already"),
        (
            {"circuits": "ghz6", "folds": "gate", "scales": "3,1.1,1"},
            "scales = 1, 1.1 are the same for circuit 'ghz6' of 6 gates, fold = 'gate'",
        ),
        ({"scales": "0,1,2"}, "scales = 0.0 is outside [1, 15]"),
        ({"shots": "8"}, "shots = 8 is outside [16, 1073741824]"),
        ({"two_qubit_error": 0}, "two_qubit_error = 0.0 is outside (0, 0.1]"),
        ({"repeats": 2}, "repeats = 2 is not >= 8"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        quantum_zne.Config(**options)
    assert str(refusal.value) == message


def test_from_the_command_line(tmp_path):
    command = [str(Path(sys.executable).with_name("nonideal")), "run", "quantum-zne", "--seed", "1"]
    options = ["--circuits", "ghz6", "--noises", "joint", "--shots", "100", "--repeats", "20"]
    done = subprocess.run(
        [*command, *options, "--out", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["answer"].startswith("Of 2 cases (circuit, noise, fold) the least bias is left by ")
    assert (tmp_path / "report.html").exists()
