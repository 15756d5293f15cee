"""Networks that lose their weights, and all measures of a method at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.data import SampleTable
from fer_core.errors import DataError, ModelError
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import Explainer
from fer_core.explain.trust import CENTRE, RANDOM, Examined, trust
from fer_core.explain.trust.faces import sampled, schematic
from fer_core.explain.trust.randomisation import cascade, randomised


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 3))


def test_weights_go_from_the_output_backwards() -> None:
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = []
    for name, copy in randomised(model, seed=1, stages=2):
        now = copy.state_dict()
        changed.append((name, {key for key, value in now.items() if not torch.equal(value, before[key])}))
        for key, value in before.items():  # shuffled, not drawn anew
            assert torch.equal(now[key].flatten().sort().values, value.flatten().sort().values)
    assert [name for name, _ in changed] == ["2", "0"]
    assert {"4.weight", "4.bias"} <= changed[0][1]
    assert not {"0.weight", "0.bias"} & changed[0][1]
    assert {"4.weight", "0.weight"} <= changed[1][1]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    with pytest.raises(ModelError, match="no weights that could be randomised"):
        next(randomised(nn.ReLU(), 0))


def test_a_map_that_ignores_the_network_stays() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
    found = cascade(network(), lambda _model: maps, seed=0, stages=2)
    np.testing.assert_allclose(found.spearman, 1)
    np.testing.assert_allclose(found.ssim, 1)
    weights = cascade(network(), lambda m: m[4].weight.detach().view(3, 8, 8).numpy(), seed=0, stages=2)
    assert (np.abs(weights.spearman) < 0.5).all()


class Corner(nn.Module):
    """Seven logits that all hang on the top left quarter, each by its own weights."""

    def __init__(self) -> None:
        super().__init__()
        kernel = torch.zeros(7, 1, 48, 48)
        kernel[:, :, :24, :24] = torch.randn(7, 1, 24, 24, generator=torch.Generator().manual_seed(0)) / 20
        self.weight = nn.Parameter(kernel, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,kchw->nk", x, self.weight)


EXAMINED = Examined(("occlusion",), resampling=Resampling(200))


@pytest.fixture
def explainer(make_checkpoint: Callable[..., Any]) -> Explainer:
    return Explainer(make_checkpoint(), network=Corner().eval())


def test_occlusion_is_believed_on_a_network_that_it_can_read(explainer: Explainer, drawn: SampleTable) -> None:
    faces = sampled(drawn.split("test"), 12, 0)
    evidence = np.zeros((12, 48, 48), bool)
    evidence[:, :24, :24] = True
    told: list[tuple[int, int]] = []
    found = trust(explainer, faces, EXAMINED, evidence=evidence, progress=lambda *a: told.append(a))
    # Three candidates measured at 64 passes a face; 12 maps, 9 in the cascade and 4 shifted of each, at 145 passes.
    total = 3 * 12 * 64 + (12 + (9 + 4) * 12) * 145
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert max(done for done, _ in told[:-1]) < total
    # While the first maps are made, each of the 144 squares moves it on.
    assert len({done for done, _ in told if done <= 12 * 145}) >= 144
    assert found.map_hw == {"occlusion": (12, 12)}
    # All weight lies in a quarter of the picture; bilinear enlargement lets a little over the border.
    assert found.figure("occlusion", "mass").mean == pytest.approx(4, abs=0.25)
    assert found.figure("occlusion", "pointing").mean == 1
    assert found.figure(CENTRE, "mass").mean == pytest.approx(1, abs=0.01)
    assert found.figure("occlusion", "road").mean > found.figure(RANDOM, "road").mean + 0.05
    assert found.agreement.tolist() == [[1]]
    assert found.verdicts["occlusion"].state in ("sound", "doubtful")
    plain = found.as_json()
    assert plain["figures"]["occlusion"]["pointing"]["mean"] == 1
    assert plain["verdicts"][0]["method"] == "occlusion"
    assert "occlusion: " + found.verdicts["occlusion"].state in found.as_text()


def test_a_method_that_explains_no_class_is_marked(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    faces = sampled(drawn.split("test"), 12, 0)
    found = trust(explainer, faces, Examined(("gradcam", "eigencam"), resampling=Resampling(100)))
    assert "The map is the same whichever class is explained." in found.verdicts["eigencam"].reasons
    assert found.agreement[0, 1] == found.agreement[1, 0]
    assert set(found.values["gradcam"]) - set(found.values[RANDOM]) == {"stability", "randomised"}
    assert not any(module._forward_hooks for module in explainer.network.modules())


def test_mistakes_are_told(explainer: Explainer, drawn: SampleTable) -> None:
    with pytest.raises(DataError, match="without faces"):
        trust(explainer, [], EXAMINED)
    with pytest.raises(DataError, match=r"evidence has the shape \(1, 2, 2\)"):
        trust(explainer, sampled(drawn, 1, 0), EXAMINED, evidence=np.zeros((1, 2, 2), bool))


def test_drawn_faces_come_with_their_evidence() -> None:
    faces, evidence = schematic(7, 2, 40)
    assert [face.shape for face in faces] == [(40, 40, 3)] * 7
    assert evidence.shape == (7, 40, 40)
    assert sorted(evidence.any((1, 2)).tolist()) == [False] + [True] * 6  # neutral has none


def test_a_sample_has_each_face_once(drawn: SampleTable) -> None:
    every = sampled(drawn.split("test"), 100, 3)
    assert len(every) == 28
    np.testing.assert_array_equal(every[5], drawn.split("test").decode(5))


def test_costly_methods_are_repeated_on_fewer_faces() -> None:
    asked = Examined(("gradcam", "occlusion", "integrated"))
    assert [asked.repeats(name, 100) for name in asked.methods] == [32, 12, 12]
    assert asked.repeats("gradcam", 5) == 5
    # A backward pass counts as two: 3 for Grad-CAM, 145 for occlusion, 66 + 128 for integrated gradients.
    by_hand = 5 * 100 * 64 + (100 + 13 * 32) * 3 + (100 + 13 * 12) * (145 + 194)
    assert asked.passes(100) == by_hand


def test_one_pass_methods_need_no_inner_progress(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    told: list[tuple[int, int]] = []
    asked = Examined(("gradcam",), repeated=4, resampling=Resampling(20))
    trust(Explainer(make_checkpoint()), sampled(drawn, 5, 0), asked, progress=lambda *a: told.append(a))
    total = 3 * 5 * 64 + (5 + 13 * 4) * 3
    assert [done for done, _ in told] == [15, 335, 335 + 108, 335 + 156, 811, total - 1, total]
    assert {of for _, of in told} == {total}
