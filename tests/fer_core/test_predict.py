"""A checkpoint's answers: the same as the plain network's, however they are asked for."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.card import CARD
from fer_core.checkpoint import Checkpoint, save_checkpoint
from fer_core.errors import CheckpointError, ImageError
from fer_core.faces import Face, crop_face
from fer_core.labels import FER7, FERPLUS8
from fer_core.predict import FacePrediction, Predictor, get_predictor, predict_image
from fer_core.preprocess import Preprocess
from fer_core.softmax import temper

Make = Callable[..., Checkpoint]
Picture = NDArray[np.uint8]


def inputs(faces: list[Picture]) -> torch.Tensor:
    """By hand: 48x48 grey faces under mean 0.5 and deviation 0.25."""
    return torch.from_numpy((np.stack(faces)[:, None] / 255 - 0.5) / 0.25).float()


def plain_logits(checkpoint: Checkpoint, x: torch.Tensor) -> NDArray[np.float32]:
    with torch.no_grad():
        return checkpoint.load()(x).numpy()


def test_folding_batch_normalisation_changes_nothing(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint(arguments={})
    predictor = Predictor(checkpoint)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in checkpoint.load().modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in predictor.network.modules())
    expected = scipy.special.softmax(plain_logits(checkpoint, inputs(faces)), axis=1)
    assert np.ptp(expected, axis=0).max() > 0.2  # the faces do get different answers
    np.testing.assert_allclose(predictor.probabilities(faces), expected, atol=1e-5)


def test_folding_by_hand(tmp_path: Path, make_checkpoint: Make) -> None:
    """One convolution that hands on its input: 3 * (x - 2) / sqrt(4) + 5 where x is 4 everywhere, so 8."""
    how = Preprocess(size_px=8, mean=(0.0,), std=(1 / 255,))
    card = make_checkpoint(arguments={"widths": [1], "depths": [1]}, preprocess=how).card
    network = card.build()
    with torch.no_grad():
        block = network.features.stage1[0]
        block.conv.weight.zero_()[0, 0, 1, 1] = 1
        block.norm.running_mean.fill_(2)
        block.norm.running_var.fill_(4 - block.norm.eps)
        block.norm.weight.fill_(3)
        block.norm.bias.fill_(5)
        network.head.weight.copy_(torch.arange(7.0)[:, None])
        network.head.bias.zero_()
    found = Predictor(save_checkpoint(tmp_path / "by-hand", network, card)).logits([np.full((8, 8), 4, np.uint8)])
    np.testing.assert_allclose(found, [[[0, 8, 16, 24, 32, 40, 48]]], rtol=1e-5)


class Branching(nn.Module):
    """Control flow that depends on the data: cannot be traced, so nothing is folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        return self.head((x if x.mean() > 0 else -x).mean((2, 3)))


def test_a_network_that_cannot_be_traced_runs_as_it_is(
    make_checkpoint: Make, faces: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = Branching().eval()
    monkeypatch.setattr(Checkpoint, "load", lambda _: network)
    predictor = Predictor(make_checkpoint())
    assert predictor.network is network
    with torch.no_grad():
        expected = network(inputs(faces)).numpy()
    np.testing.assert_allclose(predictor.logits(faces)[0], expected, atol=1e-5)


def test_flip_is_the_mean_of_both_views(make_checkpoint: Make, faces: list[Picture]) -> None:
    faces = [f + np.linspace(0, 60, 48).astype(np.uint8) for f in faces]  # brighter on the right: not their own mirror
    checkpoint = make_checkpoint(flip=True)
    predictor = Predictor(checkpoint)
    ahead = plain_logits(checkpoint, inputs(faces))
    mirrored = plain_logits(checkpoint, inputs([f[:, ::-1] for f in faces]))
    assert np.abs(ahead - mirrored).max() > 0.1
    np.testing.assert_allclose(predictor.logits(faces), [ahead, mirrored], atol=1e-4)
    by_hand = (scipy.special.softmax(ahead, axis=1) + scipy.special.softmax(mirrored, axis=1)) / 2
    np.testing.assert_allclose(predictor.probabilities(faces), by_hand, atol=1e-5)
    again = predictor.probabilities([np.ascontiguousarray(f[:, ::-1]) for f in faces])
    np.testing.assert_allclose(again, by_hand, atol=1e-5)  # it does not matter which view is shown


def test_without_flip_there_is_one_view(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint()
    logits = Predictor(checkpoint).logits(faces)
    np.testing.assert_allclose(logits, [plain_logits(checkpoint, inputs(faces))], atol=1e-4)
    assert logits.dtype == np.float32


def test_temperature(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint(temperature=2.5)
    expected = scipy.special.softmax(plain_logits(checkpoint, inputs(faces)) / 2.5, axis=1)
    np.testing.assert_allclose(Predictor(checkpoint).probabilities(faces), expected, atol=1e-5)


def test_tempering_by_hand() -> None:
    logits = np.log(np.array([[1, 2, 5], [3, 3, 4]])).astype(np.float32)
    np.testing.assert_allclose(temper(logits), [[1 / 8, 2 / 8, 5 / 8], [0.3, 0.3, 0.4]], rtol=1e-6)
    # Half the logit is the square root: 1, 4 and 9 become 1, 2 and 3.
    np.testing.assert_allclose(temper(np.log([[1.0, 4.0, 9.0]]), 2), [[1 / 6, 2 / 6, 3 / 6]], rtol=1e-6)
    # Two views: the mean of (1/4, 3/4) and (1/2, 1/2), not of their logits.
    np.testing.assert_allclose(temper(np.log([[[1.0, 3.0]], [[1.0, 1.0]]])), [[3 / 8, 5 / 8]], rtol=1e-6)
    np.testing.assert_allclose(temper(np.array([[1000.0, 0.0], [-1e9, -1e9]])), [[1, 0], [0.5, 0.5]])
    assert temper(np.zeros((0, 7))).shape == (0, 7)
    assert temper(np.zeros((2, 0, 7))).shape == (0, 7)


def test_tempering_leaves_the_logits_alone() -> None:
    logits = np.array([[1.0, 2.0]])
    temper(logits)
    assert logits.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("flip", [False, True])
def test_batches_do_not_matter(flip: bool, make_checkpoint: Make, faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint(flip=flip))
    seen: list[tuple[int, int]] = []
    expected = predictor.logits(faces)
    found = predictor.logits(faces, batch_size=9, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert seen == [(9, 28), (18, 28), (27, 28), (28, 28)]
    np.testing.assert_allclose(predictor.logits(faces[5:6]), expected[:, 5:6], atol=1e-4)


def test_no_faces(make_checkpoint: Make) -> None:
    predictor = Predictor(make_checkpoint(flip=True, classes=FERPLUS8.names))
    assert predictor.logits([]).shape == (2, 0, 8)
    assert predictor.probabilities([]).shape == (0, 8)
    assert predictor.classes == FERPLUS8


def test_what_is_no_face(make_checkpoint: Make) -> None:
    with pytest.raises(ImageError, match="8-bit grey"):
        Predictor(make_checkpoint()).logits([np.zeros((48, 48))])


def test_many_threads_get_one_answer(make_checkpoint: Make, faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint(flip=True))
    parts = [faces[i : i + 3] for i in range(8)]
    alone = [predictor.logits(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, expected in zip(pool.map(predictor.logits, parts), alone, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_bfloat16_is_close(make_checkpoint: Make, faces: list[Picture]) -> None:
    checkpoint = make_checkpoint()
    exact = Predictor(checkpoint).probabilities(faces)
    rough = Predictor(checkpoint, "bfloat16").probabilities(faces)
    np.testing.assert_allclose(rough, exact, atol=0.05)
    assert np.abs(rough - exact).max() > 1e-6  # it did compute in another precision
    assert np.abs(rough - exact).mean() < 0.01


def test_a_predictor_does_not_learn(make_checkpoint: Make, faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint())
    before = {k: v.clone() for k, v in predictor.network.state_dict().items()}
    predictor.logits(faces)
    assert all(torch.equal(v, before[k]) for k, v in predictor.network.state_dict().items())
    assert not any(p.requires_grad for p in predictor.network.parameters())


def test_a_predictor_is_made_once_and_anew_when_its_files_change(make_checkpoint: Make, home: Path) -> None:
    folder = home / "checkpoints" / "mine"
    make_checkpoint(folder)
    first = get_predictor("mine")
    assert get_predictor("mine") is first
    assert get_predictor("mine", "bfloat16") is not first
    make_checkpoint(folder, seed=1)
    second = get_predictor("mine")
    assert second is not first
    assert second.card.weights_sha256 != first.card.weights_sha256
    # A temperature fitted after training changes the card alone.
    (folder / CARD).write_text(json.dumps(json.loads((folder / CARD).read_text()) | {"temperature": 2.0}))
    face = [np.zeros((48, 48), np.uint8)]
    tempered = get_predictor("mine").probabilities(face)
    np.testing.assert_allclose(tempered, scipy.special.softmax(second.logits(face)[0] / 2, axis=1), atol=1e-6)
    with pytest.raises(CheckpointError, match="There is no checkpoint 'yours'"):
        get_predictor("yours")


class Finder:
    """Finds what it is told."""

    name = "told"

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def detect(self, image: Picture) -> list[Face]:
        assert image.shape == (120, 160, 3)
        return self.faces


EYES = np.array([(70, 40), (90, 46), (80, 55), (72, 66), (88, 66)], np.float32)


def test_every_face_of_a_photograph(make_checkpoint: Make) -> None:
    photograph = np.random.default_rng(2).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    found = (Face((50, 20, 60, 60), 0.98765, EYES), Face((3.26, 4.04, 30, 41), 0.5))
    how = Preprocess(crop_margin=0.2, crop_shift_y=0.1)
    checkpoint = make_checkpoint(preprocess=how)
    answers = predict_image(photograph, Predictor(checkpoint), Finder(*found))
    assert [a.face for a in answers] == list(found)
    for answer, face in zip(answers, found, strict=True):
        crop = crop_face(photograph, face, margin=0.2, shift_y=0.1, align=True)
        np.testing.assert_array_equal(answer.crop, crop)
        with torch.no_grad():
            expected = checkpoint.load()(how([crop])).softmax(1)[0].numpy()
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
        assert answer.label == FER7.names[expected.argmax()]
    turned = crop_face(photograph, found[0], margin=0.2, shift_y=0.1, align=False)
    assert not np.array_equal(turned, answers[0].crop)
    level = make_checkpoint(preprocess=how.model_copy(update={"align": False}))
    np.testing.assert_array_equal(predict_image(photograph, Predictor(level), Finder(*found))[0].crop, turned)


def test_a_photograph_without_a_face(make_checkpoint: Make) -> None:
    photograph = np.zeros((120, 160, 3), np.uint8)
    assert predict_image(photograph, Predictor(make_checkpoint(flip=True)), Finder()) == []


def test_a_prediction_as_json() -> None:
    crop = np.zeros((4, 4, 3), np.uint8)
    probabilities = np.array([0.05, 0.01, 0.04, 0.6, 0.1, 0.1, 0.1])
    found: dict[str, Any] = FacePrediction(Face((3.26, 4.04, 30, 41), 0.98765), crop, probabilities, FER7).as_json()
    assert json.loads(json.dumps(found)) == {
        "box": [3.3, 4.0, 30.0, 41.0],
        "score": 0.9877,
        "label": "happy",
        "probabilities": {
            "angry": 0.05,
            "disgust": 0.01,
            "fear": 0.04,
            "happy": 0.6,
            "sad": 0.1,
            "surprise": 0.1,
            "neutral": 0.1,
        },
    }
