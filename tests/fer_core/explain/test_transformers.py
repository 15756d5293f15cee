"""Vision transformers: roll-out and token maps against matrices worked out here, and the network handed back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import ModelError
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import Explainer, explain_batch, saliency_layers
from fer_core.explain.tokens import grid_of, rolled_out
from fer_core.explain.trust import Examined, trust
from fer_core.models import create_model
from fer_core.regions.one import region_shares, regions_of

SMALL = {"img_size": 48, "patch_size": 8, "depth": 3, "embed_dim": 16, "num_heads": 2}
VIT, DEIT = "timm/vit_tiny_patch16_224", "timm/deit_tiny_distilled_patch16_224"
LAST = "blocks.2.norm1"


def network(name: str = VIT, **more: Any) -> nn.Module:
    """A network of chance whose attention is far from even."""
    torch.manual_seed(0)
    model = create_model(name, num_classes=7, in_channels=1, **{**SMALL, **more}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return model


def pictures(n: int = 3) -> torch.Tensor:
    return torch.randn(n, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def attention_by_hand(model: Any, inputs: torch.Tensor) -> list[NDArray[np.float64]]:
    """(N, T, T) of each block: softmax of q k' / sqrt(d), mean over the heads, from what the projections give."""
    found: list[Any] = []
    handles = [b.attn.qkv.register_forward_hook(lambda _m, _a, out: found.append(out)) for b in model.blocks]
    with torch.no_grad():
        model(inputs)
    for handle in handles:
        handle.remove()
    matrices = []
    for out in found:
        n, t, width = out.shape
        q, k, _ = np.moveaxis(out.double().numpy().reshape(n, t, 3, 2, width // 6), 2, 0)
        heads = np.exp(np.einsum("nihd,njhd->nhij", q, k) / np.sqrt(width / 6))
        matrices.append((heads / heads.sum(-1, keepdims=True)).mean(1))
    return matrices


def state(model: Any) -> tuple[Any, ...]:
    modes = tuple(module.training for module in model.modules())
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules())
    return modes, hooks, tuple(block.attn.fused_attn for block in model.blocks)


@pytest.mark.parametrize(
    ("name", "more", "rows", "first"),
    [
        (VIT, {}, [0], 1),
        (DEIT, {}, [0, 1], 2),
        (VIT, {"class_token": False, "global_pool": "avg"}, list(range(36)), 0),
    ],
)
def test_roll_out_is_the_product_of_half_attention_half_identity(
    name: str, more: dict[str, Any], rows: list[int], first: int
) -> None:
    model, inputs = network(name, **more), pictures()
    product = np.eye(first + 36)
    for matrix in attention_by_hand(model, inputs):
        product = (matrix + np.eye(first + 36)) / 2 @ product
    expected = product[:, rows].mean(1)[:, first:].reshape(3, 6, 6)
    before = state(model)
    assert rolled_out(model, inputs).numpy() == pytest.approx(expected, abs=1e-5)
    assert explain_batch(model, inputs, method="rollout") == pytest.approx(expected, abs=1e-5)
    assert state(model) == before
    assert before[2] == (True, True, True)  # fused, or there would have been nothing to put back
    assert expected.std() > 1e-3


def test_grad_cam_of_tokens_by_hand() -> None:
    model, inputs = network(), pictures(2)
    kept: list[torch.Tensor] = []
    handle = model.get_submodule(LAST).register_forward_hook(lambda _m, _a, out: kept.append(out.requires_grad_()))
    logits = model(inputs)
    handle.remove()
    gradient = torch.autograd.grad(logits[0, 4] + logits[1, 2] - logits[1, 5], kept[0])[0][:, 1:]
    tokens = kept[0].detach()[:, 1:]
    expected = (tokens * gradient.mean(1, keepdim=True)).sum(2).reshape(2, 6, 6).numpy()
    before = state(model)
    maps = np.concatenate([
        explain_batch(model, inputs[:1], [4], layer=LAST),
        explain_batch(model, inputs[1:], [(2, 5)], layer=LAST),
    ])  # fmt: skip
    assert maps == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected).max() > 1e-3
    assert explain_batch(model, inputs, [4, (2, 5)]) == pytest.approx(expected, abs=1e-5)  # the last layer, in a batch
    hires = explain_batch(model, inputs, [4, (2, 5)], method="hirescam")
    assert hires == pytest.approx((tokens * gradient).sum(2).reshape(2, 6, 6).numpy(), abs=1e-5)
    assert state(model) == before


def test_ablation_of_a_token_channel_by_hand() -> None:
    model, inputs = network(), pictures(1)
    kept: list[torch.Tensor] = []
    layer = model.get_submodule(LAST)
    handle = layer.register_forward_hook(lambda _m, _a, out: kept.append(out.detach().clone()))
    with torch.no_grad():
        whole = model(inputs)[0, 3]
        handle.remove()
        drops = []
        for channel in range(16):
            changed = kept[0].clone()
            changed[:, 1:, channel] = 0
            handle = layer.register_forward_hook(lambda _m, _a, _out, changed=changed: changed)
            drops.append(whole - model(inputs)[0, 3])
            handle.remove()
    expected = (kept[0][0, 1:] * torch.stack(drops)).sum(1).reshape(6, 6).numpy()
    assert explain_batch(model, inputs, [3], method="ablationcam", layer=LAST)[0] == pytest.approx(expected, abs=2e-4)


def test_layers_are_the_tokens_of_each_block() -> None:
    layers = saliency_layers(network(), 1, 48)
    tokens = [(layer.name, layer.channels, layer.map_hw) for layer in layers if layer.kind == "tokens"]
    assert tokens == [(f"blocks.{i}.norm1", 16, (6, 6)) for i in range(3)]
    assert layers[-1].name == LAST
    full = create_model(VIT, num_classes=7, in_channels=3, depth=1)
    assert saliency_layers(full, 3, 224)[-1].map_hw == (14, 14)
    with pytest.raises(ModelError, match="does not take a picture of 48 x 48 pixels"):
        saliency_layers(full, 3, 48)


def test_other_networks_have_no_roll_out(make_checkpoint: Callable[..., Any]) -> None:
    explainer = Explainer(make_checkpoint())
    assert "rollout" not in [method.name for method in explainer.methods()]
    with pytest.raises(ModelError, match="is no vision transformer, so that there is no attention to roll out"):
        explainer.explain(np.zeros((48, 48), np.uint8), method="rollout")
    assert grid_of(nn.Linear(2, 2)) is None
    assert grid_of(create_model("timm/swin_tiny_patch4_window7_224", num_classes=7)) is None


@pytest.mark.parametrize("method", ["rollout", "gradcam", "integrated", "ablationcam"])
def test_the_network_is_handed_back_after_an_exception(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network().train()
    model.get_submodule("blocks.1").eval()
    before = state(model)

    def broken(*_: Any, **__: Any) -> torch.Tensor:
        raise RuntimeError("out of sorts")

    monkeypatch.setattr(model.head, "forward", broken)
    with pytest.raises(RuntimeError, match="out of sorts"):
        explain_batch(model, pictures(1), method=method, layer=LAST)
    assert state(model) == before
    with pytest.raises(RuntimeError, match="out of sorts"):
        rolled_out(model.eval(), pictures(1))
    assert state(model)[1:] == before[1:]


def test_of_a_checkpoint_one_by_one_in_a_batch_and_by_regions(
    make_checkpoint: Callable[..., Any], faces: list[NDArray[np.uint8]]
) -> None:
    explainer = Explainer(make_checkpoint(architecture=VIT, arguments=SMALL))
    assert explainer.methods()[-1].name == "rollout"
    for method, layer in (("rollout", "attention"), ("gradcam", LAST)):
        together = explainer.explain_faces(faces[:5], method=method)
        assert together.layer == layer
        for face, raw in zip(faces[:5], together.raw, strict=True):
            alone = explainer.explain(face, method=method)
            assert alone.layer == layer
            assert alone.raw == pytest.approx(raw, abs=1e-5)
        assert explainer.explain_faces([], method=method).raw.shape == (0, 6, 6)
    told = {row.region: row.reason for row in region_shares(explainer.explain(faces[0]), regions_of(faces[0], 48))}
    assert told["eyes"].startswith("A cell of the 6 x 6 map covers 8 x 8 pixels, and eyes")
    assert not told["cheeks"] or "8 x 8" in told["cheeks"]


def test_trust_checks_work_on_it(make_checkpoint: Callable[..., Any], faces: list[NDArray[np.uint8]]) -> None:
    explainer = Explainer(make_checkpoint(architecture=VIT, arguments=SMALL))
    before = state(explainer.network)
    found = trust(explainer, faces[:4], Examined(("gradcam", "rollout"), repeated=2, resampling=Resampling(20)))
    assert found.layer == {"gradcam": LAST, "rollout": "attention"}
    assert found.map_hw == {"gradcam": (6, 6), "rollout": (6, 6)}
    assert state(explainer.network) == before
    for method in ("gradcam", "rollout"):
        assert np.isfinite(found.cascades[method].spearman).all()
        assert abs(found.cascades[method].spearman[-1]).max() < 0.999  # other weights, other maps
        assert np.isfinite(found.values[method]["deletion, blur"]).all()
        assert np.isfinite(found.values[method]["insertion, blur"]).all()


def test_roll_out_does_not_know_the_head() -> None:
    model, inputs = network(), pictures(1)
    before = rolled_out(model, inputs)
    with torch.no_grad():
        model.get_submodule("head").weight.normal_()  # type: ignore[operator]
        assert (rolled_out(model, inputs) == before).all()
        model.get_submodule("blocks.0.attn.qkv").weight.normal_()  # type: ignore[operator]
        assert (rolled_out(model, inputs) - before).abs().max() > 1e-3
