"""What goes home from a lent machine and comes back: cut into parts, joined, made smaller."""

import json
from pathlib import Path

import pytest
import torch

from fer_core.errors import DataError
from training.homing import Home, get_state, put_state, slim
from training.keeping import BEST, LAST


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with two states."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps({"weights": "float16"}))
    (folder / "history.jsonl").write_text('{"epoch": 1}\n')
    weights = {"kernel": torch.tensor([[0.1, 1 / 3]]), "bias": torch.tensor([0.1])}
    memory = {0: {"step": torch.tensor(1001.0), "momentum_buffer": torch.tensor([1 / 3, 257.0])}, 1: {}}
    state = {"state_dict": weights, "epoch": 7, "optimizer_states": [{"state": memory, "param_groups": [1]}]}
    torch.save(state, folder / LAST)
    torch.save(state | {"epoch": 5}, folder / BEST)
    return folder


def test_large_files_are_cut_and_joined(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", limit_bytes=10_000, part_bytes=100)
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(bytes(range(250)))
    small.write_bytes(b"x" * 100)
    assert home.put("a", [large, small])
    parts = {f.name: f.stat().st_size for f in (home.folder / "a").iterdir() if f.name != "contents.json"}
    assert parts == {"large.part00": 100, "large.part01": 100, "large.part02": 50, "small": 100}
    assert home.get("a", tmp_path / "there") == ["large", "small"]
    assert (tmp_path / "there" / "large").read_bytes() == bytes(range(250))
    assert (tmp_path / "there" / "small").read_bytes() == b"x" * 100
    (home.folder / "a" / "large.part01").write_bytes(b"y" * 100)
    with pytest.raises(DataError, match="large lacks a part, or one has changed"):
        home.get("a", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    assert home.get("unknown", tmp_path / "elsewhere") == []


def test_no_more_than_fits(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", limit_bytes=1000)
    file = tmp_path / "file"
    file.write_bytes(b"x" * 400)
    assert home.put("a", [file])
    assert home.put("a", [file])  # in the place of what it had
    assert 400 < home.total_bytes() < 700
    assert not home.put("b", [file])
    assert home.names("b") == []
    home.drop("a")
    assert home.put("b", [file])


def test_a_small_state_comes_back_as_it_was(run: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert put_state(home, "r", run)
    assert not (run / ".slim").exists()
    get_state(home, "r", tmp_path / "back")
    assert sorted(f.name for f in (tmp_path / "back").iterdir()) == [BEST, "history.jsonl", LAST, "recipe.json"]
    last = torch.load(tmp_path / "back" / LAST, weights_only=False)
    assert last["epoch"] == 7
    assert last["optimizer_states"][0]["state"][0]["momentum_buffer"].tolist() == torch.tensor([1 / 3, 257]).tolist()
    assert torch.equal(last["state_dict"]["kernel"], torch.tensor([[0.1, 1 / 3]]))
    best = torch.load(tmp_path / "back" / BEST, weights_only=False)
    assert set(best) == {"state_dict", "epoch"}
    assert best["epoch"] == 5
    assert best["state_dict"]["kernel"].tolist() == [[0.0999755859375, 0.333251953125]]  # 11 bits, as shipped
    assert best["state_dict"]["bias"].dtype == torch.float32


def test_a_large_one_has_its_memory_rounded(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.homing.PART_BYTES", 100)
    (tmp_path / "small").mkdir()
    slim(run, tmp_path / "small")
    last = torch.load(tmp_path / "small" / LAST, weights_only=False)
    memory = last["optimizer_states"][0]["state"][0]
    assert memory["momentum_buffer"].dtype == torch.bfloat16
    assert memory["momentum_buffer"].tolist() == [0.333984375, 256]  # 8 bits
    assert memory["step"].item() == 1001  # a count is no approximate thing
    assert last["optimizer_states"][0]["param_groups"] == [1]
    assert last["state_dict"]["kernel"].dtype == torch.float32
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": {0: {"momentum_buffer": memory["momentum_buffer"]}}, "param_groups": groups})
    assert optimiser.state[parameter]["momentum_buffer"].dtype == torch.float32
