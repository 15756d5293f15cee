"""Every method on real architectures, against the package, and in the situations that break a map."""

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection
from torch import nn

from fer_core.errors import DataError, FERScopeError, ModelError
from fer_core.explain import explain_batch, get_method, methods, saliency_layers
from fer_core.models import create_model

NAMES = [method.name for method in methods() if not method.needs_tokens]


def size_of(method: str, layer_hw: tuple[int, int], side: int = 48) -> tuple[int, int]:
    """Of a map: the layer's, or what the method makes of an input of that side."""
    chosen = get_method(method)
    return chosen.input_map_hw(side, chosen.settings()) if chosen.input_map_hw else layer_hw


def lively(model: nn.Module, seed: int = 0) -> nn.Module:
    """Random running statistics and scales: as after training, normalisation does something."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            module.running_mean.copy_(0.2 * torch.randn(n, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(n, generator=generator))
            module.weight.data.copy_(0.5 + torch.rand(n, generator=generator))
            module.bias.data.copy_(0.2 * torch.randn(n, generator=generator))
    return model.eval()


def small_compact() -> nn.Module:
    torch.manual_seed(1)
    return lively(create_model("compact", num_classes=7, in_channels=1, widths=(8, 8, 12, 12), depths=(1, 1, 1, 1)))


def faces(n: int, channels: int = 1, size: int = 48) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize(
    ("name", "channels", "map_hw"),
    [("compact", 1, (6, 6)), ("vggnet-670k", 3, (5, 5)), ("torchvision/resnet18", 3, (2, 2))],
)
def test_every_method_runs_on(name: str, channels: int, map_hw: tuple[int, int], method: str) -> None:
    torch.manual_seed(0)
    model = lively(create_model(name, num_classes=7, in_channels=channels))
    few = {"steps": 8} if method == "integrated" else None
    raw = explain_batch(model, faces(1, channels), [2], method=method, options=few)
    assert raw.shape == (1, *size_of(method, map_hw))
    assert raw.dtype == np.float32
    assert np.isfinite(raw).all()
    assert raw.std() > 0


@pytest.mark.parametrize(
    ("method", "theirs", "steepness", "tolerance"),
    [
        ("gradcam", "GradCAM", 1, 1e-5),
        ("hirescam", "HiResCAM", 1, 1e-5),
        ("xgradcam", "XGradCAM", 1, 1e-5),
        ("layercam", "LayerCAM", 1, 1e-5),
        ("scorecam", "ScoreCAM", 1, 1e-5),
        (
            "ablationcam",
            "AblationCAM",
            100,
            1e-4,
        ),  # theirs takes differences of float32, and more of a small score is lost
        (
            "gradcam++",
            "GradCAMPlusPlus",
            100,
            1e-4,
        ),  # theirs adds 1e-6 to a denominator, which counts if gradients are small
    ],
)
def test_agrees_with_the_package_after_its_scaling(
    method: str, theirs: str, steepness: float, tolerance: float
) -> None:
    model, theirs_model, inputs = small_compact(), small_compact(), faces(1)
    for one in (model, theirs_model):
        one.head.weight.data *= steepness
        one.head.bias.data *= steepness
    layer, target = "features.stage4.0.relu", int(model(inputs).argmax())
    assert model(inputs)[0, target] > 0
    cam = getattr(pytorch_grad_cam, theirs)(theirs_model, [theirs_model.get_submodule(layer)])
    expected = cam(inputs, [ClassifierOutputTarget(target)])
    raw = explain_batch(model, inputs, [target], method=method, layer=layer)
    ours = scale_cam_image(scale_cam_image(np.maximum(raw, 0), (48, 48)))
    assert expected.max() > 0.5
    np.testing.assert_allclose(ours, expected, atol=tolerance)


def test_eigen_cam_is_the_packages_up_to_sign() -> None:
    model, inputs = small_compact(), faces(2)
    activations = model.features(inputs).detach().numpy()
    theirs = get_2d_projection(activations)
    ours = explain_batch(model, inputs, method="eigencam", layer="features.stage4.0.relu")
    for a, b in zip(ours, theirs, strict=True):
        sign = np.sign((a * b).sum())
        np.testing.assert_allclose(a, sign * b, atol=1e-5)
        assert a.flat[np.abs(a).argmax()] > 0


def block(activation: nn.Module, norm: bool) -> nn.Module:
    torch.manual_seed(3)
    layers = [nn.Conv2d(1, 6, 3), *([nn.BatchNorm2d(6)] if norm else []), activation]
    return lively(nn.Sequential(*layers, nn.Conv2d(6, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)))


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU])
@pytest.mark.parametrize("norm", [True, False])
def test_activation_in_place_changes_no_map(method: str, activation: type[nn.Module], norm: bool) -> None:
    inputs = faces(2, size=10)
    for layer in ("0", "1", "2") if norm else ("0", "1"):
        copied = explain_batch(block(activation(), norm), inputs, [1, (2, 0)], method=method, layer=layer)
        in_place = explain_batch(block(activation(inplace=True), norm), inputs, [1, (2, 0)], method=method, layer=layer)
        np.testing.assert_array_equal(in_place, copied, err_msg=f"{method} at layer {layer}")


class Alias(nn.Module):
    """Its layer `same` hands on its input, which is then changed in place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.same, self.head = nn.Conv2d(1, 3, 3), nn.Identity(), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.conv(x)
        branch = self.same(features)
        features.add_(100)
        return self.head(branch.mean((2, 3)) + 0 * features.sum((2, 3)))


def test_layer_that_hands_on_its_input_keeps_what_it_gave() -> None:
    model, inputs = Alias(), faces(1, size=8)
    with torch.no_grad():
        features, weights = model.conv(inputs)[0].numpy(), model.head.weight[1].numpy()
    expected = (weights[:, None, None] / 36 * features).sum(0)
    np.testing.assert_allclose(explain_batch(model, inputs, [1], layer="same")[0], expected, atol=1e-6)


def test_no_target_explains_the_predicted_class_of_each_face() -> None:
    model, inputs = small_compact(), 3 * faces(5)
    predicted = model(inputs).argmax(1)
    np.testing.assert_array_equal(explain_batch(model, inputs), explain_batch(model, inputs, predicted.tolist()))


def test_two_class_map_is_a_difference_on_a_deep_network() -> None:
    model, inputs = small_compact(), faces(1)
    fear, surprise, both = (explain_batch(model, inputs, [t]) for t in (2, 5, (2, 5)))
    np.testing.assert_allclose(both, fear - surprise, rtol=1e-3, atol=1e-8)


def test_many_faces_give_the_same_as_one_by_one() -> None:
    model, inputs = small_compact(), faces(70)
    together = explain_batch(model, inputs, [3] * 70)
    for i in (0, 63, 64, 69):
        np.testing.assert_allclose(together[i], explain_batch(model, inputs[i : i + 1], [3])[0], rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("method", NAMES)
def test_no_faces_give_no_maps_of_the_right_size(method: str) -> None:
    assert explain_batch(small_compact(), faces(0), [], method=method).shape == (0, *size_of(method, (6, 6)))


@pytest.mark.parametrize("method", NAMES)
def test_the_callers_grad_mode_makes_no_difference(method: str) -> None:
    model = small_compact()
    expected = explain_batch(model, faces(1), [2], method=method)
    with torch.no_grad():
        np.testing.assert_array_equal(explain_batch(model, faces(1), [2], method=method), expected)
    with torch.inference_mode():
        np.testing.assert_array_equal(explain_batch(model, faces(1), [2], method=method), expected)
        assert torch.is_inference_mode_enabled()


class Masked(nn.Module):
    """Multiplies features by the input, which autograd then has to keep."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.conv(x) * x).mean((2, 3)))


def test_faces_made_in_inference_mode_may_stand_in_a_graph() -> None:
    model = Masked()
    expected = explain_batch(model, faces(1, size=8), [1], layer="conv")
    with torch.inference_mode():
        inputs = 1 * faces(1, size=8)
        assert inputs.is_inference()
        np.testing.assert_array_equal(explain_batch(model, inputs, [1], layer="conv"), expected)


def test_double_precision_network() -> None:
    expected = explain_batch(small_compact(), faces(1), [2])
    raw = explain_batch(small_compact().double(), faces(1), [2])
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw, expected, rtol=1e-2, atol=1e-7)


class Odd(nn.Module):
    """Layers that cannot be explained."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.twice = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
        self.squeeze, self.idle = nn.Conv2d(4, 4, 1), nn.Conv2d(1, 1, 1)
        self.cut, self.head = nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.twice(self.twice(self.conv(x)))
        x = x + self.cut(x).detach()
        x = x * self.squeeze(x.mean((2, 3), keepdim=True))
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("twice", "runs more than once"),
        ("squeeze", "one cell for the whole face"),
        ("idle", "does not run"),
        ("cut", "No gradient reaches the layer cut"),
        ("head", r"shape \(1, 2\), not maps"),
        ("squeze", "no layer 'squeze'; did you mean squeeze"),
        ("xyz", "no layer 'xyz'; saliency_layers lists"),
        (" ", "no layer ' '"),
    ],
)
def test_layer_that_has_no_map_is_refused(layer: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        explain_batch(Odd(), faces(1, size=12), [0], layer=layer)


def test_layers_offered_leave_out_what_is_refused() -> None:
    assert [layer.name for layer in saliency_layers(Odd(), 1, 12)] == ["conv", "cut"]


def test_wrong_classes_inputs_and_methods_are_refused() -> None:
    model = small_compact()
    with pytest.raises(DataError, match="no class 7: this network has 7 classes"):
        explain_batch(model, faces(1), [7])
    with pytest.raises(DataError, match="no class -1"):
        explain_batch(model, faces(1), [(0, -1)])
    with pytest.raises(DataError, match="cannot be compared with itself"):
        explain_batch(model, faces(1), [(3, 3)])
    with pytest.raises(DataError, match="2 targets for 1 faces"):
        explain_batch(model, faces(1), [1, 2])
    with pytest.raises(ModelError, match=r"not of the shape \(1, 48, 48\)"):
        explain_batch(model, faces(1)[0], [1])
    with pytest.raises(FERScopeError, match="no saliency method 'grad-cam'; choose one of gradcam, hirescam"):
        explain_batch(model, faces(1), [1], method="grad-cam")


def test_broken_weights_are_named() -> None:
    model = small_compact()
    model.head.weight.data[0, 0] = float("nan")
    with pytest.raises(ModelError, match="not finite; its weights are broken"):
        explain_batch(model, faces(1), [1], layer="features.stage4.0.relu")
