"""Integrated gradients and occlusion against sums done by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.checkpoint import open_checkpoint
from fer_core.data.schematic import SchematicSpec, draw_face
from fer_core.errors import FERScopeError
from fer_core.explain import Explainer, explain_batch
from fer_core.models import create_model


class Linear(nn.Module):
    """Two logits, each a weighted sum of the pixels."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ncij,kij->nk", x, self.weights)


class Square(nn.Module):
    """Logits 0 and (sum of x squared); the gradient 2 x grows along the way, so that its mean is what counts."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = self.scale * (x**2).sum((1, 2, 3))
        return torch.stack([0 * total, total], 1)


def face(side: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))


def test_integrated_gradients_of_a_linear_network_are_weight_times_way() -> None:
    weights = np.arange(32, dtype=np.float64).reshape(2, 4, 4)
    x = face()
    way = (x - x.mean())[0, 0].numpy()
    raw = explain_batch(Linear(weights), x, [1], method="integrated")
    np.testing.assert_allclose(raw[0], weights[1] * way, rtol=1e-4, atol=1e-5)
    versus = explain_batch(Linear(weights), x, [(1, 0)], method="integrated")
    np.testing.assert_allclose(versus[0], (weights[1] - weights[0]) * way, rtol=1e-4, atol=1e-5)


def test_integrated_gradients_of_squares_are_differences_of_squares() -> None:
    x = face() + 2
    raw = explain_batch(Square(), x, [1], method="integrated")
    mean = float(x.mean())
    # The integral of 2 (m + a (x - m)) (x - m) over a from 0 to 1 is x^2 - m^2.
    np.testing.assert_allclose(raw[0], (x**2)[0, 0].numpy() - mean**2, rtol=1e-4)


def small() -> nn.Module:
    torch.manual_seed(1)
    model = create_model("compact", num_classes=7, in_channels=1, widths=(8, 8, 12, 12), depths=(1, 1, 1, 1)).eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    return model


@pytest.mark.parametrize("steps", [8, 64])
def test_completeness_to_one_per_cent(steps: int) -> None:
    model = small()
    x = 2 * torch.randn(6, 1, 48, 48, generator=torch.Generator().manual_seed(3))
    x[2:] += 3 * torch.sin(torch.arange(48) / 5)
    with torch.no_grad():
        empty = x.mean((2, 3), keepdim=True).expand_as(x)
        difference = (model(x) - model(empty))[:, 4].numpy()
    raw = explain_batch(model, x, [4] * 6, method="integrated", options={"steps": steps})
    assert np.abs(difference).max() > 0.1
    assert (np.abs(raw.sum((1, 2)) - difference) <= 0.01 * np.abs(difference) + 1e-3).all()


@pytest.mark.slow
def test_completeness_of_the_shipped_model() -> None:
    explainer = Explainer(open_checkpoint("compact"))
    spec = SchematicSpec(size_px=48)
    crops = [draw_face(spec, index).image for index in (3, 8)]
    maps = explainer.explain_faces(crops, method="integrated")
    x = explainer.card.preprocess(crops)
    with torch.no_grad():
        logits = explainer.network(x) - explainer.network(x.mean((2, 3), keepdim=True).expand_as(x))
    difference = np.array([float(row[s.target]) for s, row in zip(maps.scores, logits, strict=True)])
    assert maps.layer == "input"
    assert (np.abs(maps.raw.sum((1, 2)) - difference) <= 0.01 * np.abs(difference) + 1e-3).all()


def test_occlusion_of_a_linear_network_is_each_squares_sum() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 6, 6))
    x = face(6)
    raw = explain_batch(Linear(weights), x, [0], method="occlusion", options={"cells": 3})
    added = weights[0] * (x - x.mean())[0, 0].numpy()
    expected = [[added[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].sum() for c in range(3)] for r in range(3)]
    np.testing.assert_allclose(raw[0], expected, rtol=1e-3, atol=1e-5)


def test_occlusion_has_no_more_squares_than_pixels() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 6, 6))
    assert explain_batch(Linear(weights), face(6), [0], method="occlusion").shape == (1, 6, 6)
    assert explain_batch(Linear(weights), face(6)[:0], [], method="occlusion", options={"cells": 4}).shape == (0, 4, 4)
    uneven = explain_batch(Linear(np.ones((2, 7, 7))), face(7), [0], method="occlusion", options={"cells": 3})
    assert uneven.sum() == pytest.approx(0, abs=1e-4)  # every pixel hidden once: the sum of x less its mean


@pytest.mark.parametrize("layer", ["features.stage3.2.relu", "features.stage3.2.conv", "features.stage4.0"])
def test_many_crops_at_once_give_what_one_by_one_gives(layer: str) -> None:
    explainer = Explainer(open_checkpoint("compact"))
    chance = np.random.default_rng(1)
    crops = [chance.integers(0, 256, (48, 48), np.uint8) for _ in range(3)]
    together = explainer.explain_faces(crops, ["fear", None, 3], method="hirescam", layer=layer)
    for row, (crop, target) in enumerate(zip(crops, ("fear", None, 3), strict=True)):
        alone = explainer.explain(crop, method="hirescam", layer=layer, target=target)
        np.testing.assert_allclose(together.raw[row], alone.raw, rtol=1e-3, atol=1e-5)
        assert together.scores[row].target == alone.target.index
    assert explainer.explain(crops[0], method="occlusion").layer == "input"
    with pytest.raises(FERScopeError, match="2 targets for 3 faces"):
        explainer.explain_faces(crops, [1, 2])
