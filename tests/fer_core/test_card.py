"""A checkpoint's card: what is wrong in it is named, and an older one is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fer_core.card import CARD, Card, read_card
from fer_core.checkpoint import Checkpoint, list_checkpoints, open_checkpoint
from fer_core.errors import CheckpointError, ModelError
from fer_core.labels import FER7, FERPLUS8
from fer_core.preprocess import Preprocess
from tests.fer_core.cards import change_card

Make = Callable[..., Checkpoint]


def test_a_card_of_an_older_version_is_read(make_checkpoint: Make) -> None:
    """Without the fields that came later, and with figures that know nothing of twins."""
    figures = {"n": 8, "accuracy": 0.5}
    folder = make_checkpoint(temperature=1.5, metrics={"validation": figures}).folder
    values = json.loads((folder / CARD).read_text())
    del values["temperature_fitted_on"]
    (folder / CARD).write_text(json.dumps(values))
    card = read_card(folder)
    assert (card.temperature, card.temperature_fitted_on) == (1.5, "")
    assert card.metrics == {"validation": figures}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": FERPLUS8.names}, r"do not fit their card \(compact, 8 classes\): .*head"),
        ({"arguments": {"widths": [8, 16, 24], "depths": [1, 1, 1]}}, r"do not fit their card .*size mismatch"),
        ({"architecture": "vggnet-670k", "arguments": {}}, r"do not fit their card \(vggnet-670k, 7 classes\)"),
        ({"preprocess": {"channels": 3, "mean": [0, 0, 0], "std": [1, 1, 1]}}, "do not fit their card"),
    ],
)
def test_a_card_that_does_not_fit_its_weights(changes: dict[str, Any], said: str, make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    change_card(folder, **changes)
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(folder).load()


def test_a_card_whose_network_cannot_be_built(make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    change_card(folder, architecture="compcat")
    with pytest.raises(ModelError, match="Unknown architecture 'compcat'; did you mean compact"):
        open_checkpoint(folder).load()
    change_card(folder, architecture="compact", arguments={"dropout": 7})
    with pytest.raises(ModelError, match="does not take these arguments"):
        open_checkpoint(folder).load()


def test_pretrained_weights_are_not_fetched_for_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were fetched")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    card = Card(
        name="x",
        architecture="torchvision/resnet18",
        arguments={"pretrained": True},
        classes=FER7.names,
        preprocess=Preprocess(),
    )
    with torch.device("meta"):
        assert card.build().fc.out_features == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "../x"}, "name: .*'../x' is not a name"),
        ({"name": ""}, "name: .*is not a name"),
        ({"name": "a" * 101}, "name: .*at most 100"),
        ({"classes": ["happy"]}, "classes: .*needs at least two"),
        ({"classes": ["happy", "joy"]}, "classes: .*happy more than once"),
        ({"temperature": 0}, "temperature: .*greater than 0"),
        ({"temperature": float("nan")}, "temperature: .*finite"),
        ({"parameters": -1}, "parameters: .*greater than or equal to 0"),
        ({"preprocess": {"size_px": 4}}, "preprocess.size_px: .*greater than or equal to 8"),
        ({"preprocess": {"std": [0.1, 0.2]}}, "preprocess: .*std 2"),
        ({"arguments": {"num_classes": 3}}, "arguments: .*num_classes cannot be set here"),
        ({"trained": {"data": "x"}}, "trained.data_hash: Field required"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_an_invalid_card_names_its_fields(changes: dict[str, Any], said: str, make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    change_card(folder, **changes)
    with pytest.raises(CheckpointError, match=f"is not a valid card. .*{said}"):
        open_checkpoint(folder)


def test_every_wrong_field_is_named_at_once(make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    change_card(folder, temperature=-1, flip="perhaps")
    with pytest.raises(CheckpointError, match=r"flip: .*; temperature: "):
        open_checkpoint(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00{", b"null"])
@pytest.mark.usefixtures("shipped")
def test_what_is_no_card_at_all(content: bytes, make_checkpoint: Make, home: Path) -> None:
    folder = make_checkpoint(home / "checkpoints" / "mine").folder
    (folder / CARD).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is not a valid card\. the file: "):
        open_checkpoint("mine")
    assert list_checkpoints() == []
