"""From a crop to a network's input: worked out by hand, and the same in training as in prediction."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from fer_core.checkpoint import save_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import ImageError
from fer_core.labels import FER7
from fer_core.models import create_model
from fer_core.predict import Predictor
from fer_core.preprocess import Preprocess

GREY8 = Preprocess(size_px=8)
RGB8 = Preprocess(size_px=8, channels=3, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.4))


def plain(red: int, green: int, blue: int, side: int = 8) -> NDArray[np.uint8]:
    return np.full((side, side, 3), (red, green, blue), np.uint8)


@pytest.mark.parametrize(
    ("rgb", "grey"),
    [
        ((255, 0, 0), 76),  # 0.299 * 255 = 76.2
        ((0, 255, 0), 150),  # 0.587 * 255 = 149.7
        ((0, 0, 255), 29),  # 0.114 * 255 = 29.1
        ((200, 100, 50), 124),  # 59.8 + 58.7 + 5.7 = 124.2
        ((7, 7, 7), 7),
    ],
)
def test_grey_weights(rgb: tuple[int, int, int], grey: int) -> None:
    found = GREY8.resize(plain(*rgb))
    assert found.shape == (8, 8)
    assert (found == grey).all()


def test_grey_becomes_three_equal_channels() -> None:
    face = np.arange(64, dtype=np.uint8).reshape(8, 8)
    found = RGB8.resize(face)
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel], face)


def test_a_face_of_the_right_size_is_not_resampled() -> None:
    face = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(RGB8.resize(face), face)
    np.testing.assert_array_equal(RGB8.stack([face])[0].numpy(), face.transpose(2, 0, 1))


def test_shrinking_averages_over_areas() -> None:
    # Halves: the mean of each 2 x 2 square. Multiples of 4, so that nothing is rounded.
    face = np.random.default_rng(1).integers(0, 64, (16, 16), dtype=np.uint8) * 4
    by_hand = face.reshape(8, 2, 8, 2).mean((1, 3))
    np.testing.assert_array_equal(GREY8.resize(face), by_hand)
    # 12 -> 8: each takes one and a half, (2 a + b) / 3 and (b + 2 c) / 3 of every three.
    row = np.array([0, 90, 30, 60, 120, 0, 9, 3, 240, 30, 30, 90], np.uint8)
    expected = [30, 50, 80, 40, 7, 161, 30, 70]
    np.testing.assert_array_equal(GREY8.resize(np.tile(row, (12, 1))), np.tile(expected, (8, 1)))
    np.testing.assert_array_equal(GREY8.resize(np.tile(row[:, None], (1, 12))), np.tile(np.array([expected]).T, (1, 8)))


def test_enlarging_is_bilinear() -> None:
    # 4 -> 8, centres half a pixel in: 3/4 of the nearer and 1/4 of the farther, the border repeated.
    row = np.array([0, 40, 200, 100], np.uint8)
    expected = [0, 10, 30, 80, 160, 175, 125, 100]
    np.testing.assert_array_equal(GREY8.resize(np.tile(row, (4, 1))), np.tile(expected, (8, 1)))


@pytest.mark.parametrize("turned", [False, True])
def test_a_narrow_face_is_averaged_along_its_long_side_only(turned: bool) -> None:
    across = np.array([0, 40, 200, 100])
    along = np.array([0, 0, 0, 40] * 16)
    face = (across[None, :] + along[:, None]).astype(np.uint8)  # 64 high, 4 wide
    # Eight rows of the long side become one: two of eight are 40, 10 on the average.
    expected = np.tile(np.array([0, 10, 30, 80, 160, 175, 125, 100]) + 10, (8, 1))
    found = GREY8.resize(face.T.copy() if turned else face)
    np.testing.assert_array_equal(found, expected.T if turned else expected)


def test_normalised_by_hand() -> None:
    pixels = torch.tensor([0, 51, 102, 255], dtype=torch.uint8).view(1, 1, 2, 2).repeat(1, 3, 1, 1)
    found = RGB8.normalise(pixels)
    share = np.array([0, 0.2, 0.4, 1.0])
    by_hand = [(share - 0.5) / 0.1, (share - 0.4) / 0.2, (share - 0.3) / 0.4]
    np.testing.assert_allclose(found[0].flatten(1).numpy(), by_hand, rtol=1e-6, atol=1e-6)
    assert found.dtype == torch.float32
    torch.testing.assert_close(RGB8.normalise(pixels.double()), found)


def test_a_call_is_stack_and_normalise() -> None:
    found = Preprocess(size_px=8, mean=(0.508,), std=(0.255,))(
        [plain(200, 100, 50, 20), np.full((9, 9), 255, np.uint8)]
    )
    assert found.shape == (2, 1, 8, 8)
    np.testing.assert_allclose(found[0].numpy(), (124 / 255 - 0.508) / 0.255, rtol=1e-5)
    np.testing.assert_allclose(found[1].numpy(), (1 - 0.508) / 0.255, rtol=1e-5)


def test_no_faces() -> None:
    assert GREY8.stack([]).shape == (0, 1, 8, 8)
    assert GREY8.stack([]).dtype == torch.uint8
    assert RGB8([]).shape == (0, 3, 8, 8)
    assert RGB8([]).dtype == torch.float32
    assert RGB8(np.zeros((0, 48, 48), np.uint8)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    ("face", "said"),
    [
        (np.zeros((8, 8)), r"not float64 of the shape \(8, 8\)"),
        (np.zeros(64, np.uint8), r"the shape \(64,\)"),
        (np.zeros((8, 8, 4), np.uint8), r"the shape \(8, 8, 4\)"),
        (np.zeros((8, 8, 1), np.uint8), r"the shape \(8, 8, 1\)"),
        (np.zeros((0, 5), np.uint8), "A face of 5 x 0 pixels"),
        (np.zeros((5, 0, 3), np.uint8), "A face of 0 x 5 pixels"),
    ],
)
def test_what_is_no_face(face: NDArray[Any], said: str) -> None:
    with pytest.raises(ImageError, match=said):
        GREY8([face])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channels": 3}, r"mean has 1 and std 1 value\(s\), but there are 3 channel"),
        ({"std": [0.25, 0.25]}, r"mean has 1 and std 2 value\(s\)"),
        ({"std": [0.0]}, "std must be above zero, not 0.0"),
        ({"std": [float("nan")]}, "finite"),
        ({"mean": [float("inf")]}, "finite"),
        ({"channels": 2}, "1 or 3"),
        ({"size_px": 7}, "greater than or equal to 8"),
        ({"size_px": 1025}, "less than or equal to 1024"),
        ({"crop_margin": -0.5}, "greater than or equal to -0.4"),
        ({"crop_shift_y": 0.6}, "less than or equal to 0.5"),
        ({"interpolation": "bicubic"}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_definition_refuses(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Preprocess.model_validate(values)


def test_frozen_and_compared_by_value() -> None:
    again = Preprocess.model_validate_json(RGB8.model_dump_json())
    assert again == RGB8
    assert again != RGB8.model_copy(update={"align": False})
    with pytest.raises(ValidationError, match="frozen"):
        again.size_px = 9  # type: ignore[misc]


def test_cards_are_read_without_torch() -> None:
    code = "import sys, fer_core.card, fer_core.checkpoint; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_training_and_prediction_see_the_same(
    channels: int, make_checkpoint: Callable[..., Any], tiny_recipe: Callable[..., Any]
) -> None:
    """The golden path: one crop through the training code and through a predictor gives one answer."""
    from training.data import load_tensors
    from training.module import FERModule

    chance = np.random.default_rng(5)
    shapes = [(48, 48), (48, 48, 3), (130, 90, 3), (31, 57, 3), (200, 200), (20, 20), (300, 40, 3)]
    crops = [cv2.blur(chance.integers(0, 256, shape, dtype=np.uint8), (3, 3)) for shape in shapes]
    table = SampleTable.from_columns(
        {
            "sample_id": [str(i) for i in range(len(crops))],
            "image": [cv2.imencode(".png", c[..., ::-1] if c.ndim == 3 else c)[1].tobytes() for c in crops],
            "label": list(FER7.names[: len(crops)]),
            "split": ["train"] * len(crops),
            "width": [c.shape[1] for c in crops],
            "height": [c.shape[0] for c in crops],
            "source": ["noise"] * len(crops),
            "sha256": [str(i) for i in range(len(crops))],
        },
        FER7,
    )
    how = Preprocess(size_px=48, channels=channels, mean=(0.5, 0.45, 0.4)[:channels], std=(0.25, 0.2, 0.3)[:channels])
    checkpoint = make_checkpoint(preprocess=how, arguments={})
    recipe = tiny_recipe(preprocess=how.model_dump(), model={"architecture": "compact"})
    data = load_tensors(table, recipe)
    module = FERModule(checkpoint.load(), recipe, data, data).eval()
    with torch.no_grad():
        trained = module(data.pixels).numpy()
    predicted = Predictor(checkpoint).logits(crops)[0]
    assert np.abs(trained).max() > 0.1
    assert np.ptp(trained, axis=0).max() > 0.01  # the crops do differ
    np.testing.assert_allclose(predicted, trained, atol=1e-4)


def test_the_network_that_is_saved_is_the_one_that_answers(tmp_path: Path, make_checkpoint: Callable[..., Any]) -> None:
    """Grey weights and normalisation by hand, through a network that only averages its input."""
    how = Preprocess(size_px=8, mean=(0.2,), std=(0.5,))
    checkpoint = make_checkpoint(preprocess=how, arguments={"widths": [1], "depths": [1]})
    network = create_model("compact", num_classes=7, in_channels=1, widths=[1], depths=[1])
    with torch.no_grad():
        network.features.stage1[0].conv.weight.zero_()[0, 0, 1, 1] = 1  # the convolution hands on its input
        network.head.weight.copy_(torch.arange(1.0, 8)[:, None])
        network.head.bias.fill_(0.5)
    saved = save_checkpoint(tmp_path / "average", network, checkpoint.card)
    # (124 / 255 - 0.2) / 0.5 = 0.57255; batch normalisation of a fresh network divides by sqrt(1 + 1e-5).
    x = (124 / 255 - 0.2) / 0.5 / np.sqrt(1 + 1e-5)
    found = Predictor(saved).logits([plain(200, 100, 50, 30)])
    np.testing.assert_allclose(found, [[0.5 + x * np.arange(1, 8)]], rtol=1e-5)
