"""Runs with folders of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.data import SampleTable
from training.fit import Run
from training.recipe import Recipe


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., Run]:
    """Makes runs; each name has folders of its own."""

    def make(recipe: Recipe, samples: SampleTable, name: str = "run") -> Run:
        return Run(recipe, samples, "drawn", tmp_path / "runs" / name, tmp_path / "checkpoints" / name)

    return make
