"""An explanation changes nothing about the network: after success, after a failure, among threads."""

import concurrent.futures
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_grad_cam import ScoreCAM
from torch import nn

from fer_core.errors import ModelError
from fer_core.explain import explain_batch, methods, reporting, saliency_layers
from fer_core.explain.record import lock_of
from fer_core.models import create_model

NAMES = [method.name for method in methods() if not method.needs_tokens]
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Fuse(nn.Module):
    """Hands on its input until it blows, in the pass of the number given."""

    def __init__(self) -> None:
        super().__init__()
        self.passes, self.blows_at = 0, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        if self.passes == self.blows_at:
            raise RuntimeError("the fuse has blown")
        return x


def network(blows_at: int = 0) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Conv2d(6, 5, 3), nn.Dropout(0.5)),
        *(Fuse(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)),
    )
    model.train()
    model[1].eval()  # modes and flags are mixed on purpose
    model[0].weight.requires_grad_(False)
    model[8].weight.grad = torch.full((4, 5), 7.0)
    model[0].register_forward_hook(lambda *_: None)  # somebody else's
    model[5].blows_at = blows_at
    return model


def state(model: nn.Module) -> dict[str, Any]:
    return {
        "modules": [(name, id(module), module.training) for name, module in model.named_modules()],
        "hooks": [tuple(getattr(module, kind)) for module in model.modules() for kind in HOOKS],
        "flags": [(name, parameter.requires_grad) for name, parameter in model.named_parameters()],
        "grads": [None if p.grad is None else (id(p.grad), p.grad.tolist()) for p in model.parameters()],
        "tensors": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        "grad mode": torch.is_grad_enabled(),
        "free": lock_of(model).acquire(blocking=False) and lock_of(model).release() is None,
    }


def faces(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 1, 10, 10, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", NAMES)
def test_after_success(method: str) -> None:
    model = network()
    before = state(model)
    explain_batch(model, faces(), [1, (2, 0)], method=method, layer="2")
    assert state(model) == before


@pytest.mark.parametrize(
    ("method", "blows_at"),
    [*((method, 1) for method in NAMES), *((method, n) for method in ("scorecam", "ablationcam") for n in (2, 3))],
)
def test_after_a_failure_inside_the_network(method: str, blows_at: int) -> None:
    model = network(blows_at)
    before = state(model)
    with pytest.raises(RuntimeError, match="the fuse has blown"):
        explain_batch(model, faces(), [1, 2], method=method, layer="2")
    assert state(model) == before
    model[5].blows_at = 0
    fresh = explain_batch(network(), faces(), [1, 2], method=method, layer="2")
    np.testing.assert_array_equal(explain_batch(model, faces(), [1, 2], method=method, layer="2"), fresh)


def test_after_a_failure_while_layers_are_listed() -> None:
    model = network(blows_at=1)
    before = state(model)
    with pytest.raises(ModelError, match=r"does not take a picture of 10 x 10 pixels and 1 channel\(s\): the fuse"):
        saliency_layers(model, 1, 10)
    assert state(model) == before


def test_after_layers_are_listed() -> None:
    model = network()
    before = state(model)
    assert [layer.name for layer in saliency_layers(model, 1, 10)] == ["0", "2", "3"]
    assert state(model) == before


def test_no_hook_is_left_on_an_architecture() -> None:
    model = create_model("torchvision/resnet18", num_classes=7, in_channels=3)
    inputs = torch.randn(1, 3, 48, 48)
    for method in NAMES:
        explain_batch(model, inputs, [1], method=method, layer="layer1.0")
    for module in model.modules():
        assert not any(getattr(module, kind) for kind in HOOKS)


def test_the_graph_is_let_go() -> None:
    seen: list[torch.Tensor] = []
    model = network()
    model[8].register_forward_hook(lambda _m, _a, output: seen.append(output))
    explain_batch(model, faces(), [1, 2], layer="2")
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        seen[0].sum().backward()


def test_nothing_before_the_layer_is_differentiated() -> None:
    seen: list[bool] = []
    model = network()
    model[0].weight.requires_grad_(True)
    model[2].register_forward_hook(lambda _m, arguments, _o: seen.append(arguments[0].requires_grad))
    explain_batch(model, faces(), [1, 2], layer="2")
    assert seen == [False]


def test_four_threads_get_the_answers_of_one() -> None:
    model = create_model("compact", num_classes=7, in_channels=1, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1)).eval()
    inputs = torch.randn(1, 1, 48, 48)
    tasks = [(method, layer, target) for method in NAMES for target in (0, 5) for layer in ("stage3", "stage4")]

    def run(task: tuple[str, str, int]) -> np.ndarray:
        method, stage, target = task
        return explain_batch(model, inputs, [target], method=method, layer=f"features.{stage}.0.relu")

    alone = [run(task) for task in tasks]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        together = list(threads.map(run, tasks * 3))
    for task, one, other in zip(tasks * 3, alone * 3, together, strict=True):
        np.testing.assert_array_equal(other, one, err_msg=str(task))


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_batch_size_changes_the_cost_only(method: str) -> None:
    model = network()
    expected = explain_batch(model, faces(), [1, 2], method=method, layer="2")
    counted = model[5]
    for size, per_face in ((1, 6), (4, 2), (6, 1), (100, 1)):
        counted.passes = 0
        raw = explain_batch(model, faces(), [1, 2], method=method, layer="2", options={"batch_size": size})
        np.testing.assert_allclose(raw, expected, rtol=1e-4, atol=1e-6)
        assert counted.passes == 2 * per_face + (2 if method == "ablationcam" else 1)


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_bars_stay_out_of_the_log_and_progress_is_told(method: str, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int]] = []
    with reporting(lambda done, total: told.append((done, total))):
        explain_batch(network(), faces(1), [1], method=method, layer="2", options={"batch_size": 4})
    explain_batch(network(), faces(1), [1], method=method, layer="2")
    assert told == [(1, 2), (2, 2)]
    assert capfd.readouterr() == ("", "")


def test_bars_of_others_stay(capfd: pytest.CaptureFixture[str]) -> None:
    explain_batch(network(), faces(1), [1], method="scorecam", layer="2")
    model = network()
    ScoreCAM(model, [model[2]])(faces(1), None)
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_progress_can_stop_an_explanation(method: str) -> None:
    model = network()
    before = state(model)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), reporting(stop):
        explain_batch(model, faces(1), [1], method=method, layer="2", options={"batch_size": 2})
    assert state(model) == before


class WithoutAuxiliary(nn.Module):
    """As torchvision leaves GoogLeNet: a child that is None, which the package's search falls over."""

    def __init__(self) -> None:
        super().__init__()
        self.register_module("auxiliary", None)
        self.inner = network()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def test_child_that_is_none_does_no_harm() -> None:
    raw = explain_batch(WithoutAuxiliary(), faces(1), [1], method="ablationcam", layer="inner.2")
    np.testing.assert_array_equal(raw, explain_batch(network(), faces(1), [1], method="ablationcam", layer="2"))
