"""Checkpoints: what is written comes back, and is found by its name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fer_core.card import CARD, WEIGHTS, Trained, read_card, sha256_of
from fer_core.checkpoint import Checkpoint, list_checkpoints, open_checkpoint, save_checkpoint
from fer_core.errors import CheckpointError
from fer_core.labels import FERPLUS8
from fer_core.preprocess import Preprocess
from tests.fer_core.cards import change_card

Make = Callable[..., Checkpoint]


def test_round_trip(make_checkpoint: Make, tmp_path: Path) -> None:
    trained = Trained(
        data="drawn", data_hash="ab" * 32, n=112, recipe={"epochs": 4}, seed=3, selected_on="last epoch", git_commit="x"
    )
    how = Preprocess(size_px=40, channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), crop_margin=0.1, align=False)
    made = make_checkpoint(
        tmp_path / "mine",
        preprocess=how,
        flip=True,
        temperature=1.5,
        trained=trained,
        classes=FERPLUS8.names,
        summary="a line",
        metrics={"validation": {"accuracy": 0.5, "n": 8, "ece": None}},
    )
    found = open_checkpoint(tmp_path / "mine")
    assert found.card == made.card
    assert found.card.preprocess == how
    assert found.card.class_set == FERPLUS8
    assert found.card.trained == trained
    assert found.card.weights_sha256 == sha256_of(tmp_path / "mine" / WEIGHTS)
    # 3*8, 8*16 and 16*16 filters of 3x3 without bias, two numbers a channel, and the linear layer.
    assert found.card.parameters == 9 * (24 + 128 + 256) + 2 * (8 + 16 + 16) + 16 * 8 + 8
    network = found.load()
    assert not network.training
    weights = load_file(tmp_path / "mine" / WEIGHTS)
    assert weights.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_the_layout_in_memory_does_not_matter(tmp_path: Path, make_checkpoint: Make) -> None:
    card = make_checkpoint().card
    network = card.build().to(memory_format=torch.channels_last).eval()  # a layout that safetensors refuses
    saved = save_checkpoint(tmp_path / "again", network, card.model_copy(update={"name": "again"}))
    loaded = saved.load().state_dict()
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded[key], tensor), key
    assert (tmp_path / "again" / WEIGHTS).stat().st_mode & 0o777 == 0o644
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [CARD, WEIGHTS]  # no scratch files


def test_saving_again_replaces_both_files(make_checkpoint: Make, tmp_path: Path) -> None:
    first = make_checkpoint(tmp_path / "same", seed=0)
    second = make_checkpoint(tmp_path / "same", seed=1)
    assert first.card.weights_sha256 != second.card.weights_sha256
    with pytest.raises(CheckpointError, match="not the file that its card describes"):
        first.load()
    second.load()


def test_no_weights_no_card_no_folder(make_checkpoint: Make, tmp_path: Path) -> None:
    folder = make_checkpoint().folder
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="There are no weights at"):
        open_checkpoint(folder).load()
    with pytest.raises(CheckpointError, match=f"holds no {CARD}"):
        read_card(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CheckpointError, match=r"notes\.txt is not a readable safetensors file"):
        open_checkpoint(tmp_path / "notes.txt")
    save_file({"w": torch.zeros(1)}, tmp_path / "loose.safetensors")
    with pytest.raises(CheckpointError, match=r"loose\.safetensors is a file; a checkpoint is a folder"):
        open_checkpoint(tmp_path / "loose.safetensors")


def test_names_are_found_in_the_workspace_first(make_checkpoint: Make, home: Path, shipped: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint 'compact'; on this machine there are: none yet"):
        open_checkpoint("compact")
    make_checkpoint(shipped / "compact", summary="shipped")
    make_checkpoint(shipped / "large", summary="shipped")
    assert open_checkpoint("compact").card.summary == "shipped"
    make_checkpoint(home / "checkpoints" / "compact", seed=1, summary="mine")
    make_checkpoint(home / "checkpoints" / "a-run", seed=2, summary="mine")
    assert open_checkpoint("compact").card.summary == "mine"
    listed = [(c.card.name, c.card.summary, c.folder.parent) for c in list_checkpoints()]
    mine = home / "checkpoints"
    assert listed == [("a-run", "mine", mine), ("compact", "mine", mine), ("large", "shipped", shipped)]
    with pytest.raises(CheckpointError, match=r"no checkpoint 'lagre'; .* there are: a-run, compact, large"):
        open_checkpoint("lagre")


@pytest.mark.usefixtures("home")
def test_a_checkpoint_is_called_by_its_folder(make_checkpoint: Make, shipped: Path) -> None:
    made = make_checkpoint(shipped / "before")
    shutil.move(made.folder, shipped / "after")
    assert open_checkpoint("after").card.name == "before"
    with pytest.raises(CheckpointError, match="there are: after"):
        open_checkpoint("before")


@pytest.mark.usefixtures("home")
def test_what_shipped_and_cannot_be_read_is_not_listed(make_checkpoint: Make, shipped: Path) -> None:
    make_checkpoint(shipped / "good")
    change_card(make_checkpoint(shipped / "bad").folder, temperature=-1)
    assert [c.folder.name for c in list_checkpoints()] == ["good"]
    with pytest.raises(CheckpointError, match="temperature"):
        open_checkpoint("bad")


@pytest.mark.parametrize("name", ["../secret", "..", ".", "", "a/../../secret", "\\secret", "x\0y", "é", "a" * 5000])
def test_a_name_cannot_lead_elsewhere(
    name: str, make_checkpoint: Make, home: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoint(home / "secret")  # beside the folder of checkpoints
    make_checkpoint(home / "checkpoints" / "a")
    monkeypatch.chdir(shipped)  # a path is looked for from here only
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        open_checkpoint(name)


def test_only_tensors_are_saved(make_checkpoint: Make) -> None:
    """The file's header names each tensor with its type; there is nothing else in it."""
    folder = make_checkpoint().folder
    data = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert {v["dtype"] for v in header.values()} == {"F32", "I64"}
    assert max(v["data_offsets"][1] for v in header.values()) + 8 + length == len(data)


def test_a_checkpoint_of_a_network_that_is_being_trained(tmp_path: Path, make_checkpoint: Make) -> None:
    """Saving copies: what is trained further does not change what was saved, nor the network its mode."""
    card = make_checkpoint().card
    network = card.build().train()
    saved = save_checkpoint(tmp_path / "early", network, card)
    before = saved.load().state_dict()["head.weight"].clone()
    with torch.no_grad():
        nn.init.zeros_(network.head.weight)
    assert network.training
    assert torch.equal(saved.load().state_dict()["head.weight"], before)
    assert before.abs().sum() > 0


def test_exported_files_of_other_weights_go(make_checkpoint: Make, tmp_path: Path) -> None:
    folder = tmp_path / "trained-twice"
    make_checkpoint(folder)
    for name in ("model.onnx", "model.int8.onnx", "notes.txt"):
        (folder / name).write_text("of the first training")
    make_checkpoint(folder, seed=1)
    assert sorted(file.name for file in folder.iterdir()) == [CARD, WEIGHTS, "notes.txt"]


def test_a_card_without_a_hash_gets_that_of_its_weights(make_checkpoint: Make, tmp_path: Path) -> None:
    """Written by hand, it would otherwise share what is kept of its answers with others of its kind."""
    made = make_checkpoint(tmp_path / "mine")
    change_card(made.folder, weights_sha256="")
    assert open_checkpoint(made.folder).card.weights_sha256 == made.card.weights_sha256
    (made.folder / WEIGHTS).unlink()
    assert open_checkpoint(made.folder).card.weights_sha256 == ""
