"""What every test may use: a workspace of its own, faces that are drawn, and checkpoints made of chance."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.labels import FER7, ClassSet

Picture = NDArray[np.uint8]

# Read when torch is loaded. Networks this small gain nothing from a second thread, and lose much where it has to wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`FERSCOPE_HOME` of this test alone; nothing is in it, and it does not exist yet."""
    folder = tmp_path / "ferscope-home"
    monkeypatch.setenv("FERSCOPE_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _main_as_it_was() -> Iterator[None]:
    """An AppTest leaves its page as `__main__`, which a process that a later test spawns would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


def _pattern(kind: int, chance: np.random.Generator) -> Picture:
    """Stripes, level or upright, of one of three widths, or a checkerboard; noisy, anywhere, the same in a mirror."""
    row, column = np.mgrid[:48, :48] + chance.integers(0, 48, 2)[:, None, None]
    width = (3, 6, 12)[kind % 3]
    level, upright = row // width % 2, column // width % 2
    light = level ^ upright if kind == 6 else (level if kind < 3 else upright)
    return (60 + 120 * light + chance.normal(0, 12, (48, 48))).clip(0, 255).astype(np.uint8)


def draw(per_class: dict[str, int], seed: int = 0, classes: ClassSet = FER7) -> SampleTable:
    """A table of drawn 48x48 faces, `per_class` of each class in each split; a class is a pattern."""
    from fer_core.data.pictures import pack_grey, pixel_hash

    chance = np.random.default_rng(seed)
    rows = [(split, kind) for split, n in per_class.items() for _ in range(n) for kind in range(len(classes))]
    faces = [_pattern(kind, chance) for _, kind in rows]
    columns = {
        "sample_id": [f"{split}-{i}" for i, (split, _) in enumerate(rows)],
        "image": [pack_grey(face) for face in faces],
        "label": [classes.names[kind] for _, kind in rows],
        "split": [split for split, _ in rows],
        "width": [48] * len(rows),
        "height": [48] * len(rows),
        "source": ["drawn"] * len(rows),
        "sha256": [pixel_hash(face) for face in faces],
    }
    return SampleTable.from_columns(columns, classes)


@pytest.fixture(scope="session")
def drawn() -> SampleTable:
    """112 faces to train on, 56 to validate, 28 to test: 16, 8 and 4 of each of FER7."""
    return draw({"train": 16, "validation": 8, "test": 4})


@pytest.fixture(scope="session")
def few() -> SampleTable:
    """28 faces to train on, 14 to validate."""
    return draw({"train": 4, "validation": 2}, seed=1)


TINY = {"widths": [8, 16, 16], "depths": [1, 1, 1]}


@pytest.fixture(scope="session")
def tiny_recipe() -> Callable[..., Any]:
    """Makes recipes of a network that learns the drawn faces within seconds; arguments change single values."""
    from training.recipe import parse_recipe

    def make(**changes: Any) -> Any:
        values = {
            "name": "tiny",
            "model": {"architecture": "compact", "arguments": TINY},
            "augment": {"flip": 0.5, "shift": 0.1},
            "epochs": 4,
            "batch_size": 16,
            "average_decay": 0.9,
            "precision": "float32",
        }
        return parse_recipe(values | changes)

    return make


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> Callable[..., Any]:
    """Makes checkpoints of random weights, batch normalisation included; arguments change the card."""
    import torch

    from fer_core.card import Card
    from fer_core.checkpoint import save_checkpoint
    from fer_core.preprocess import Preprocess

    def make(folder: Path | None = None, seed: int = 0, **changes: Any) -> Any:
        folder = folder or tmp_path / "random"
        values = {
            "name": folder.name,
            "architecture": "compact",
            "arguments": TINY,
            "classes": FER7.names,
            "preprocess": Preprocess(),
        }
        card = Card.model_validate(values | changes)
        how = card.preprocess
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            network = card.build().train()
            for _ in range(30):  # running statistics that are neither 0 and 1 nor those of a single batch
                network(torch.randn(8, how.channels, 6, 6).repeat_interleave(8, 2).repeat_interleave(8, 3))
            for layer in network.modules():
                if isinstance(layer, torch.nn.BatchNorm2d):
                    layer.weight.uniform_(0.5, 1.5)
                    layer.bias.uniform_(-0.5, 0.5)
                if isinstance(layer, torch.nn.Linear):
                    layer.weight.mul_(8)  # answers that differ by more than rounding
        return save_checkpoint(folder, network, card)

    return make


@pytest.fixture
def faces(drawn: SampleTable) -> list[Picture]:
    """28 drawn faces, 4 of each class."""
    return drawn.split("test").faces()
