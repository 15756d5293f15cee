"""Maps of networks so small that they can be worked out on paper.

A 3 x 3 picture, a 2 x 2 convolution with two channels, ReLU, and a linear layer over the four cells of each channel:

    picture  1 2 0    channel 1 = x[i,j] + x[i+1,j+1]   2 5    channel 2 = x[i,j+1] - x[i+1,j]    2 -1   after ReLU  2 0
             0 1 3                                      0 2                                      -1  3               0 3
             2 0 1
"""

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.explain import explain_batch

PICTURE = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]], np.float32)
CHANNELS = np.array([[[2, 5], [0, 2]], [[2, 0], [0, 3]]], np.float32)
# Class 0 weights each cell by hand, class 1 is the mean of each channel times 4 and -8, plus 1: 9 - 10 + 1 = 0.
HEAD = np.array(
    [[1, -1, 2, 0, 0, 3, -1, 2], [1, 1, 1, 1, -2, -2, -2, -2], [0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5]], np.float32
)
BIAS = np.array([0, 1, 0], np.float32)


def network(scale: float = 1.0) -> nn.Sequential:
    model = nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[[[1, 0], [0, 1]]], [[[0, 1], [-1, 0]]]]))
        model[3].weight.copy_(torch.from_numpy(HEAD * scale))
        model[3].bias.copy_(torch.from_numpy(BIAS))
    return model


def logits_of(picture: np.ndarray) -> np.ndarray:
    a = picture[:-1, :-1] + picture[1:, 1:]
    b = picture[:-1, 1:] - picture[1:, :-1]
    return HEAD @ np.maximum(np.concatenate([a.ravel(), b.ravel()]), 0) + BIAS


def explained(method: str, target: int | tuple[int, int], layer: str = "1") -> np.ndarray:
    inputs = torch.from_numpy(PICTURE)[None, None]
    return explain_batch(network(), inputs, [target], method=method, layer=layer)[0]


BY_HAND = {
    # Weights: the means of the gradients, 2/4 and 4/4.
    ("gradcam", 0): [[3, 2.5], [0, 4]],
    ("gradcam", 1): [[-2, 5], [0, -4]],
    # Gradient times activation, cell by cell, summed over the channels.
    ("hirescam", 0): [[2, -5], [0, 6]],
    ("hirescam", 1): [[-2, 5], [0, -4]],
    # Negative gradients count as zero.
    ("layercam", 0): [[2, 0], [0, 6]],
    ("layercam", 1): [[2, 5], [0, 2]],
    # Weights: sum of gradient times activation over sum of activation, (2 - 5) / 9 and 6 / 5.
    ("xgradcam", 0): [[26 / 15, -5 / 3], [0, 44 / 15]],
    ("xgradcam", 1): [[-2, 5], [0, -4]],
    # Weights: sum of g+ * g^2 / (2 g^2 + sum(A) g^3); 1/11 + 2/20 and 3/17 + 2/12.
    ("gradcam++", 0): 21 / 110 * CHANNELS[0] + 35 / 102 * CHANNELS[1],
    ("gradcam++", 1): 4 / 11 * CHANNELS[0],
    # Drops of the logit without channel 1 and without channel 2: -3 and 6; 9 and -10; 4.5 and 7.5.
    ("ablationcam", 0): [[6, -15], [0, 12]],
    ("ablationcam", 1): [[-2, 45], [0, -12]],
    ("ablationcam", 2): [[24, 22.5], [0, 31.5]],
}


@pytest.mark.parametrize(("method", "target"), BY_HAND)
def test_raw_map_is_the_one_worked_out_by_hand(method: str, target: int) -> None:
    np.testing.assert_allclose(explained(method, target), BY_HAND[method, target], rtol=1e-5, atol=1e-5)


def test_the_network_has_the_numbers_of_the_heading() -> None:
    inputs = torch.from_numpy(PICTURE)[None, None]
    model = network()
    np.testing.assert_array_equal(model[:2](inputs)[0].detach(), CHANNELS)
    np.testing.assert_allclose(model(inputs)[0].detach(), [3, 0, 12], atol=1e-6)


def test_score_cam_from_masked_pictures() -> None:
    # 2 x 2 brought to 3 x 3 with the corners kept, then stretched to 0..1.
    masks = [
        np.array([[2, 3.5, 5], [1, 2.25, 3.5], [0, 1, 2]]) / 5,
        np.array([[2, 1, 0], [1, 1.25, 1.5], [0, 1.5, 3]]) / 3,
    ]
    scores = np.array([logits_of(PICTURE * mask)[0] for mask in masks])
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = weights[0] * CHANNELS[0] + weights[1] * CHANNELS[1]
    np.testing.assert_allclose(explained("scorecam", 0), expected, rtol=1e-5)


def test_eigen_cam_is_the_first_principal_component_with_its_largest_value_positive() -> None:
    cells = CHANNELS.reshape(2, 4).T - CHANNELS.reshape(2, 4).T.mean(0)
    _, vectors = np.linalg.eigh(cells.T @ cells)
    expected = (cells @ vectors[:, -1]).reshape(2, 2)
    expected *= np.sign(expected.flat[np.abs(expected).argmax()])
    assert expected[0, 1] == expected.max()  # the cell with 5
    for target in (0, 1):
        np.testing.assert_allclose(explained("eigencam", target), expected, rtol=1e-5, atol=1e-5)


def test_convolution_before_its_activation_keeps_its_own_negative_values() -> None:
    # Through the ReLU the gradients are [[1, -1], [0, 0]] and [[0, 0], [0, 2]]: weights 0 and 0.5.
    np.testing.assert_allclose(explained("gradcam", 0, layer="0"), [[1, -0.5], [-0.5, 1.5]], atol=1e-6)
    np.testing.assert_allclose(explained("hirescam", 0, layer="0"), [[2, -5], [0, 6]], atol=1e-6)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "xgradcam", "ablationcam"])
def test_two_class_map_is_the_difference_of_the_two_maps(method: str) -> None:
    difference = explained(method, 0) - explained(method, 2)
    np.testing.assert_allclose(explained(method, (0, 2)), difference, rtol=1e-4, atol=1e-4)


def test_two_class_map_of_a_clipping_method_is_that_of_the_difference() -> None:
    gradients = (HEAD[0] - HEAD[2]).reshape(2, 2, 2)
    expected = (np.maximum(gradients, 0) * CHANNELS).sum(0)
    np.testing.assert_allclose(explained("layercam", (0, 2)), expected, atol=1e-6)


def test_ablation_of_a_score_that_is_zero_or_negative_keeps_the_sign_of_the_drop() -> None:
    assert logits_of(PICTURE)[1] == 0  # the paper divides by this
    np.testing.assert_allclose(explained("ablationcam", 1), 9 * CHANNELS[0] - 10 * CHANNELS[1], rtol=1e-5)
    # 3 - 12 < 0; without channel 1 the difference grows by 3 + 4.5, without channel 2 by 7.5 - 6.
    np.testing.assert_allclose(explained("ablationcam", (0, 2)), -7.5 * CHANNELS[0] - 1.5 * CHANNELS[1], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-4, 1e-2])
def test_grad_cam_plus_plus_with_small_gradients_follows_its_formula(scale: float) -> None:
    gradients = HEAD[0].reshape(2, 2, 2).astype(np.float64) * scale
    sums = CHANNELS.sum((1, 2), keepdims=True)
    with np.errstate(invalid="ignore"):
        alpha = np.nan_to_num(gradients**2 / (2 * gradients**2 + sums * gradients**3))
    weights = (np.maximum(gradients, 0) * alpha).sum((1, 2), keepdims=True)
    inputs = torch.from_numpy(PICTURE)[None, None]
    raw = explain_batch(network(scale), inputs, [0], method="gradcam++", layer="1")[0]
    np.testing.assert_allclose(raw, (weights * CHANNELS).sum(0), rtol=1e-4)


def test_each_face_of_a_batch_has_its_own_map() -> None:
    inputs = torch.from_numpy(np.stack([PICTURE, 2 * PICTURE, PICTURE]))[:, None]
    raw = explain_batch(network(), inputs, [0, 1, (0, 1)], method="gradcam", layer="1")
    np.testing.assert_allclose(raw[0], [[3, 2.5], [0, 4]], atol=1e-6)
    np.testing.assert_allclose(raw[1], [[-4, 10], [0, -8]], atol=1e-6)
    np.testing.assert_allclose(raw[2], [[5, -2.5], [0, 8]], atol=1e-6)
