"""The class activation maps of the package `grad-cam`, taken before it scales them.

The package cuts a map at zero and stretches it to 0..1 in `compute_cam_per_layer`, which makes a map of nothing look
like one of something. `get_cam_image`, one step earlier, keeps sign and scale; it is what runs here, on activations and
gradients that `record` took. Of the package's own recording nothing is used: it differentiates every parameter, clears
their gradients, and keeps the graph.

Eigen-smoothing is not offered: it replaces the map by a principal component, whose sign and scale mean nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.explain.methods import Method, Option, Settings, register_method
from fer_core.explain.progress import Bars
from fer_core.explain.record import Pass, Score
from fer_core.explain.tokens import grid_of

Map = NDArray[np.float32]


def _cam(name: str, model: nn.Module, **arguments: Any) -> Any:
    """One of the package's classes on a network. Without layers it sets no hooks."""
    import pytorch_grad_cam as package  # three seconds that only a first map pays

    package.score_cam.tqdm = package.ablation_cam.tqdm = Bars
    return getattr(package, name)(model, [], **arguments)


def _image(cam: Any, p: Pass, layer: nn.Module, targets: Any) -> Map:
    raw = cam.get_cam_image(p.inputs, layer, targets, p.activations, p.gradients, eigen_smooth=False)
    return np.asarray(raw, np.float32)


def _of_package(name: str) -> Callable[[Pass, Settings], Map]:
    def run(p: Pass, _settings: Settings) -> Map:
        return _image(_cam(name, p.model), p, p.layer, p.scores)

    return run


def _grad_cam_plus_plus(p: Pass, _settings: Settings) -> Map:
    """The package adds 1e-6 to a denominator of the order of the squared gradient, and gradients of 1e-4 are common.

    Gradients divided and activations multiplied by one number leave the method's map as it is, and make that number
    small against the largest gradient, which becomes 1.
    """
    gradients = np.asarray(p.gradients, np.float32)
    largest = np.abs(gradients).max((1, 2, 3), keepdims=True)
    unit = np.where(largest > 1e-30, largest, 1).astype(np.float32)
    scaled = dataclasses.replace(p, activations=p.activations * unit, gradients=np.divide(gradients, unit))
    return _of_package("GradCAMPlusPlus")(scaled, {})


def _eigen_cam(p: Pass, _settings: Settings) -> Map:
    """The package's `get_2d_projection` but for two things.

    It asks for all singular vectors, which for a 100 x 100 map is a matrix of 10,000 x 10,000 (400 MB); only the first
    is needed. And the sign of a singular vector is arbitrary: here the value of largest size is positive
    (Seg-Eigen-CAM, doi:10.3390/app15137562).
    """
    maps = []
    for activations in p.activations:
        cells = activations.reshape(len(activations), -1).T
        cells = cells - cells.mean(0)
        _, _, directions = np.linalg.svd(cells, full_matrices=False)
        projection = cells @ directions[0]
        sign = np.float32(-1.0 if projection[np.abs(projection).argmax()] < 0 else 1.0)
        maps.append((sign * projection).reshape(activations.shape[1:]))
    return np.stack(maps)


def _score_cam(p: Pass, settings: Settings) -> Map:
    """Face by face: the package holds a masked copy of the input for every channel of every face it is given."""
    cam = _cam("ScoreCAM", p.model)
    cam.batch_size = settings["batch_size"]
    return np.concatenate([_image(cam, _only(p, i), p.layer, p.scores[i : i + 1]) for i in range(len(p.inputs))])


def _only(p: Pass, i: int) -> Pass:
    return dataclasses.replace(p, inputs=p.inputs[i : i + 1], activations=p.activations[i : i + 1])


def _ablation_cam(p: Pass, settings: Settings) -> Map:
    """The paper's weight is the drop (y - y_k) / y when channel k is set to zero; here it is y - y_k, in logits.

    Dividing by the score y leaves the picture as it is where y is positive, turns its sign where y is negative, and has
    no answer where y is 0; logits, and differences of two, may be all three.
    """
    unharmed = [float(score(logits.double())) for score, logits in zip(p.scores, p.logits, strict=True)]
    targets = [_drop_from(score, y) for score, y in zip(p.scores, unharmed, strict=True)]
    bypass = _Bypass(p.model, p.layer)
    cam = _cam("AblationCAM", bypass, ablation_layer=_Ablation(), batch_size=settings["batch_size"])
    with bypass.connected():
        return _image(cam, p, bypass.tap, targets)


def _drop_from(score: Score, unharmed: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """A score that is 1 for the unharmed network, so that the package's (y - y_k) / y is the drop itself."""
    return lambda logits: score(logits.double()) - unharmed + 1.0


class _Bypass(nn.Module):
    """What Ablation-CAM is given for the network: it leads the layer's output through `tap`.

    The package hooks the layer and replaces it in its parent, and where a pass fails it undoes neither. Here it does so
    to `tap`, which is thrown away. The network stands in a list so that it is no submodule and stays out of its reach.
    """

    def __init__(self, model: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.tap: nn.Module = nn.Identity()
        self.network = [model]
        self.layer = [layer]
        self.place = nn.Parameter(next(model.parameters()).new_empty(0), requires_grad=False)  # tells the device

    def connected(self) -> Any:
        """While it is open, the layer's output takes the detour; the handle removes itself."""
        grid = grid_of(self.network[0])

        def detour(_module: nn.Module, _arguments: Any, output: torch.Tensor) -> torch.Tensor:
            if grid is not None and output.ndim == 3:
                prefix, maps = grid.split(output)
                return grid.join(prefix, self.tap(maps))
            # A copy goes on, because the package keeps the tap's output and a later layer may change its own in place.
            return self.tap(output).clone()  # type: ignore[no-any-return]

        return self.layer[0].register_forward_hook(detour)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (N, K)."""
        return self.network[0](inputs)  # type: ignore[no-any-return]


class _Ablation(nn.Module):
    """Sets a channel to zero, as in the paper; called by `AblationCAM` under the names of its own `AblationLayer`.

    That one subtracts ten million from a channel where activations can be negative, and ten million more for each
    further channel of the batch, which leaves any network's range.
    """

    def activations_to_be_ablated(self, activations: NDArray[np.float32], _ratio: float) -> NDArray[np.int64]:
        """All channels."""
        self.indices = np.arange(len(activations))
        return self.indices

    def set_next_batch(self, input_batch_index: int, activations: torch.Tensor, num_channels_to_ablate: int) -> None:
        """The face's activations, once for each channel of the batch."""
        self.unharmed = activations[input_batch_index].repeat(num_channels_to_ablate, 1, 1, 1)

    def forward(self, _inputs: torch.Tensor) -> torch.Tensor:
        """(channels of the batch, channels, h, w), one channel of each at zero."""
        n = len(self.unharmed)
        self.unharmed[torch.arange(n), torch.from_numpy(self.indices[:n])] = 0
        return self.unharmed


_ONE_OF_EACH = "One forward pass, and a backward pass from the logits to the layer."
_BATCH_SIZE = Option("batch_size", int, 32, 1, 1024, "Copies of the face that go through the network at once.")


def _one_each(_channels: int) -> tuple[int, int]:
    return (1, 1)


register_method(
    Method(
        name="gradcam",
        title="Grad-CAM",
        summary="Each channel of the layer, weighted by the mean of its gradient. Negative values speak against the "
        "class. It can mark places that the score does not depend on; HiResCAM shows whether it did.",
        cost=_ONE_OF_EACH,
        passes=_one_each,
        class_specific=True,
        signed=True,
        uses_gradients=True,
        reference="Selvaraju et al. 2017, Grad-CAM, arXiv 1610.02391",
        run=_of_package("GradCAM"),
    )
)
register_method(
    Method(
        name="hirescam",
        title="HiResCAM",
        summary="Activation times gradient, cell by cell: what each cell adds to the score, exactly so where only "
        "linear layers follow. Negative values speak against the class.",
        cost=_ONE_OF_EACH,
        passes=_one_each,
        class_specific=True,
        signed=True,
        uses_gradients=True,
        reference="Draelos and Carin 2020, HiResCAM, arXiv 2011.08891",
        run=_of_package("HiResCAM"),
    )
)
register_method(
    Method(
        name="gradcam++",
        title="Grad-CAM++",
        summary="Each channel, weighted by its positive gradients such that several separate places count alike. Shows "
        "evidence for the class only; meant for layers after their activation.",
        cost=_ONE_OF_EACH,
        passes=_one_each,
        class_specific=True,
        signed=False,
        uses_gradients=True,
        reference="Chattopadhay et al. 2018, Grad-CAM++, arXiv 1710.11063",
        run=_grad_cam_plus_plus,
    )
)
register_method(
    Method(
        name="xgradcam",
        title="XGrad-CAM",
        summary="Each channel, weighted by the mean of its gradient over the places where it is active. Negative "
        "values speak against the class; meant for layers after their activation.",
        cost=_ONE_OF_EACH,
        passes=_one_each,
        class_specific=True,
        signed=True,
        uses_gradients=True,
        reference="Fu et al. 2020, Axiom-based Grad-CAM, arXiv 2008.02312",
        run=_of_package("XGradCAM"),
    )
)
register_method(
    Method(
        name="layercam",
        title="Layer-CAM",
        summary="Activation times positive gradient, cell by cell; usable at early, finer layers. Shows evidence for "
        "the class only.",
        cost=_ONE_OF_EACH,
        passes=_one_each,
        class_specific=True,
        signed=False,
        uses_gradients=True,
        reference="Jiang et al. 2021, LayerCAM, doi:10.1109/TIP.2021.3089943",
        run=_of_package("LayerCAM"),
    )
)
register_method(
    Method(
        name="eigencam",
        title="Eigen-CAM",
        summary="The first principal component of the activations: what varies most across the face, whatever the "
        "class. It explains no class, and its sign says nothing.",
        cost="One forward pass and a singular value decomposition.",
        passes=lambda _channels: (1, 0),
        class_specific=False,
        signed=False,
        uses_gradients=False,
        reference="Muhammad and Yeasin 2020, Eigen-CAM, arXiv 2008.00299",
        run=_eigen_cam,
    )
)
register_method(
    Method(
        name="scorecam",
        title="Score-CAM",
        summary="Each channel, weighted by the score of the face seen through that channel as a mask; the weights are "
        "a softmax over the channels, so that none is negative.",
        cost="A forward pass per channel of the layer, no backward pass.",
        passes=lambda channels: (1 + channels, 0),
        class_specific=True,
        signed=False,
        uses_gradients=False,
        reference="Wang et al. 2020, Score-CAM, arXiv 1910.01279",
        run=_score_cam,
        options=(_BATCH_SIZE,),
    )
)
register_method(
    Method(
        name="ablationcam",
        title="Ablation-CAM",
        summary="Each channel, weighted by how far the score falls when the channel is set to zero. Negative values "
        "speak against the class.",
        cost="A forward pass per channel of the layer, no backward pass.",
        passes=lambda channels: (2 + channels, 0),
        class_specific=True,
        signed=True,
        uses_gradients=False,
        reference="Desai and Ramaswamy 2020, Ablation-CAM, doi:10.1109/WACV45572.2020.9093360",
        run=_ablation_cam,
        options=(_BATCH_SIZE,),
    )
)
