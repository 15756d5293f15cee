"""Checkpoints: what is written comes back, and nothing that a stranger hands over runs or slips through."""

import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fer_core import checkpoint as checkpoints
from fer_core.card import CARD, WEIGHTS, Card, Trained, read_card
from fer_core.checkpoint import (
    Checkpoint,
    list_checkpoints,
    open_checkpoint,
    read_weights,
    save_checkpoint,
    sha256_of,
)
from fer_core.errors import CheckpointError, ModelError
from fer_core.labels import FER7, FERPLUS8
from fer_core.preprocess import Preprocess

Make = Callable[..., Checkpoint]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of shipped checkpoints, empty."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(checkpoints, "SHIPPED_CHECKPOINTS", folder)
    return folder


class Trap:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def change_card(folder: Path, **changes: Any) -> None:
    values = json.loads((folder / CARD).read_text()) | changes
    (folder / CARD).write_text(json.dumps(values))


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


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", ["evil.pt", "evil.ckpt", WEIGHTS])
def test_a_pickle_is_refused_and_runs_nothing(name: str, legacy: bool, make_checkpoint: Make, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    folder = make_checkpoint().folder
    torch.save({"weights": Trap(sprung)}, folder / name, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=f"{name} is a pickle, .* can run code"):
        read_weights(folder / name)
    if name == WEIGHTS:
        change_card(folder, weights_sha256=sha256_of(folder / WEIGHTS))
        with pytest.raises(CheckpointError, match="is a pickle"):
            open_checkpoint(folder).load()
        with pytest.raises(CheckpointError, match="is a pickle"):
            open_checkpoint(folder / WEIGHTS).load()
    else:
        with pytest.raises(CheckpointError, match="is a pickle"):
            open_checkpoint(folder / name)
    assert not sprung.exists()
    torch.load(io.BytesIO((folder / name).read_bytes()), weights_only=False)  # the trap is a real one
    assert sprung.is_dir()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickles_of_every_protocol_under_the_name_of_weights(protocol: int, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    (tmp_path / WEIGHTS).write_bytes(pickle.dumps(Trap(sprung), protocol=protocol))
    with pytest.raises(CheckpointError, match="is a pickle" if protocol >= 2 else "not a readable safetensors file"):
        read_weights(tmp_path / WEIGHTS)
    assert not sprung.exists()


def test_a_card_cannot_have_another_file_read(make_checkpoint: Make, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    folder = make_checkpoint().folder
    torch.save({"state_dict": Trap(sprung)}, tmp_path / "evil.pth")
    change_card(folder, architecture="timm/resnet18", arguments={"checkpoint_path": str(tmp_path / "evil.pth")})
    with pytest.raises(CheckpointError, match=r"arguments: .*checkpoint_path cannot be set here"):
        open_checkpoint(folder)
    assert not sprung.exists()


@pytest.mark.parametrize("low", [0x80, 0x50])
def test_good_weights_that_begin_like_a_pickle(low: int, tmp_path: Path) -> None:
    """Safetensors begins with the length of its header, little end first: 0x80 opens every thirty-second file."""
    file = tmp_path / WEIGHTS

    def length_with(padding: int) -> int:
        save_file({"w": torch.arange(3.0)}, file, metadata={"p": "x" * padding})
        return int.from_bytes(file.read_bytes()[:8], "little")

    wanted = {0x80: 0x180, 0x50: 0x4B50}[low]  # the second reads "PK", as a zip does
    assert length_with(wanted - length_with(0)) == wanted
    assert file.read_bytes()[0] == low
    assert read_weights(file)["w"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_truncated_weights(keep: int, make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:keep])
    with pytest.raises(CheckpointError, match=r"not a readable safetensors file .* Copy it again"):
        open_checkpoint(folder).load()


def test_one_changed_bit_is_noticed(make_checkpoint: Make) -> None:
    folder = make_checkpoint().folder
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(CheckpointError, match=r"not the file that its card describes \(its sha256 differs\)"):
        open_checkpoint(folder).load()


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
