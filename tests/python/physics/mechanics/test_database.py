"""Data bases: metric, scaled coordinates, sampling of laws, files."""

import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import mechanics
from nonideal.physics.mechanics import MaterialDatabase
from oracles import mechanics_solver as oracle

LAW = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)


def random_database(seed, d=3, count=20, stiffness=1e10):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((d, d))
    metric = stiffness * (root @ root.T + np.eye(d))
    return MaterialDatabase(
        1e-3 * rng.standard_normal((count, d)), 1e-3 * stiffness * rng.standard_normal((count, d)), metric
    )


@given(st.integers(0, 10**6), st.sampled_from([1, 3, 6]))
def test_penalty_is_the_squared_distance_of_scaled_coordinates(seed, d):
    database = random_database(seed, d)
    rng = np.random.default_rng(seed + 1)
    strain, stress = 1e-3 * rng.standard_normal((7, d)), 1e7 * rng.standard_normal((7, d))
    index = rng.integers(len(database), size=7)
    found = database.penalty(strain, stress, index)
    squared = np.sum((database.scale(strain, stress) - database.points[index]) ** 2, axis=1)
    np.testing.assert_array_equal(found, squared)
    for e in range(7):
        exact = oracle.penalty(
            strain[e : e + 1],
            stress[e : e + 1],
            database.strain[index[e : e + 1]],
            database.stress[index[e : e + 1]],
            database.metric,
            [1.0],
        )
        assert found[e] == pytest.approx(exact, rel=1e-12)


def test_points_are_read_only_and_one_object():
    database = random_database(1)
    assert database.points is database.points
    assert database.points.flags.c_contiguous
    for array in (database.points, database.strain, database.stress, database.metric):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1.0


def test_the_users_arrays_stay_theirs():
    strain = np.linspace(-1, 1, 5)
    database = MaterialDatabase(strain, 2 * strain)
    strain[0] = 9.0
    assert database.strain[0, 0] == -1.0
    assert database.strain.shape == database.stress.shape == (5, 1)


def test_secant_metric_finds_the_stiffness_of_linear_data():
    law = mechanics.LinearElastic(young=200.0, poisson=0.3)
    rng = np.random.default_rng(2)
    strain = rng.standard_normal((50, 3))
    stress, tangent = law(strain)
    np.testing.assert_allclose(MaterialDatabase(strain, stress).metric, tangent[0], rtol=1e-12, atol=1e-10)


def test_secant_metric_is_floored_where_the_data_say_nothing():
    """Uniaxial data in a plane: two directions get a thousandth of the stiffness seen."""
    strain = np.linspace(-1, 1, 5)[:, None] * [1.0, 0.0, 0.0]
    metric = MaterialDatabase(strain, 7.0 * strain).metric
    np.testing.assert_allclose(metric, np.diag([7.0, 7e-3, 7e-3]), atol=1e-14)


def test_secant_of_a_curve_lies_between_tangent_and_secant():
    metric = MaterialDatabase.from_law(LAW, 1001, max_stress=450e6).metric[0, 0]
    strain = LAW.strain(np.array([450e6]))
    assert LAW.tangent(strain)[0] < 450e6 / strain[0] < metric < 200e9


@pytest.mark.parametrize("spacing", ["strain", "stress", "arc"])
def test_from_law_spaces_points_equally(spacing):
    database = MaterialDatabase.from_law(LAW, 200, max_stress=450e6, metric=50e9, spacing=spacing)
    np.testing.assert_allclose(database.strain[:, 0], LAW.strain(database.stress[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(database.stress[[0, -1], 0], [-450e6, 450e6], rtol=1e-12)
    along = {"strain": database.strain, "stress": database.stress, "arc": database.points}[spacing]
    steps = np.linalg.norm(np.diff(along, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-9 if spacing != "arc" else 1e-3)


def test_noise_has_the_wanted_size_and_a_seed():
    make = {"max_stress": 450e6, "metric": 50e9}
    clean = MaterialDatabase.from_law(LAW, 20_000, **make)
    noisy = MaterialDatabase.from_law(LAW, 20_000, **make, noise=0.02, seed=7)
    for name in ("strain", "stress"):
        error = (getattr(noisy, name) - getattr(clean, name)) / np.abs(getattr(clean, name)).max()
        assert error.std() == pytest.approx(0.02, rel=0.03)  # five standard errors are 0.025
        assert abs(error.mean()) < 5 * 0.02 / 20_000**0.5
    again = MaterialDatabase.from_law(LAW, 20_000, **make, noise=0.02, seed=7)
    other = MaterialDatabase.from_law(LAW, 20_000, **make, noise=0.02, seed=8)
    assert again.fingerprint == noisy.fingerprint != other.fingerprint
    assert (clean.seed, noisy.seed) == (None, 7)
    drawn = MaterialDatabase.from_law(LAW, 100, **make, noise=0.02)
    again = MaterialDatabase.from_law(LAW, 100, **make, noise=0.02, seed=drawn.seed)
    assert again.fingerprint == drawn.fingerprint


def test_save_and_load(tmp_path):
    database = random_database(3)
    database.save(tmp_path / "data.bin")  # no suffix is added
    again = MaterialDatabase.load(tmp_path / "data.bin")
    for name in ("strain", "stress", "metric", "points"):
        np.testing.assert_array_equal(getattr(again, name), getattr(database, name))
    assert again.fingerprint == database.fingerprint


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    database = random_database(3)
    path = tmp_path / "data.npz"
    database.save(path)

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="No space"):
        random_database(4).save(path)
    assert MaterialDatabase.load(path).fingerprint == database.fingerprint
    assert list(tmp_path.iterdir()) == [path]


def test_fingerprint_is_that_of_the_numbers():
    database = MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.0)
    content = b"(2, 1)" + b"".join(np.array(v, "<f8").tobytes() for v in ([0.0, 1.0], [0.0, 2.0], [2.0]))
    assert database.fingerprint == hashlib.sha256(content).hexdigest()
    assert MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.5).fingerprint != database.fingerprint


def test_load_executes_nothing(tmp_path):
    """A pickled array inside the archive is refused, not unpickled."""

    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit",))

    path = tmp_path / "trap.npz"
    with path.open("wb") as file:
        np.savez(file, strain=np.array([Trap()], dtype=object), stress=[0.0], metric=[1.0])
    with pytest.raises(InvalidArgument) as caught:
        MaterialDatabase.load(path)
    assert str(caught.value) == f"{path} is not a data base that MaterialDatabase.save wrote"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InvalidArgument) as caught:
        MaterialDatabase.load(path)
    assert str(caught.value) == f"{path} is not a data base that MaterialDatabase.save wrote"


@pytest.mark.parametrize("damage", ["empty", "text", "key", "truncated", "array", "stream"])
def test_load_refuses_other_files(tmp_path, damage):
    path = tmp_path / "data.npz"
    random_database(4).save(path)
    if damage == "key":
        with path.open("wb") as file:
            np.savez(file, strain=[1.0])
    elif damage == "array":
        with path.open("wb") as file:
            np.save(file, np.arange(3.0))
    elif damage == "stream":  # a deflate block of a kind that there is not
        content = bytearray(path.read_bytes())
        name, extra = (int.from_bytes(content[i : i + 2], "little") for i in (26, 28))
        content[30 + name + extra] |= 0b110
        path.write_bytes(content)
    else:
        content = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"strain", "truncated": content[: len(content) // 2]}[damage])
    with pytest.raises(InvalidArgument) as caught:
        MaterialDatabase.load(path)
    assert str(caught.value) == f"{path} is not a data base that MaterialDatabase.save wrote"


def test_load_names_a_missing_file(tmp_path):
    with pytest.raises(InvalidArgument) as caught:
        MaterialDatabase.load(tmp_path / "none.npz")
    assert str(caught.value) == f"{tmp_path / 'none.npz'} cannot be read (No such file or directory)"


def write(tmp_path, text):
    path = tmp_path / "tests.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_in_one_dimension(tmp_path):
    path = write(tmp_path, "# steel\nSpecimen, Stress ,strain\n1,0,0\n2,200,0.1\n")
    database = MaterialDatabase.from_csv(path, ("%", "MPa"))
    np.testing.assert_allclose(database.strain, [[0.0], [1e-3]])
    np.testing.assert_allclose(database.stress, [[0.0], [200e6]])
    again = MaterialDatabase.from_csv(path, ("%", "MPa"), stress_unit="MPa", metric=5.0)
    np.testing.assert_allclose(again.stress, [[0.0], [200.0]])
    assert again.metric == 5.0


@pytest.mark.parametrize(("shear", "value"), [("e12", 0.003), ("g12", 0.006)])
def test_csv_in_the_plane_knows_tensor_from_engineering_shear(tmp_path, shear, value):
    path = write(tmp_path, f"e11,e22,{shear},s11,s22,s12\n0.001,0.002,{value},1,2,3\n0,0,0,0,0,0\n")
    database = MaterialDatabase.from_csv(path, metric=np.eye(3))
    np.testing.assert_allclose(database.strain[0], [0.001, 0.002, 0.003 * 2**0.5])
    np.testing.assert_allclose(database.stress[0], [1, 2, 3 * 2**0.5])


def test_csv_in_space(tmp_path):
    names = [f"{k}{ij}" for k in "es" for ij in ("11", "22", "33", "23", "13", "12")]
    path = write(tmp_path, ",".join(names[::-1]) + "\n" + ",".join("654321fedcba"[:6] * 2) + "\n")
    database = MaterialDatabase.from_csv(path, metric=np.eye(6))
    root = 2**0.5
    np.testing.assert_allclose(database.strain, [[1, 2, 3, 4 * root, 5 * root, 6 * root]])
    np.testing.assert_allclose(database.stress, database.strain)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{} has no line of numbers below one of names"),
        ("strain,stress\n", "{} has no line of numbers below one of names"),
        ("a,b\n1,2\n", "{} has no column e11; there are a, b (units are an argument, no part of a name)"),
        (
            "strain,sigma\n1,2\n",
            "{} has no column stress; there are strain, sigma (units are an argument, no part of a name)",
        ),
        ("strain,stress\n1\n", "{}: data line 1 has 1 entries for 2 names"),
        ("strain,stress\n1,2\n1,x\n", "{}: data line 2, stress = 'x' is not a number"),
        ("strain,stress,stress\n1,2,3\n", "{} has 2 columns stress"),
        (
            "e11,e22,e12,g12,s11,s22,s12\n1,2,3,6,1,2,3\n",
            "{} has both e12 and g12: which one holds?",
        ),
    ],
)
def test_csv_refusals(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InvalidArgument) as caught:
        MaterialDatabase.from_csv(path)
    assert str(caught.value) == message.format(path)


def test_csv_reads_only_its_own_columns(tmp_path):
    path = write(tmp_path, "specimen,strain,stress\nA 1,0.0,0.0\nA 2,1e-3,200.0\n")
    database = MaterialDatabase.from_csv(path, ("1", "N/mm2"))
    np.testing.assert_array_equal(database.stress[:, 0], [0.0, 200e6])


def test_a_linear_bar_is_a_law_of_one_dimension():
    database = MaterialDatabase.from_law(mechanics.LinearElastic(200e9), 101, max_stress=400e6)
    np.testing.assert_allclose(database.stress, 200e9 * database.strain, rtol=1e-14)
    assert database.stress.max() == pytest.approx(400e6)


def test_no_folder_to_save_into(tmp_path):
    path = tmp_path / "none" / "steel.npz"
    with pytest.raises(InvalidArgument) as caught:
        make().save(path)
    assert str(caught.value) == f"path = {str(path)!r}: there is no folder {str(path.parent)!r}"


def make(**changes):
    return MaterialDatabase(**({"strain": [0.0, 1.0], "stress": [0.0, 2.0]} | changes))


def sample(**changes):
    return MaterialDatabase.from_law(LAW, **({"n_points": 5, "max_stress": 1e8} | changes))


PLANE = {"strain": np.eye(3), "stress": np.eye(3)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(strain=[], stress=[]), "strain has no points"),
        (lambda: make(strain=[0.0, np.nan]), "strain[1] = nan is not finite"),
        (lambda: make(stress=[0.0, np.inf]), "stress[1] = inf is not finite"),
        (lambda: make(stress=[0.0]), "stress has shape (1, 1), strain (2, 1)"),
        (lambda: make(strain=np.eye(2)), "strain has shape (2, 2), not (N,), (N, 1), (N, 3) or (N, 6)"),
        (lambda: make(metric="tangent"), "metric = 'tangent' is not one of secant"),
        (lambda: make(metric=0.0), "metric is not positive definite: its least eigenvalue is 0"),
        (lambda: make(metric=-2.0), "metric is not positive definite: its least eigenvalue is -2"),
        (lambda: make(metric=np.nan), "metric = nan is not finite"),
        (lambda: make(metric=np.eye(3)), "metric has shape (3, 3), not (1, 1)"),
        (lambda: make(**PLANE, metric=2.0), "metric has shape (), not (3, 3)"),
        (lambda: make(**PLANE, metric=np.eye(3) + np.eye(3, k=1)), "metric is not symmetric"),
        (
            lambda: make(**PLANE, metric=np.diag([1.0, 1.0, -1e-3])),
            "metric is not positive definite: its least eigenvalue is -0.001",
        ),
        (
            lambda: make(stress=[0.0, -1.0]),
            'metric = "secant": the data have no positive stiffness; give a metric',
        ),
        (lambda: make().scale([0.0], [0.0, 1.0]), "stress has shape (2, 1), not (1, 1)"),
        (lambda: make().scale(np.eye(3), np.eye(3)), "strain has shape (3, 3), not (3, 1)"),
        (lambda: make().penalty([0.0], [0.0], [2]), "index[0] = 2 is outside [0, 2)"),
        (
            lambda: make().penalty([0.0], [0.0], [0.0]),
            "index has shape (1,) and dtype float64, not (1,) and int",
        ),
        (lambda: sample(n_points=1), "n_points = 1 is outside [2, 2^31)"),
        (lambda: sample(max_stress=0.0), "max_stress = 0.0 is not > 0"),
        (lambda: sample(spacing="even"), "spacing = 'even' is not one of strain, stress, arc"),
        (lambda: sample(noise=-0.1), "noise = -0.1 is not >= 0"),
        (lambda: sample(noise=0.1, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: sample(seed=-1), "seed = -1 is outside [0, 2^64)"),
        (
            lambda: MaterialDatabase.from_csv("x.csv", "MPa"),
            "units = 'MPa' is not a pair (unit of strain, unit of stress)",
        ),
        (
            lambda: MaterialDatabase.from_csv("x.csv", None),
            "units = None is not a pair (unit of strain, unit of stress)",
        ),
        (
            lambda: MaterialDatabase.from_law(
                mechanics.DeformationPlasticity(1, 0.3, 1, 1, 2), 5, max_stress=1.0
            ),
            "law: DeformationPlasticity has no method strain(), as a law of one dimension has",
        ),
        (
            lambda: MaterialDatabase.from_csv("x.csv", ("mm", "MPa")),
            "units[0] = 'mm' is not one of 1, %, permille, microstrain",
        ),
        (
            lambda: MaterialDatabase.from_csv("x.csv", stress_unit="bar"),
            "stress_unit = 'bar' is not one of Pa, kPa, MPa, N/mm2, GPa, psi, ksi",
        ),
        (lambda: MaterialDatabase.from_csv("x.csv"), "x.csv cannot be read (No such file or directory)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message
