"""Features are what goes into the layer that gives the logits; the network is left as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import ImageError, ModelError
from fer_core.features import features
from fer_core.predict import Predictor
from fer_core.preprocess import Preprocess

Picture = NDArray[np.uint8]


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_pre_hooks) for module in network.modules())


def test_the_last_layer_makes_logits_of_them(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    checkpoint = make_checkpoint()
    predictor = Predictor(checkpoint)
    found = features(predictor, faces, batch_size=9)
    assert found.shape == (28, 16)
    assert found.dtype == np.float32
    weights = checkpoint.load().state_dict()
    logits = found @ weights["head.weight"].numpy().T + weights["head.bias"].numpy()
    np.testing.assert_allclose(logits, predictor.logits(faces)[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(features(checkpoint, faces, batch_size=9), found)
    assert hooks(predictor.network) == 0


def test_a_convolution_may_be_the_last_layer(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    how = Preprocess(size_px=64, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    checkpoint = make_checkpoint(architecture="torchvision/squeezenet1_1", arguments={}, preprocess=how)
    found = features(Predictor(checkpoint), faces[:3])
    with torch.no_grad():
        maps = checkpoint.load().features(how(faces[:3]))
    assert found.shape == (3, 512)
    np.testing.assert_allclose(found, maps.mean((2, 3)).numpy(), rtol=1e-3, atol=1e-4)


class Tokens(nn.Module):
    """Ends in a linear layer on (N, H, W, D), as networks with channels last do; one of seven comes earlier."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 7, 1)
        self.head = nn.Linear(7, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.first(x).permute(0, 2, 3, 1)).mean((1, 2))  # type: ignore[no-any-return]


def test_places_are_averaged_over(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint())
    predictor.network = Tokens().requires_grad_(False)
    expected = predictor.network.first(predictor.card.preprocess(faces).to("cpu")).mean((2, 3))
    np.testing.assert_allclose(features(predictor, faces), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_no_faces_and_progress(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint())
    told: list[tuple[int, int]] = []
    assert features(predictor, [], progress=lambda *step: told.append(step)).shape == (0, 16)
    assert told == []
    features(predictor, faces, batch_size=12, progress=lambda *step: told.append(step))
    assert told == [(12, 28), (24, 28), (28, 28)]


def test_the_network_is_left_alone_after_errors(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint())
    with pytest.raises(ImageError):
        features(predictor, [faces[0], np.zeros((0, 3), np.uint8)])
    assert hooks(predictor.network) == 0
    predictor.network = nn.Flatten()
    with pytest.raises(ModelError, match="compact has no layer with 7 outputs"):
        features(predictor, faces)


def test_threads_may_share_a_predictor(make_checkpoint: Callable[..., Any], faces: list[Picture]) -> None:
    predictor = Predictor(make_checkpoint())
    alone = [features(predictor, faces[:14], batch_size=2), features(predictor, faces[14:], batch_size=2)]
    for _ in range(5):
        together: dict[int, NDArray[np.float32]] = {}
        start = threading.Barrier(3)

        def run(part: int, start: threading.Barrier = start, out: dict[int, Any] = together) -> None:
            start.wait()
            out[part] = features(predictor, faces[14 * part : 14 * part + 14], batch_size=2)

        def disturb(start: threading.Barrier = start) -> None:
            start.wait()
            predictor.logits(faces, batch_size=1)

        threads = [threading.Thread(target=run, args=(part,)) for part in (0, 1)] + [threading.Thread(target=disturb)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        np.testing.assert_array_equal(together[0], alone[0])
        np.testing.assert_array_equal(together[1], alone[1])
    assert hooks(predictor.network) == 0
