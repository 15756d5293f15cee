"""dlib's weights, from a file written here by the rules of its format."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.errors import UnavailableError
from fer_core.models import create_model
from training.dlib_weights import load_dlib
from training.merged import restore_statistics
from training.recipe import load_recipe
from training.start import first_network


def whole(number: int) -> bytes:
    size = max(1, (number.bit_length() + 7) // 8)
    return bytes([size]) + number.to_bytes(size, "little")


def layer(name: bytes, values: np.ndarray) -> bytes:
    sizes = b"".join(whole(n) for n in (2, values.size, 1, 1, 1))
    return whole(len(name))[1:] + name + sizes + values.astype("<f4").tobytes() + b"\x01\x00\x01\x02"


def written(network: nn.Module, seed: int = 0) -> tuple[bytes, list[np.ndarray]]:
    """A file for the network's layers, and what stands in it: per convolution weights, shift, scale and offset."""
    rng = np.random.default_rng(seed)
    content, numbers = b"\x01\x01\x01\x0dloss_metric_2", []
    for convolution in (m for m in network.modules() if isinstance(m, nn.Conv2d)):
        out = convolution.out_channels
        weight = rng.normal(0, convolution.weight[0].numel() ** -0.5, convolution.weight.numel())
        shift, offset = rng.normal(0, 0.1, (2, out))
        scale = rng.uniform(0.5, 1.5, out)
        content += layer(b"con_4", np.concatenate([weight, shift])) + layer(b"affine_", np.concatenate([scale, offset]))
        numbers += [weight, shift, scale, offset]
    return content + b"\x04fc_2", numbers


def tiny() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
    ).eval()


def test_a_network_answers_by_the_numbers_of_the_file(tmp_path: Path) -> None:
    """By hand: scale (convolution + shift) + offset, twice."""
    network = tiny()
    content, numbers = written(network)
    (tmp_path / "net.dat").write_bytes(content)
    load_dlib(network, tmp_path / "net.dat")
    x = torch.randn(5, 2, 9, 9, dtype=torch.float64)
    y = x
    for number, channels in enumerate((3, 4)):
        weight, shift, scale, offset = (torch.tensor(n.astype("f4")).double() for n in numbers[4 * number :][:4])
        y = nn.functional.conv2d(y, weight.view(channels, -1, 3, 3), shift)
        y = y * scale.view(1, -1, 1, 1) + offset.view(1, -1, 1, 1)
        if not number:
            y = y.relu()
    torch.testing.assert_close(network(x.float()).double(), y, atol=1e-5, rtol=1e-5)


def test_restored_statistics_change_no_answer_and_are_those_of_the_faces(tmp_path: Path) -> None:
    network = tiny()
    (tmp_path / "net.dat").write_bytes(written(network)[0])
    load_dlib(network, tmp_path / "net.dat")
    x = torch.randn(64, 2, 9, 9) * 3 + 1
    before = network(x)
    restore_statistics(network, x)
    assert not network.training
    torch.testing.assert_close(network(x), before, atol=1e-4, rtol=1e-4)
    raw = network[0](x)
    torch.testing.assert_close(network[1].running_mean, raw.mean((0, 2, 3)))
    torch.testing.assert_close(network[1].running_var, raw.var((0, 2, 3), unbiased=False))
    torch.testing.assert_close(network.train()(x), before, atol=1e-3, rtol=1e-3)  # training begins where it stands


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d[: len(d) // 2], "normalisations, where the network has 2"),
        (lambda d: d.replace(b"con_4", b"con_5"), "no layer con_4 after byte 0"),
        (lambda d: d[: d.rindex(b"affine_") + 30], "in the middle of a layer"),
        (lambda d: d.replace(whole(3 * 2 * 9 + 3), whole(3 * 2 * 9 + 4), 1), r"\[2, 58, 1, 1, 1\] at byte .*, where"),
    ],
)
def test_a_file_of_another_network(spoil: object, said: str, tmp_path: Path) -> None:
    network = tiny()
    (tmp_path / "net.dat").write_bytes(spoil(written(network)[0]))  # type: ignore[operator]
    with pytest.raises(ValueError, match=said):
        load_dlib(network, tmp_path / "net.dat")


def test_the_recipe_starts_from_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On grey faces it answers as the published network does on colours that are all the same."""
    published = create_model("dlib-resnet", num_classes=128, in_channels=3).eval()
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "dlib_face_recognition_resnet_model_v1.dat"
    file.write_bytes(written(published)[0])
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: found if name == "face_recognition_models" else real(name, *a)
    )
    network, words = first_network(load_recipe("dlib-resnet"))
    assert words.startswith("weights of the package face_recognition_models")
    load_dlib(published, file)
    grey = torch.rand(2, 1, 118, 118)
    with torch.no_grad():
        mine = network.eval().get_submodule("features")(grey)
        theirs = published.get_submodule("features")(grey.expand(2, 3, 118, 118))
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)
    assert network.get_submodule("head").out_features == 7
    file.write_bytes(b"nothing")
    with pytest.raises(UnavailableError, match=r"face_recognition_models at .* cannot be read \(0 normalisations"):
        first_network(load_recipe("dlib-resnet"))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
    monkeypatch.setattr(sys, "path", [])
    importlib.invalidate_caches()
    said = r"The package face_recognition_models is not installed, .*--set model\.pretrained=none"
    with pytest.raises(UnavailableError, match=said):
        first_network(load_recipe("dlib-resnet"))


@pytest.mark.parametrize(("side", "maps"), [(103, 1), (118, 1), (150, 2)])
def test_sides_of_maps(side: int, maps: int) -> None:
    network = create_model("dlib-resnet", num_classes=7, in_channels=1).eval()
    with torch.no_grad():
        assert network.get_submodule("features")(torch.zeros(1, 1, side, side)).shape == (1, 256, maps, maps)
    own = sum(p.numel() for name, p in network.named_parameters() if name.startswith("features."))
    assert own == 5_568_032 + 7_104  # convolutions and normalisations, counted by hand
