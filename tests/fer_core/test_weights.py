"""A checkpoint's weights: nothing that a stranger hands over runs or slips through."""

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fer_core.card import WEIGHTS, sha256_of
from fer_core.checkpoint import Checkpoint, open_checkpoint, read_weights
from fer_core.errors import CheckpointError
from tests.fer_core.cards import change_card

Make = Callable[..., Checkpoint]


class Trap:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


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
