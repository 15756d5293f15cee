import concurrent.futures
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.card import Card, write_card
from fer_core.checkpoint import Checkpoint, save_checkpoint
from fer_core.errors import CheckpointError, DataError, FERScopeError, ImageError
from fer_core.explain import Explainer, explain_batch, get_explainer, get_method, methods
from fer_core.labels import FER7
from fer_core.models import create_model
from fer_core.preprocess import Preprocess

SMALL = {"widths": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(0)
    card = Card(
        name="small",
        architecture="compact",
        arguments=SMALL,
        classes=FER7.names,
        preprocess=Preprocess(size_px=32),
        flip=True,
        temperature=2.0,
    )
    model = create_model("compact", num_classes=7, in_channels=1, **SMALL)
    model.head.weight.data *= 20
    return save_checkpoint(tmp_path / "small", model, card)


def face(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (60, 50, 3), dtype=np.uint8)


def test_a_map_carries_what_it_explains(checkpoint: Checkpoint) -> None:
    explainer, network = Explainer(checkpoint), checkpoint.load()
    inputs = checkpoint.card.preprocess([face()])
    logits = network(inputs)[0].detach().numpy().astype(np.float64)
    found = explainer.explain(face(), target="Fear")
    assert (found.target.index, found.target.name, str(found.target)) == (2, "fear", "fear")
    assert found.layer == "features.stage4.0.relu"
    assert (found.map_hw, found.input_hw, found.classes) == ((4, 4), (32, 32), FER7.names)
    assert found.logit == pytest.approx(logits[2], rel=1e-5)
    # The face as shown, at the card's temperature; the mirror image has no part in it.
    assert found.probability == pytest.approx(np.exp(logits[2] / 2) / np.exp(logits / 2).sum(), rel=1e-5)
    np.testing.assert_array_equal(found.raw, explain_batch(network, inputs, [2])[0])


def test_without_a_target_the_predicted_class_of_this_view_is_explained(checkpoint: Checkpoint) -> None:
    logits = checkpoint.load()(checkpoint.card.preprocess([face(3)]))[0].detach()
    found = Explainer(checkpoint).explain(face(3))
    assert found.target.index == int(logits.argmax())
    assert found.logit == pytest.approx(float(logits.max()), rel=1e-5)


def test_why_one_class_and_not_another(checkpoint: Checkpoint) -> None:
    explainer = Explainer(checkpoint)
    fear, surprise = (explainer.explain(face(), target=name) for name in ("fear", "surprise"))
    both = explainer.explain(face(), target="fear", versus="surprise")
    assert (str(both.target), both.target.versus_index) == ("fear rather than surprise", 5)
    assert both.logit == pytest.approx(fear.logit - surprise.logit, rel=1e-4)
    assert both.probability == fear.probability
    np.testing.assert_allclose(both.raw, fear.raw - surprise.raw, rtol=1e-3, atol=1e-5)
    assert explainer.explain(face(), target=2, versus=5).as_json() == both.as_json()


def test_as_json_is_json(checkpoint: Checkpoint) -> None:
    found = Explainer(checkpoint).explain(face(), target="sad", versus="neutral", method="hirescam")
    back = json.loads(json.dumps(found.as_json()))
    assert (back["target"], back["versus"], back["method"], back["map_hw"]) == ("sad", "neutral", "hirescam", [4, 4])
    np.testing.assert_array_equal(np.array(back["raw"], np.float32), found.raw)


def test_any_layer_and_grey_crops(checkpoint: Checkpoint) -> None:
    explainer = Explainer(checkpoint)
    found = explainer.explain(face()[:, :, 0], layer="features.stage1.0.conv", method="layercam")
    assert found.map_hw == (32, 32)
    assert [layer.map_hw[0] for layer in explainer.layers()] == [32, 32, 16, 16, 8, 8, 4, 4]
    assert explainer.default_layer == explainer.layers()[-1]


def test_what_does_not_fit_is_refused(checkpoint: Checkpoint) -> None:
    explainer = Explainer(checkpoint)
    with pytest.raises(DataError, match="FER7 has no class 'bored'"):
        explainer.explain(face(), target="bored")
    with pytest.raises(DataError, match="no class 7"):
        explainer.explain(face(), target=7)
    with pytest.raises(DataError, match="cannot be compared with itself"):
        explainer.explain(face(), target="fear", versus="fearful")
    with pytest.raises(ImageError, match="8-bit"):
        explainer.explain(face().astype(np.float32))


def test_another_network_under_the_same_card(checkpoint: Checkpoint) -> None:
    network = checkpoint.load()
    nn.init.zeros_(network.head.weight)
    found = Explainer(checkpoint, network).explain(face(), target="happy")
    assert not found.raw.any()
    assert not found.normalised().any()
    assert network.head.weight.requires_grad


def test_the_same_explainer_is_given_twice_and_a_new_one_for_new_weights_or_card(checkpoint: Checkpoint) -> None:
    first = get_explainer(checkpoint.folder)
    assert get_explainer(checkpoint.folder) is first
    model = checkpoint.load()
    nn.init.zeros_(model.head.bias)
    save_checkpoint(checkpoint.folder, model, checkpoint.card)
    second = get_explainer(checkpoint.folder)
    assert second is not first
    # A temperature fitted after training changes the card alone; a lower one makes the likeliest class likelier.
    card = second.card.model_copy(update={"temperature": 1.0})
    write_card(checkpoint.folder, card)
    tempered = get_explainer(checkpoint.folder).explain(face()).probability
    assert tempered > second.explain(face()).probability
    with pytest.raises(CheckpointError, match="There is no checkpoint 'nothing'"):
        get_explainer("nothing")


def test_loaded_in_inference_mode_it_still_explains(checkpoint: Checkpoint) -> None:
    expected = Explainer(checkpoint).explain(face())
    with torch.inference_mode():
        found = Explainer(checkpoint).explain(face())
    np.testing.assert_array_equal(found.raw, expected.raw)


def test_threads_may_share_one(checkpoint: Checkpoint) -> None:
    explainer = Explainer(checkpoint)
    expected = [explainer.explain(face(i)).as_json() for i in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        shared = Explainer(checkpoint)
        assert list(threads.map(lambda i: shared.explain(face(i % 4)).as_json(), range(20))) == expected * 5


def test_methods_are_described() -> None:
    assert len(methods()) == 11
    assert [method.name for method in methods() if not method.class_specific] == ["eigencam", "rollout"]
    assert get_method("ablationcam").signed
    assert all(method.reference and method.summary and method.cost for method in methods())
    with pytest.raises(FERScopeError, match="no saliency method 'camgrad'; choose one of gradcam"):
        get_method("camgrad")


@pytest.mark.parametrize("value", [0, 1025, 2.5, "8", True, None])
def test_options_out_of_range_are_refused(value: object) -> None:
    with pytest.raises(FERScopeError, match="batch_size must be a whole number from 1 to 1024, not"):
        get_method("scorecam").settings({"batch_size": value})


def test_options_and_their_defaults() -> None:
    assert get_method("scorecam").settings() == {"batch_size": 32}
    assert get_method("scorecam").settings({"batch_size": 8.0}) == {"batch_size": 8}
    with pytest.raises(FERScopeError, match="Grad-CAM has no option 'batch_size'; its options: none"):
        get_method("gradcam").settings({"batch_size": 8})
