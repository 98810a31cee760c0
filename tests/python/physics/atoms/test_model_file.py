"""`.leignn` files: what is written comes back; whatever else is in a file is refused in one line."""

import hashlib
import json
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import VARIANTS
from nonideal.physics.atoms.model_file import ModelFile

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")

SIZES = {"channels": 4, "layers": 1, "n_rbf": 3, "backend": "torch", "seed": 11}
MAGIC = b"\x89NIATOM\n"


def small(**other):
    model = atoms.LEIGNN(["O", "Cu"], **(SIZES | other))
    model.energy_scale.fill_(1 / 3)
    model.energy_reference.copy_(torch.tensor([-431.123456789, 1e-300], dtype=torch.float64))
    return model


CONTENT = small().to_file().encode()


def split(content=CONTENT):
    """Header as a dict, payload: by the layout's description alone."""
    head, payload = struct.unpack("<QQ", content[16:32])
    assert len(content) == 64 + head + payload
    return json.loads(content[64 : 64 + head]), content[64 + head :]


def assemble(header, payload, *, magic=MAGIC, version=1, zero=0, pad=b" "):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += pad * (-len(text) % 64)
    rest = text + payload
    start = struct.pack("<8sIIQQ", magic, version, zero, len(text), len(payload))
    return start + hashlib.sha256(rest).digest() + rest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_round_trip(tmp_path, variant, dtype):
    model = small(variant=variant, dtype=dtype, forces="direct", max_neighbors=7, cutoff=4.5)
    model.metadata["note"] = {"loss": [1.5, None]}
    again = atoms.LEIGNN.load(model.save(tmp_path / "a.leignn"))
    assert again.architecture == model.architecture
    assert again.dtype == dtype
    assert again.seed == 11
    assert again.metadata["note"] == {"loss": [1.5, None]}
    assert list(again.state_dict()) == list(model.state_dict())
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert again.to_file().encode() == model.to_file().encode()
    content = model.to_file()
    atoms.LEIGNN.from_file(content).metadata["note"] = "another"
    assert content.metadata["note"] == {"loss": [1.5, None]}
    frame = atoms.Frame([8, 29, 29], np.eye(3))
    again.backend = model.backend
    assert again.evaluate(frame).energy == model.evaluate(frame).energy


def test_layout_is_the_one_described():
    header, payload = split()
    assert list(header) == [
        *["format", "version", "model", "species", "energy_scale", "energy_reference", "units", "metadata"],
        "tensors",
    ]
    assert header["species"] == [8, 29]
    assert header["energy_scale"] == 1 / 3
    assert header["energy_reference"] == [-431.123456789, 1e-300]
    assert header["metadata"]["seed"] == 11
    assert CONTENT[:8] == MAGIC
    assert CONTENT[32:64] == hashlib.sha256(CONTENT[64:]).digest()
    assert len(payload) % 64 == 0
    model, end = small(), 0
    for name, entry in header["tensors"].items():
        assert entry["offset"] == end + -end % 64
        weight = model.state_dict()[name]
        end = entry["offset"] + 4 * weight.numel()
        found = np.frombuffer(payload[entry["offset"] : end], "<f4").reshape(entry["shape"])
        assert entry["dtype"] == "float32"
        assert np.array_equal(found, weight.numpy())
    assert assemble(header, payload) != CONTENT  # other blanks, the same model
    assert ModelFile.decode(assemble(header, payload)).architecture == model.architecture


def test_nan_weights_and_bad_places_are_refused(tmp_path):
    model = small()
    with torch.no_grad():
        model.readout.energy.hidden.weight[0, 1] = torch.nan
    with pytest.raises(InvalidArgument) as caught:
        model.save(tmp_path / "a.leignn")
    assert str(caught.value) == "readout.energy.hidden.weight: number 1 is nan, not finite"
    assert list(tmp_path.iterdir()) == []
    for act in (small().save, atoms.LEIGNN.load):
        with pytest.raises(
            InvalidArgument, match=r"^.*/no/a\.leignn cannot be (written|read) \(No such file"
        ):
            act(tmp_path / "no" / "a.leignn")
    model = small()
    model.metadata["loss"] = float("nan")
    with pytest.raises(InvalidArgument, match=r"^header: Out of range float"):
        model.to_file().encode()


def changed(**entries):
    header, payload = split()
    return assemble(header | entries, payload)


def with_model(**entries):
    return changed(model=split()[0]["model"] | entries)


def with_tensor(name, **entries):
    header, payload = split()
    header["tensors"][name] |= entries
    return assemble(header, payload)


def with_number(value, index=0):
    header, payload = split()
    numbers = bytearray(payload)
    numbers[4 * index : 4 * index + 4] = struct.pack("<f", value)
    return assemble(header, bytes(numbers))


def without(key):
    header, payload = split()
    del header[key]
    return assemble(header, payload)


def tensors(change):
    header, payload = split()
    items = change(list(header["tensors"].items()))
    return assemble(header | {"tensors": dict(items)}, payload)


HEADER, PAYLOAD = split()
UNITS = "{'length': 'angstrom', 'energy': 'eV', 'forces': 'eV/angstrom', 'stress': 'eV/angstrom^3'}"
DAMAGED = {
    "empty": (b"", "it has 0 bytes; a model file has at least 64"),
    "magic": (assemble(HEADER, PAYLOAD, magic=b"PK\x03\x04zipp"), "it is no model file: it begins with "),
    "version": (assemble(HEADER, PAYLOAD, version=2), "it has version 2; version 1 is read here"),
    "zero": (assemble(HEADER, PAYLOAD, zero=7), "it: bytes 12-15 hold 7, not 0"),
    "cut": (CONTENT[:-1], f"it has {len(CONTENT) - 1} bytes, which a header of "),
    "longer": (CONTENT + bytes(64), f"it has {len(CONTENT) + 64} bytes, which a header of "),
    "huge header": (CONTENT[:16] + b"\xc0" + b"\xff" * 7 + CONTENT[24:], "it has "),
    "flip": (CONTENT[:-70] + b"\x01" + CONTENT[-69:], "it is damaged: its checksum is wrong"),
    "no JSON": (assemble(b"{", PAYLOAD), "it: the header is no JSON (Expecting property name"),
    "no object": (assemble(b"[1]", PAYLOAD), "it: the header is no JSON object"),
    "deep": (assemble(b"[" * 100000, PAYLOAD), "it: the header is no JSON (maximum recursion"),
    "nan": (assemble(b'{"a": NaN}', PAYLOAD), "it: the header is no JSON (NaN is no number)"),
    "twice": (assemble(b'{"a": 1, "a": 2}', PAYLOAD), "it: the header is no JSON (a key is there twice)"),
    "not ASCII": (assemble("{'ä'}".encode(), PAYLOAD), "it: the header is no JSON ('ascii' codec"),
    "no tensors": (without("tensors"), "it: the header has no table of tensors"),
    "no units": (without("units"), "it: the header has the keys ['format', "),
    "more keys": (changed(colour="red"), "it: the header has the keys ['format', "),
    "format": (changed(format="x"), "it: format = 'x' is not 'nonideal.atoms.leignn'"),
    "version inside": (changed(version=True), "it: version = True is not 1"),
    "units": (changed(units={"energy": "Ry"}), f"it: units = {{'energy': 'Ry'}} is not {UNITS}"),
    "metadata": (changed(metadata=[]), "it: metadata = [] is no object"),
    "scale": (changed(energy_scale="1"), "it: energy_scale = '1' is not a finite number"),
    "scale bool": (changed(energy_scale=True), "it: energy_scale = True is not a finite number"),
    "scale inf": (
        assemble(json.dumps(HEADER).replace(repr(1 / 3), "1e999").encode(), PAYLOAD),
        "it: energy_scale = inf is not a finite number",
    ),
    "scale huge": (changed(energy_scale=10**400), "it: energy_scale = 1000000000000"),
    "reference": (changed(energy_reference=[1.0]), "it: energy_reference = [1.0] is not a number for each"),
    "references": (changed(energy_reference=[1, None]), "it: energy_reference[1] = None is not a finite"),
    "species": (changed(species=["O", "Cu"]), "it: species = ['O', 'Cu'] is not a list of atomic numbers"),
    "species twice": (changed(species=[8, 8]), "it: species[1] = 8 is there twice"),
    "species far": (changed(species=[8, 119]), "it: species[1] = 119 is outside [0, 118]"),
    "model": (changed(model={"cutoff": 5.0}), "it: model = {'cutoff': 5.0} does not hold exactly cutoff, "),
    "variant": (with_model(variant="v3"), "it: variant = 'v3' is not one of v1, vn, vanilla, vanilla-nmu"),
    "cutoff": (with_model(cutoff="5"), "it: cutoff = '5' is not a number"),
    "cutoff negative": (with_model(cutoff=-5), "it: cutoff = -5 is not > 0"),
    "channels": (with_model(channels=4.0), "it: channels = 4.0 is not an integer"),
    "layers": (with_model(layers=2), "it: tensors are missing: ['layers.1.message.node.hidden.weight'"),
    "smooth": (with_model(smooth_cutoff=None), "it: smooth_cutoff = None"),
    "wider": (with_model(channels=6), "it: tensor 'embedding.weight' has shape (2, 4), not (2, 6)"),
    "nan weight": (with_number(np.nan), "it: tensor 'embedding.weight': number 0 is nan, not finite"),
    "inf weight": (with_number(-np.inf, 7), "it: tensor 'embedding.weight': number 7 is -inf, not finite"),
    "gap": (with_number(1.0, 9), "it: tensor 'embedding.weight': the bytes behind it are not zero"),
    "payload": (assemble(HEADER, PAYLOAD + bytes(64)), f"it: the payload has {len(PAYLOAD) + 64} bytes, its"),
    "short payload": (assemble(HEADER, PAYLOAD[:-64]), "it: tensor 'readout.force.weight' ends at byte "),
    "tensor": (
        tensors(lambda t: [(t[0][0], 3), *t[1:]]),
        "it: tensor 'embedding.weight' is 3, not an object",
    ),
    "dtype": (
        with_tensor("embedding.weight", dtype="float16"),
        "it: tensor 'embedding.weight' has dtype 'float16', not one of float32, float64",
    ),
    "shape": (
        with_tensor("embedding.weight", shape=[-2, 4]),
        "it: tensor 'embedding.weight' has shape [-2, 4], not whole numbers >= 0",
    ),
    "shape float": (
        with_tensor("embedding.weight", shape=[2.0, 4]),
        "it: tensor 'embedding.weight' has shape",
    ),
    "huge shape": (with_tensor("embedding.weight", shape=[1 << 62, 4]), "it: tensor 'embedding.weight' ends"),
    "empty shape": (with_tensor("embedding.weight", shape=[0, 1 << 70]), "it: tensor 'embedding.weight' has"),
    "offset": (
        with_tensor("readout.force.weight", offset=0),
        "it: tensor 'readout.force.weight' has offset 0, not ",
    ),
    "turned": (
        with_tensor("embedding.weight", shape=[4, 2]),
        "it: tensor 'embedding.weight' has shape (4, 2)",
    ),
    "order": (
        tensors(lambda t: [*t[:2], ("a", t[2][1]), *t[3:]]),
        "it: tensors are missing: ['layers.0.message.node.hidden.bias']",
    ),
    "renamed": (
        tensors(lambda t: [*t, ("more", {"dtype": "float32", "shape": [0], "offset": len(PAYLOAD)})]),
        "it: unknown tensors: ['more']",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_refusals(kind):
    content, message = DAMAGED[kind]
    with pytest.raises(InvalidArgument) as caught:
        ModelFile.decode(content, "it")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def read_in_cpp(content, folder):
    path = folder / "it.leignn"
    path.write_bytes(content)
    return atoms.Potential(path, num_threads=1)


@pytest.mark.parametrize("kind", DAMAGED)
def test_refusals_in_cpp(kind, tmp_path):
    with pytest.raises(InvalidArgument, match=r"^.*it\.leignn: .*$"):
        read_in_cpp(DAMAGED[kind][0], tmp_path)


@pytest.mark.parametrize(
    "path", [(), ("model",), ("units",), ("tensors", "readout.force.weight"), ("metadata",)]
)
def test_unknown_keys(path, tmp_path):
    """Refused by both readers, but for metadata's."""
    header, payload = split()
    place = header
    for key in path:
        place = place[key]
    place["more"] = 1
    content = assemble(json.dumps(header).encode(), payload)
    if path == ("metadata",):
        assert ModelFile.decode(content).metadata["more"] == 1
        assert read_in_cpp(content, tmp_path).metadata["more"] == 1
        return
    with pytest.raises(InvalidArgument):
        ModelFile.decode(content)
    with pytest.raises(InvalidArgument, match=r"unknown key more$"):
        read_in_cpp(content, tmp_path)


def test_one_dtype():
    header, _ = split()
    kinds = {name: small().state_dict()[name].numpy() for name in header["tensors"]}
    kinds["readout.force.weight"] = kinds["readout.force.weight"].astype(np.float64)
    mixed = small().to_file()
    mixed.tensors.update(kinds)
    with pytest.raises(InvalidArgument, match=r"^it: tensors have dtypes float32, float64, not one$"):
        ModelFile.decode(mixed.encode(), "it")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_passes(data):
    place = data.draw(st.integers(0, len(CONTENT) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(CONTENT)
    flipped[place] ^= 1 << bit
    with pytest.raises(InvalidArgument):
        ModelFile.decode(bytes(flipped))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_part_passes(data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(CONTENT))] * 2)))
    if (start, end) != (0, len(CONTENT)):
        with pytest.raises(InvalidArgument):
            ModelFile.decode(CONTENT[start:end])
    with pytest.raises(InvalidArgument):
        ModelFile.decode(data.draw(st.binary(max_size=300)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_strange_headers_with_right_checksums(data):
    """Any value anywhere in the header: refused in one line by both readers, or a model in range for both."""
    header, payload = split()
    place = header
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    content = assemble(json.dumps(header).encode(), payload)
    with tempfile.TemporaryDirectory() as folder:
        try:
            read_in_cpp(content, Path(folder))
            in_cpp = True
        except InvalidArgument:
            in_cpp = False
    text = ""
    try:
        found = ModelFile.decode(content, "it")
    except InvalidArgument as refusal:
        text = str(refusal)
    assert in_cpp == (not text), text
    if text:
        assert text.startswith("it")
        assert len(text.splitlines()) == 1
    else:
        assert np.isfinite([found.energy_scale, *found.energy_reference]).all()
